"""What somebody changes about a lead: its facts, its stage, owner, star and tags. Or they delete it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from services.console.leads.change_causes import user_cause
from services.console.leads.edit_form import BEFORE_PREFIX, LeadEditForm, make_edit_form, read_lead_edits, value_text
from services.console.leads.lead_page import find_lead, lead_path, render_lead
from services.console.leads.problems import lead_problems
from services.console.leads.words import short_id
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.sent_form import LONG_FORM_BYTES
from shared.auth.roles import Permission
from shared.leads.lead_fields import LeadFields
from shared.leads.lead_records import LeadJson
from shared.leads.writes import LeadChange, RefusedChange, change_leads, delete_lead
from shared.likeness.pair_states import dismiss_pair
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

NAMES_SQL = """
SELECT 'pipeline_stage_id', id, name FROM pipeline_stages WHERE workspace_id = %(w)s
UNION ALL SELECT 'assigned_user_id', id, name FROM users WHERE workspace_id = %(w)s
"""
QUICK_FIELDS = ("pipeline_stage_id", "assigned_user_id", "starred", "status")
MAX_TAG_LENGTH = 100  # characters

_SCHEMA = FieldsSchema(LeadFields)


class LeadRefused(Exception):
    """The change was not made. The transaction is rolled back."""

    def __init__(self, refusal: RefusedChange) -> None:
        super().__init__("The lead was not changed.")
        self.refusal = refusal


@workspace_page(Permission.CHANGE_LEADS)
async def save_edits(view: PageView) -> web.StreamResponse:
    """Save what somebody changed in the form of the facts, or show the form again with what is wrong."""
    record, texts = await find_lead(view), await sent_texts(view)
    audit_details(view.request, action="lead.changed", object=("lead", str(record["id"])))
    change = read_lead_edits(record, texts)
    if not change.set_fields and not change.errors:
        view.redirect(lead_path(view, record["id"]), view.translate("Nothing was changed."))
    try:
        await change_lead(view, record["id"], change.errors, set_fields=change.set_fields, expected=change.expected)
    except LeadRefused as refused:
        return await _render_conflict(view, texts, refused.refusal)
    view.redirect(lead_path(view, record["id"]), view.translate("The facts are saved."))


@workspace_page(Permission.CHANGE_LEADS)
async def change(view: PageView) -> web.StreamResponse:
    """Change one thing at once: the stage, the owner, the star, the status, or a tag."""
    lead_id, texts = path_id(view.request), await sent_texts(view)
    audit_details(view.request, action="lead.changed", object=("lead", str(lead_id)))
    wanted: dict[str, Any] = {name: _quick_value(name, texts[name]) for name in QUICK_FIELDS if name in texts}
    fields, errors = _SCHEMA.validate_fields(wanted)
    tags: dict[str, Any] = {
        name: [tag] for name in ("add_tags", "remove_tags") if (tag := read_tag(texts.get(name, "")))
    }
    if errors or not (fields or tags):
        view.redirect(lead_path(view, lead_id), view.translate("Nothing was changed."))
    try:
        await change_lead(view, lead_id, set_fields=fields, **tags)
    except LeadRefused as refused:
        if refused.refusal.is_missing:
            raise NotFound from refused
        view.redirect(
            lead_path(view, lead_id), next(iter(lead_problems(view, refused.refusal.errors, {}, {}).values()))
        )
    view.redirect(lead_path(view, lead_id), view.translate("Saved."))


@workspace_page(Permission.BULK_LEADS)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a lead, after the page has asked."""
    lead_id = path_id(view.request)
    audit_details(view.request, action="lead.deleted", object=("lead", str(lead_id)))
    cause = user_cause(view)

    async def remove(connection: Connection) -> bool:
        return await delete_lead(connection, view.workspace.workspace_id, lead_id, cause)

    if not await view.console.writing(remove):
        raise NotFound
    view.redirect(view.path("leads"), view.translate("Lead %(id)s is deleted.", id=short_id(lead_id)))


@workspace_page(Permission.CHANGE_LEADS)
async def not_same(view: PageView) -> web.StreamResponse:
    """Say that another lead is not the same person. The next page offers to take it back."""
    lead_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    pair_id = _quick_value("pair", (await sent_texts(view)).get("pair", "")) or 0
    audit_details(view.request, action="duplicate.dismissed", object=("duplicate", str(pair_id)))
    by = f"account:{view.account.account_id}"

    async def dismiss(connection: Connection) -> None:
        if lead_id not in (await dismiss_pair(connection, workspace_id, pair_id, by))["lead_ids"]:
            raise NotFound

    try:
        await view.console.writing(dismiss)
    except Conflict:
        view.redirect(lead_path(view, lead_id), view.translate("These two are merged already."))
    view.console.forget_figures(workspace_id)
    undo, label = view.path(f"duplicates/{pair_id}/reopen"), view.translate("Undo")
    view.redirect(lead_path(view, lead_id), view.translate("Noted: not the same person."), undo=undo, label=label)


async def change_lead(view: PageView, lead_id: int, errors: FieldErrors | None = None, **what: Any) -> None:
    """Change a lead by the reader's hand. Raises LeadRefused.

    `errors` are those of the request itself: nothing is changed then, and all errors are reported together.
    """
    wanted = LeadChange(view.workspace.workspace_id, lead_id, cause=user_cause(view), **what)
    wrong = errors or {}

    async def write(connection: Connection) -> None:
        for refusal in await change_leads(connection, [wanted]):
            raise LeadRefused(replace(refusal, errors=refusal.errors | wrong))
        if wrong:
            raise LeadRefused(RefusedChange(wanted, is_missing=False, errors=wrong, holders={}, conflicts={}))

    await view.console.writing(write)


def read_tag(text: str) -> str:
    """Return the name of a tag as it is stored. Empty if it cannot be one."""
    fields, _errors = _SCHEMA.validate_fields({"tags": [text.strip()[:MAX_TAG_LENGTH]]})
    return next(iter(fields.get("tags") or ()), "")


async def sent_texts(view: PageView) -> dict[str, str]:
    """Return the fields of a form, without files."""
    return await view.read_fields(LONG_FORM_BYTES)


async def _render_conflict(view: PageView, texts: Mapping[str, str], refusal: RefusedChange) -> web.StreamResponse:
    """Show the form again. What it says of each changed field's value from before is now what the lead has."""
    if refusal.is_missing:
        raise NotFound
    async with view.console.reading() as connection:
        rows = await (await connection.execute(NAMES_SQL, {"w": view.workspace.workspace_id})).fetchall()
    names = {(row[0], row[1]): row[2] for row in rows}
    problems = lead_problems(view, refusal.errors, refusal.conflicts, names)
    seen = {f"{BEFORE_PREFIX}{name}": value_text(value) for name, value in refusal.conflicts.items()}
    return await _render_refused(view, await find_lead(view), {**texts, **seen}, problems, refusal.holders)


async def _render_refused(
    view: PageView, record: LeadJson, sent: Mapping[str, str], problems: dict[str, str], holders: dict[str, int]
) -> web.Response:
    form: LeadEditForm = make_edit_form(record, sent)
    form.problems, form.holders = problems, holders
    return await render_lead(view, record, 422, facts=form)


def _quick_value(name: str, text: str) -> Any:
    if name == "starred":
        return text == "1"
    if name == "status":
        return text
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
