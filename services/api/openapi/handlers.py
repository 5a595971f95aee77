"""`/api/v1/openapi.json`, and `/api/documentation`, which shows it with Swagger UI. Each response is made once."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from services.api.openapi.document import openapi_document
from shared.platform.errors import NotFound
from shared.platform.web.openapi import responds
from shared.platform.web.static_responses import LazyResponse, StaticResponse
from shared.service_app.authorization import public

STATIC_DIR = Path(__file__).with_name("static")
PAGE_FILES = {  # by the last part of their path
    "page.css": STATIC_DIR / "page.css",
    "page.js": STATIC_DIR / "page.js",
    "swagger-ui.css": STATIC_DIR / "swagger-ui" / "swagger-ui.css",
    "swagger-ui-bundle.js": STATIC_DIR / "swagger-ui" / "swagger-ui-bundle.js",
}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
# Swagger UI sets inline styles through the DOM, which needs no exception. Its style sheet has icons as data: URLs.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


DOCUMENT_KEY = web.AppKey("document", LazyResponse)
PAGE_KEY = web.AppKey("page", StaticResponse)
PAGE_FILES_KEY = web.AppKey("files", dict[str, LazyResponse])


@public
@responds(dict[str, Any], envelope=False, other_statuses=(304,))
async def openapi(request: web.Request) -> web.Response:
    """Show this document. It is made of the code that checks the requests."""
    return (await request.app[DOCUMENT_KEY].get()).response_for(request)


@public
@responds(None, raw="text/html", other_statuses=(304,))
async def documentation(request: web.Request) -> web.Response:
    """Show this document as a page for people."""
    return request.app[PAGE_KEY].response_for(request)


@public
@responds(None, raw="text/javascript", other_statuses=(304,))
async def page_file(request: web.Request) -> web.Response:
    """Send a script or a style of the page."""
    file = request.app[PAGE_FILES_KEY].get(request.match_info["name"])
    if file is None:
        raise NotFound
    return (await file.get()).response_for(request)


ROUTES = [
    web.get("/api/v1/openapi.json", openapi),
    web.get("/api/documentation", documentation),
]
FILE_ROUTES = [web.get("/api/documentation/{name}", page_file)]  # not in the document


def prepare_documentation(app: web.Application, described: Sequence[web.RouteDef], public_url: str) -> None:
    """Make the page, and arrange for the document of the routes."""
    url = public_url.rstrip("/")
    app[DOCUMENT_KEY] = LazyResponse(
        lambda: StaticResponse(orjson.dumps(openapi_document(described, url)), "application/json")
    )
    app[PAGE_KEY] = make_page()
    app[PAGE_FILES_KEY] = {name: LazyResponse(partial(_read_file, path)) for name, path in PAGE_FILES.items()}


def make_page() -> StaticResponse:
    """Return the page, with a policy that blocks inline code and everything from other hosts."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer"}
    return StaticResponse((STATIC_DIR / "page.html").read_bytes(), "text/html", headers)


def _read_file(path: Path) -> StaticResponse:
    return StaticResponse(path.read_bytes(), MEDIA_TYPES[path.suffix])
