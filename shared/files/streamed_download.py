"""Answer with a file that is made while it is sent. A part of it never looks like the whole."""

from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from shared.files.file_names import DOWNLOAD_HEADERS, attachment_header
from shared.platform.observability import logging
from shared.platform.web.response_headers import complete_headers

log = logging.get_logger()


async def stream_download(
    request: web.Request, name: str, media_type: str, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Send the pieces as a file of that name. If making one fails, the connection breaks before the end of the body."""
    response = web.StreamResponse(headers={**DOWNLOAD_HEADERS, hdrs.CONTENT_DISPOSITION: attachment_header(name)})
    response.content_type, response.charset = media_type, "utf-8"
    complete_headers(request, response)
    try:
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        log.info("download.left", file=media_type)
    except Exception:
        log.exception("download.failed", file=media_type)
        if request.transport is not None:
            request.transport.abort()
    return response
