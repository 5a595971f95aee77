"""Pages about the API: the list of its operations, and Swagger UI for a server of the reader's choice."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.site.page_sources import OPENAPI_SOURCE, PROJECT_ROOT

OWN_FILES = Path(__file__).with_name("api_reference")
SWAGGER_FOLDER = PROJECT_ROOT / "services" / "api" / "openapi" / "static" / "swagger-ui"
SWAGGER_NAMES = ("swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt")
PRODUCT_STYLES = PROJECT_ROOT / "services" / "api" / "openapi" / "static" / "page.css"
INTRODUCTION = PROJECT_ROOT / "services" / "api" / "openapi" / "introduction.md"
REFERENCE_FOLDER = "api-reference"
METHODS = ("get", "post", "put", "patch", "delete")
PAGE_HEAD = """\
# The API

[Open the reference]({reference}/index.html){{ .md-button .md-button--primary }}

It shows each operation with its fields, and tries requests against your own server.

A running LeadHub shows the same at `/api/documentation`. The document itself is [openapi.json](openapi.json).

"""
OPERATIONS_HEAD = """
## All operations

Each name leads to the operation in the reference.
"""


def api_page(reference: str = REFERENCE_FOLDER) -> str:
    """Return the page with the API's introduction and all its operations by tag."""
    document = json.loads((PROJECT_ROOT / OPENAPI_SOURCE).read_text(encoding="utf-8"))
    sections = [_tag_section(document, tag, reference) for tag in document["tags"]]
    introduction = INTRODUCTION.read_text(encoding="utf-8")
    return PAGE_HEAD.format(reference=reference) + introduction + OPERATIONS_HEAD + "\n".join(sections)


def write_reference(folder: Path) -> None:
    """Put the page of the reference, its scripts and its styles into a folder of the built site."""
    shutil.copytree(OWN_FILES, folder)
    shutil.copy(PRODUCT_STYLES, folder / "page.css")
    for name in SWAGGER_NAMES:
        shutil.copy(SWAGGER_FOLDER / name, folder / name)


def _tag_section(document: dict[str, Any], tag: dict[str, str], reference: str) -> str:
    rows = "".join(
        f"| [{operation['summary']}]({reference}/index.html#/{tag['name']}/{operation['operationId']}) "
        f"| {method.upper()} | `{path}` |\n"
        for method, path, operation in _operations(document)
        if tag["name"] in operation["tags"]
    )
    head = f"\n### Operations: {tag['name']}\n\n{tag['description']}\n"
    return f"{head}\n| operation | method | path |\n|---|---|---|\n{rows}"


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from (
            (method, path, item[method])
            for method in METHODS
            if method in item and not item[method].get("x-sdk-ignore")
        )
