"""`/api/v1/openapi.json` and `/api/documentation`: made once."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from services.api.openapi.document import document
from shared.web.access import public
from shared.web.describe import gives

STATIC = Path(__file__).with_name("static")


class Fixed:
    """An answer that stays the same for the life of the process."""

    def __init__(self, body: bytes, media: str, headers: Mapping[str, str] | None = None) -> None:
        self.tag = hashlib.sha256(body).hexdigest()[:32]
        self._body = body
        self._headers = {
            "Content-Type": f"{media}; charset=utf-8" if media.startswith("text/") else media,
            "Cache-Control": "no-cache",  # kept, and asked about each time: the tag makes that cheap
            "ETag": f'"{self.tag}"',
            **(headers or {}),
        }

    def answer(self, request: web.Request) -> web.Response:
        """The whole of it, or 304 to who has it."""
        for known in request.if_none_match or ():
            if known.value in ("*", self.tag):
                return web.Response(status=304, headers={"ETag": self._headers["ETag"]})
        return web.Response(body=self._body, headers=self._headers)


class Late:
    """An answer that is made when it is first asked for, in a thread: it takes too long for a start, and for the event
    loop."""

    def __init__(self, make: Callable[[], Fixed]) -> None:
        self._make = make
        self._made: asyncio.Task[Fixed] | None = None

    async def get(self) -> Fixed:
        """The answer. Who leaves meanwhile stops no other's waiting, and what failed is tried again by the next."""
        if self._made is None or (self._made.done() and self._made.exception()):
            self._made = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._made)


DOCUMENT = web.AppKey("document", Late)
PAGE = web.AppKey("page", Fixed)


@public
@gives(dict[str, Any], envelope=False, other_statuses=(304,))
async def openapi(request: web.Request) -> web.Response:
    """Show this document. It is made of the code that checks the requests."""
    return (await request.app[DOCUMENT].get()).answer(request)


@public
@gives(None, raw="text/html", other_statuses=(304,))
async def documentation(request: web.Request) -> web.Response:
    """Show this document as a page for people."""
    return request.app[PAGE].answer(request)


ROUTES = [
    web.get("/api/v1/openapi.json", openapi),
    web.get("/api/documentation", documentation),
]


def prepare(app: web.Application, described: Sequence[web.RouteDef], public_url: str) -> None:
    """Makes the page, and arranges for the document of those routes."""
    url = public_url.rstrip("/")
    app[DOCUMENT] = Late(lambda: Fixed(orjson.dumps(document(described, url)), "application/json"))
    app[PAGE] = page()


def page() -> Fixed:
    """The page with its style and its script inside: one answer, and a policy that lets nothing else run."""
    html = _static("page.html")
    hashes = {}
    for name in ("page.css", "page.js"):
        text = _static(name)
        html = html.replace(f"/* {name} */", text)
        hashes[name] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{hashes['page.css']}'; script-src 'sha256-{hashes['page.js']}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Fixed(html.encode(), "text/html", headers)


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
