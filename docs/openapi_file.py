"""Writes docs/openapi.json, the document of the whole service: `.venv/bin/python -m docs.openapi_file`."""

import json
from pathlib import Path

from services.api.app import DOWNLOAD_ROUTES
from services.api.app import ROUTES as API_ROUTES
from services.api.openapi.document import ANY_SERVER, openapi_document
from services.api.openapi.handlers import ROUTES as DOCUMENTATION_ROUTES
from services.gateway.app import GATEWAY_ROUTES as GATEWAY_ROUTES

OPENAPI_FILE = Path(__file__).with_name("openapi.json")


def openapi_text() -> str:
    """The file's text."""
    routes = [*API_ROUTES, *DOWNLOAD_ROUTES, *DOCUMENTATION_ROUTES, *GATEWAY_ROUTES]
    made = openapi_document(routes, server=ANY_SERVER)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI_FILE.write_text(openapi_text(), encoding="utf-8")
