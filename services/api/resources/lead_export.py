"""`GET /api/v1/leads/export`: all leads that the filters of the list match, as a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from services.api.context import driver_connection, listing
from services.api.read_timeout import READ_TIMEOUT_SECONDS
from services.api.request_parsing import query_of, workspace_of
from services.api.schemas.imports import LeadExportQuery
from shared.files.streamed_download import stream_download
from shared.lead_export.lead_pages import MEDIA_TYPES, LeadExport, export_pieces, prepare_export
from shared.platform.db.connections import Connection, with_deadline
from shared.platform.web.openapi import query_params, responds
from shared.service_app.audit import always_audited, audit_details
from shared.service_app.authorization import requires_scope


@always_audited
@requires_scope("read:leads")
@query_params(LeadExportQuery)
@responds(None, raw=tuple(MEDIA_TYPES.values()))
async def export(request: web.Request) -> web.StreamResponse:
    """Export all leads that match, as CSV or as NDJSON with one lead a line, in the order of their ids.

    No cell of the CSV is executed by a spreadsheet, and an import of it gives equal leads. The file is sent while it is
    read, in short reads: a lead that is created or changed meanwhile may be in it as it was or as it is. If the server
    fails on the way, the body breaks off without its end.
    """
    asked = dict(query_of(request))
    lead_export = await with_deadline(READ_TIMEOUT_SECONDS, _prepare(request, asked))
    narrowed = {name: value for name, value in asked.items() if name not in ("sort", "direction", "format")}
    audit_details(request, action="lead.exported", filter=narrowed)
    pieces: AsyncIterator[bytes] = export_pieces(lead_export, lambda: _connection(request))
    return await stream_download(request, lead_export.file_name, lead_export.media_type, pieces)


async def _prepare(request: web.Request, query: dict[str, object]) -> LeadExport:
    format = query.pop("format", "csv")
    async with listing(request) as connection:
        database = await driver_connection(connection)
        return await prepare_export(database, workspace_of(request), query, "ndjson" if format == "ndjson" else "csv")


@asynccontextmanager
async def _connection(request: web.Request) -> AsyncIterator[Connection]:
    async with listing(request) as connection:
        yield await driver_connection(connection)
