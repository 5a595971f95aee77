"""Exports of leads: what a list's filters match, as CSV or NDJSON, streamed."""
