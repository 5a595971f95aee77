"""Files of many rows: read page by page and sent as they are read, so that none is held in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiohttp import web

from services.console.web.page_view import PageView
from shared.files.streamed_download import stream_download
from shared.platform.spreadsheet_cells import csv_text

CsvPages = AsyncIterator[Sequence[Sequence[Any]]]


async def stream_csv(view: PageView, name: str, heading: Sequence[str], pages: CsvPages) -> web.StreamResponse:
    """Answer a file of that name. If reading fails on the way, the connection breaks: no file looks whole that is not.

    A connection of the database should be held for a page only, since whoever downloads may be slow.
    """
    return await stream_download(view.request, name, "text/csv", _csv_pieces(heading, pages))


async def _csv_pieces(heading: Sequence[str], pages: CsvPages) -> AsyncIterator[bytes]:
    yield csv_text([heading]).encode()
    async for rows in pages:
        yield csv_text(rows).encode()
