"""A rejected row of an import as a new lead: somebody mends it, and adds it by hand."""

from typing import Any

from aiohttp import web

from services.console.imports import words as import_words
from services.console.imports.mended_rows import lead_texts
from services.console.imports.reads import read_country
from services.console.leads.creation import new_lead_values
from services.console.leads.edit_form import FORM_FIELDS
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.imports import import_control
from shared.imports.import_report import ReportRow, read_rows
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id


@workspace_page(Permission.BULK_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a rejected row in the form of a new lead, with what is wrong at its fields."""
    workspace_id, import_id, number = view.workspace.workspace_id, path_id(view.request), path_id(view.request, "row")
    async with view.console.reading() as connection:
        import_row = await import_control.read_import(connection, workspace_id, import_id)
        rows = await read_rows(connection, workspace_id, import_row, "invalid", limit=1, after=number - 1)
        country = await read_country(connection, workspace_id)
    row = next((one for one in rows if one["row"] == number and one["values"]), None)
    if row is None:
        raise NotFound
    problems = _problems_of(view, row)
    back = view.path(f"import/{import_id}", state="invalid") + "#rows"
    values: dict[str, Any] = {
        **await new_lead_values(view, lead_texts(import_row, row["values"], country), problems),
        "address": lambda below="": view.path("leads/new") if below else back,
        "back": back,
        "file_name": import_row["file_name"],
        "row_number": number,
        "reasons": [
            import_words.reason_text(view, reason)
            for reason in row["reasons"]
            if import_words.reason_field(reason) not in problems  # others stand at their fields
        ],
    }
    return await view.render("imports/mend.html", **values)


def _problems_of(view: PageView, row: ReportRow) -> dict[str, str]:
    """Return what is wrong with the row, by the field of the form that it is about."""
    reasons = {import_words.reason_field(reason): reason for reason in reversed(row["reasons"])}
    return {field: import_words.reason_text(view, reason) for field, reason in reasons.items() if field in FORM_FIELDS}
