"""`/api/v1/openapi.json`, and `/api/documentation`, which shows it with Swagger UI. Each response is made once."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from services.api.openapi.document import openapi_document
from shared.errors import NotFound
from shared.web.authorization import public
from shared.web.openapi import responds

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


class StaticResponse:
    """A response that stays the same for the life of the process."""

    def __init__(self, body: bytes, media: str, headers: Mapping[str, str] | None = None) -> None:
        self._tag = hashlib.sha256(body).hexdigest()[:32]
        self._body = body
        self._compressed = gzip.compress(body, mtime=0)
        self._headers = {
            "Content-Type": f"{media}; charset=utf-8" if media.startswith("text/") else media,
            "Cache-Control": "no-cache",  # cached, and revalidated by its ETag each time
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        }

    def response_for(self, request: web.Request) -> web.Response:
        """Return the response, compressed if the client accepts that, or 304 if the client has it."""
        is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
        tag = f"{self._tag}-gzip" if is_compressed else self._tag
        headers = {**self._headers, "ETag": f'"{tag}"'}
        if any(known.value in ("*", tag) for known in request.if_none_match or ()):
            return web.Response(status=304, headers={"ETag": headers["ETag"], "Vary": headers["Vary"]})
        if is_compressed:
            return web.Response(body=self._compressed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=self._body, headers=headers)


class LazyResponse:
    """A response that is made in a thread when it is first requested: that takes too long for the start and the event
    loop."""

    def __init__(self, make: Callable[[], StaticResponse]) -> None:
        self._make = make
        self._made: asyncio.Task[StaticResponse] | None = None

    async def get(self) -> StaticResponse:
        """Return the response. A cancelled caller does not cancel it for others, and a failure is retried by the next
        caller."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._made)


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
    found = request.app[PAGE_FILES_KEY].get(request.match_info["name"])
    if found is None:
        raise NotFound
    return (await found.get()).response_for(request)


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
