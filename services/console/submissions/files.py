"""Files that visitors sent, as downloads."""

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.files.file_records import find_file
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_uuid


@workspace_page(Permission.SEE_PERSONS)
async def download(view: PageView) -> web.StreamResponse:
    """Download a file. The connection of the database is given back first: who downloads may be slow."""
    async with view.console.reading() as connection:
        file = await find_file(connection, view.workspace.workspace_id, path_uuid(view.request))
    if file is None:
        raise NotFound
    return await view.console.files.send(view.request, file)
