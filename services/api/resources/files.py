"""`/api/v1/files`: what visitors sent with forms."""

from aiohttp import web

from services.api.context import FILES_KEY, driver_connection, reading
from services.api.read_timeout import READ_TIMEOUT_SECONDS
from services.api.request_parsing import workspace_of
from shared.files.file_records import FileRecord, find_file
from shared.platform.db.connections import with_deadline
from shared.platform.errors import NotFound
from shared.platform.web.openapi import responds
from shared.platform.web.path_params import path_uuid
from shared.service_app.authorization import requires_scope

FILE_MEDIA_TYPE = "application/octet-stream"


@requires_scope("read:leads")
@responds(None, raw=FILE_MEDIA_TYPE)
async def download(request: web.Request) -> web.StreamResponse:
    """Download a file that came with a form, by the `id` in the submission's payload.

    The answer is always a download: browsers neither show nor run it. Its type is that which the file's bytes show, and
    `application/octet-stream` for HTML, SVG, XML and scripts.
    """
    file = await with_deadline(READ_TIMEOUT_SECONDS, _find_file(request))
    if file is None:
        raise NotFound
    return await request.app[FILES_KEY].send(request, file)


async def _find_file(request: web.Request) -> FileRecord | None:
    async with reading(request) as connection:
        return await find_file(await driver_connection(connection), workspace_of(request), path_uuid(request))
