"""Files of many rows: read page by page and sent as they are read, so that none is held in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiohttp import web

from services.console.page_view import PageView
from services.console.rendering import PAGE_HEADERS
from shared.observability import logging
from shared.spreadsheet_cells import csv_text

log = logging.get_logger()

CsvPages = AsyncIterator[Sequence[Sequence[Any]]]


async def stream_csv(view: PageView, name: str, heading: Sequence[str], pages: CsvPages) -> web.StreamResponse:
    """Answer a file of that name. If reading fails on the way, the connection breaks: no file looks whole that is not.

    A connection of the database should be held for a page only, since whoever downloads may be slow.
    """
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = "text/csv", "utf-8"
    await response.prepare(view.request)
    try:
        await response.write(csv_text([heading]).encode())
        async for rows in pages:
            await response.write(csv_text(rows).encode())
        await response.write_eof()
    except ConnectionResetError:
        log.info("console.download_left")
    except Exception:
        log.exception("console.download_failed")
        if view.request.transport is not None:
            view.request.transport.abort()
    return response
