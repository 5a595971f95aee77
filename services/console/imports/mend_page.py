"""A rejected row of an import as a new lead: somebody mends it, and adds it by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from services.console.imports import words as import_words
from services.console.imports.mended_leads import lock_row, note_mended, read_mended
from services.console.imports.mended_rows import lead_texts
from services.console.imports.reads import read_country
from services.console.leads.changes import sent_texts
from services.console.leads.creation import NewLeadRefused, new_lead_values, store_new_lead
from services.console.leads.edit_form import FORM_FIELDS
from services.console.leads.lead_page import lead_path
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.imports import import_control
from shared.imports.import_control import ImportJson
from shared.imports.import_report import ReportRow, read_rows
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_as_continued, audit_details


@dataclass(frozen=True)
class RejectedRow:
    """A rejected row with its import, the country of the workspace, and the lead that it became meanwhile."""

    found: ImportJson
    row: ReportRow
    country: str | None
    lead_id: int | None


@workspace_page(Permission.BULK_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a rejected row in the form of a new lead, with what is wrong at its fields. One that is mended: its lead."""
    rejected = await _find(view)
    if rejected.lead_id is not None:
        _show_lead(view, rejected.lead_id)
    texts = lead_texts(rejected.found, rejected.row["values"], rejected.country)
    return await _render(view, rejected, texts, _problems_of(view, rejected.row))


@workspace_page(Permission.BULK_LEADS)
@answered_once
async def save(view: PageView) -> web.StreamResponse:
    """Make a lead of the row as it was mended, and note it beside the row. Nothing else is made of it again."""
    rejected, texts = await _find(view), await sent_texts(view)
    workspace_id, import_id, number = view.workspace.workspace_id, rejected.found["id"], rejected.row["row"]

    async def mend(connection: Connection) -> tuple[int, bool]:
        await lock_row(connection, workspace_id, import_id, number)
        mended = await read_mended(connection, workspace_id, import_id, [number])
        if number in mended:
            return mended[number], False
        lead_id = await store_new_lead(view, connection, texts)
        await note_mended(connection, workspace_id, import_id, number, lead_id)
        return lead_id, True

    try:
        lead_id, is_new = await view.console.writing(mend)
    except NewLeadRefused as refused:
        return await _render(view, rejected, texts, refused.problems, refused.holders)
    if not is_new:
        audit_as_continued(view.request)  # nothing is changed
        _show_lead(view, lead_id)
    audit_details(view.request, object=("lead", str(lead_id)))
    said = view.translate("The lead is added.")
    view.redirect(_rows_path(view), said, link=lead_path(view, lead_id), label=view.translate("Open the lead"))


def _show_lead(view: PageView, lead_id: int) -> NoReturn:
    view.redirect(lead_path(view, lead_id), view.translate("The row was mended before: this lead came of it."))


async def _find(view: PageView) -> RejectedRow:
    """Return the row that the address names. Raises NotFound if it is none, or was not rejected."""
    workspace_id, import_id, number = view.workspace.workspace_id, path_id(view.request), path_id(view.request, "row")
    async with view.console.reading() as connection:
        import_row = await import_control.read_import(connection, workspace_id, import_id)
        rows = await read_rows(connection, workspace_id, import_row, "invalid", limit=1, after=number - 1)
        mended = await read_mended(connection, workspace_id, import_id, [number])
        country = await read_country(connection, workspace_id)
    row = next((one for one in rows if one["row"] == number and one["values"]), None)
    if row is None:
        raise NotFound
    return RejectedRow(import_row, row, country, mended.get(number))


async def _render(
    view: PageView,
    rejected: RejectedRow,
    texts: Mapping[str, str],
    problems: Mapping[str, str],
    holders: Mapping[str, int] | None = None,
) -> web.Response:
    back, number = _rows_path(view), rejected.row["row"]
    here = view.path(f"import/{rejected.found['id']}/rows/{number}")
    values: dict[str, Any] = {
        **await new_lead_values(view, texts, problems, holders),
        "address": lambda below="": here if below else back,
        "back": back,
        "file_name": rejected.found["file_name"],
        "row_number": number,
        "reasons": [
            import_words.reason_text(view, reason)
            for reason in rejected.row["reasons"]
            if import_words.reason_field(reason) not in problems  # others stand at their fields
        ],
    }
    return await view.render("imports/mend.html", 200 if view.request.method == "GET" else 422, **values)


def _rows_path(view: PageView) -> str:
    return view.path(f"import/{path_id(view.request)}", state="invalid") + "#rows"


def _problems_of(view: PageView, row: ReportRow) -> dict[str, str]:
    """Return what is wrong with the row, by the field of the form that it is about."""
    reasons = {import_words.reason_field(reason): reason for reason in reversed(row["reasons"])}
    return {field: import_words.reason_text(view, reason) for field, reason in reasons.items() if field in FORM_FIELDS}
