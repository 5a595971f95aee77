"""Writes the parts of the clients that follow from `docs/openapi.json`: `.venv/bin/python -m integrations.codegen`."""
