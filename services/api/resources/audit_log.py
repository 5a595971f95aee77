"""`GET /api/v1/audit-log`: who steered what, and was refused what."""

from aiohttp import web

from services.api.context import driver_connection, listing
from services.api.pages import PageRequest, page_response, read_page
from services.api.request_parsing import query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.audit_log import AuditQuery, AuditRecord
from shared.audit.audit_list import (
    MAX_CSV_ENTRIES,
    AuditFilter,
    EntryDict,
    count_entries,
    entries_as_csv,
    list_entries,
)
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

CSV_HEADERS = {
    "Content-Disposition": 'attachment; filename="audit-log.csv"',
    "X-Content-Type-Options": "nosniff",
}


@requires_scope("*")
@query_params(AuditQuery)
@responds(AuditRecord, listed=True, raw="text/csv")
async def index(request: web.Request) -> web.Response:
    """List the workspace's audit log, newest first.

    It holds requests that steer, refused ones too: of operations, users, keys, integrations, automations and forms; and
    commands about workspaces and keys. A request is listed within about a second. Entries are kept for 400 days unless
    the operator sets another time.

    `format=csv` answers a file of the newest 10,000 entries that match, whatever the page.
    """
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    raise_if_invalid(errors)
    is_csv = query.pop("format", "json") == "csv"
    which, workspace = AuditFilter(**query), workspace_of(request)
    async with listing(request) as connection:
        database = await driver_connection(connection)
        if is_csv:
            entries = await list_entries(database, workspace, which, limit=MAX_CSV_ENTRIES)
            return web.Response(text=entries_as_csv(entries), content_type="text/csv", headers=CSV_HEADERS)
        entries, total = await _read_page(database, workspace, which, page)
    return json_response(page_response(request, entries, page, total))


async def _read_page(
    connection: Connection, workspace_id: int, which: AuditFilter, page: PageRequest
) -> tuple[list[EntryDict], int]:
    if page.walk:
        after_id = page.walk.after.id if page.walk.after else None
        found = await list_entries(connection, workspace_id, which, limit=page.size + 1, after_id=after_id)
        return found[: page.size], len(found)
    total = await count_entries(connection, workspace_id, which)
    if page.offset >= total:
        return [], total
    return await list_entries(connection, workspace_id, which, limit=page.size, offset=page.offset), total
