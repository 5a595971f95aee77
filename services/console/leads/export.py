"""Leads as a file: all that the list's filters match, by the use case of the API."""

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.files.streamed_download import stream_download
from shared.lead_export.lead_pages import ExportFormat, export_pieces, prepare_export
from shared.lead_list.list_query import LeadListQuery
from shared.platform.errors import ValidationFailed
from shared.platform.validation.schema import FieldsSchema
from shared.service_app.audit import always_audited, audit_details

FILTERS = FieldsSchema(LeadListQuery)
ORDER_NAMES = ("sort", "direction")


@workspace_page(Permission.BULK_LEADS)
@always_audited
async def download(view: PageView) -> web.StreamResponse:
    """Answer all leads that match the filters in the address, as CSV or with `format=ndjson` line by line."""
    fields, errors = FILTERS.validate_fields(view.request.query)
    if errors:
        raise ValidationFailed(errors)
    filters = {name: value for name, value in fields.items() if value is not None and name not in ORDER_NAMES}
    format: ExportFormat = "ndjson" if view.request.query.get("format") == "ndjson" else "csv"
    async with view.console.reading() as connection:
        lead_export = await prepare_export(connection, view.workspace.workspace_id, filters, format)
    audit_details(view.request, action="lead.exported", filter=filters)
    return await stream_download(
        view.request, lead_export.file_name, lead_export.media_type, export_pieces(lead_export, view.console.reading)
    )
