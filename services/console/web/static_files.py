"""The console's files: style sheet, scripts, icons.

Their address holds a hash of all files, so that browsers keep them for as long as nothing changes. The style sheet is
sent as one file: each `@import` of `styles/console.css` is replaced by the file, in its cascade layer.
"""

import hashlib
from functools import partial
from pathlib import Path

from aiohttp import web

from shared.platform.errors import NotFound
from shared.platform.style_sheets import joined_style_sheet
from shared.platform.web.openapi import responds
from shared.platform.web.static_responses import LazyResponse, StaticResponse
from shared.service_app.authorization import public

STATIC_DIR = Path(__file__).parents[1] / "static"
STATIC_PREFIX = "/console/static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STYLE_SHEET = STATIC_DIR / "styles" / "console.css"
KEEP_FOREVER = "public, max-age=31536000, immutable"


class StaticFiles:
    """The files, by their path below `static/`."""

    def __init__(self) -> None:
        paths = [path for path in sorted(STATIC_DIR.rglob("*")) if path.suffix in MEDIA_TYPES]
        contents = {path.relative_to(STATIC_DIR).as_posix(): path for path in paths}
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()
        self._base = f"{STATIC_PREFIX}/{digest[:16]}"
        self._responses = {name: LazyResponse(partial(_read_file, path)) for name, path in contents.items()}

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError for a file that does not exist."""
        self._responses[name]
        return f"{self._base}/{name}"

    async def find(self, name: str) -> StaticResponse:
        """Return a file. Raises NotFound."""
        response = self._responses.get(name)
        if response is None:
            raise NotFound
        return await response.get()


STATIC_FILES = web.AppKey("static_files", StaticFiles)


@public
@responds(None, raw="text/css", other_statuses=(304,))
async def send_file(request: web.Request) -> web.Response:
    """Send a file of the console, whatever the hash in its address: an old page gets the new file."""
    return (await request.app[STATIC_FILES].find(request.match_info["name"])).response_for(request)


STATIC_ROUTES = [web.get(STATIC_PREFIX + "/{digest}/{name:.+}", send_file)]


def _read_file(path: Path) -> StaticResponse:
    content = joined_style_sheet(path).encode() if path == STYLE_SHEET else path.read_bytes()
    return StaticResponse(content, MEDIA_TYPES[path.suffix], {"Cache-Control": KEEP_FOREVER})
