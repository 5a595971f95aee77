"""A lead that somebody adds by hand."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.leads.change_causes import user_cause
from services.console.leads.changes import sent_texts
from services.console.leads.edit_form import CUSTOM_PREFIX, FORM_FIELDS, make_edit_form, read_lead_edits
from services.console.leads.lead_page import lead_path
from services.console.leads.problems import lead_problems
from services.console.leads.related_records import read_lead_choices
from services.console.leads.words import field_label, status_words
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.leads.writes import LeadNotCreated, create_lead
from shared.platform.db.connections import Connection
from shared.service_app.audit import audit_details

BLANK_LEAD: Mapping[str, Any] = {**dict.fromkeys(FORM_FIELDS), "status": "new", "custom_fields": {}}
NAMING_FIELDS = ("first_name", "last_name", "email", "phone", "company")


@workspace_page(Permission.CHANGE_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the empty form."""
    return await _render(view)


class NewLeadRefused(Exception):
    """A form makes no lead: what is wrong, by field, and which lead holds a contact already."""

    def __init__(self, problems: Mapping[str, str], holders: Mapping[str, int]) -> None:
        super().__init__(*problems)
        self.problems, self.holders = problems, holders


@workspace_page(Permission.CHANGE_LEADS)
@answered_once
async def submit(view: PageView) -> web.StreamResponse:
    """Create the lead, or show the form again with what is wrong."""
    texts = await sent_texts(view)
    try:
        lead_id = await view.console.writing(lambda connection: store_new_lead(view, connection, texts))
    except NewLeadRefused as refused:
        return await _render(view, texts, refused.problems, refused.holders)
    audit_details(view.request, action="lead.created", object=("lead", str(lead_id)))
    view.redirect(lead_path(view, lead_id), view.translate("The lead is added."))


async def store_new_lead(view: PageView, connection: Connection, texts: Mapping[str, str]) -> int:
    """Create the lead of a form in the caller's transaction, and return its id. Raises NewLeadRefused."""
    typed = read_lead_edits(BLANK_LEAD, texts)
    if not any(typed.set_fields.get(name) for name in NAMING_FIELDS) and not typed.errors:
        problem = view.translate("A lead needs a name, a company, an e-mail or a phone number.")
        raise NewLeadRefused({"first_name": problem}, {})
    errors, holders, lead_id = typed.errors, {}, 0
    try:
        lead_id = await create_lead(connection, view.workspace.workspace_id, typed.set_fields, user_cause(view))
    except LeadNotCreated as refused:
        errors, holders = refused.errors | errors, dict(refused.holders)
    if errors:
        raise NewLeadRefused(lead_problems(view, errors, {}, {}), holders)
    return lead_id


async def new_lead_values(
    view: PageView,
    texts: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    holders: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return what the form of a new lead shows: texts by field, and what is wrong with them."""
    typed_keys = [name.removeprefix(CUSTOM_PREFIX) for name in texts or {} if name.startswith(CUSTOM_PREFIX)]
    form = make_edit_form({**BLANK_LEAD, "custom_fields": dict.fromkeys(typed_keys, "")}, texts)
    form.problems, form.holders = dict(problems or {}), dict(holders or {})
    async with view.console.reading() as connection:
        choices = await read_lead_choices(connection, view.workspace.workspace_id)
    return {
        "facts": form,
        "around": choices,
        "statuses": status_words(view),
        "label": lambda name: field_label(view, name),
        "address": lambda below="": view.path("leads/new" if below else "leads"),
    }


async def _render(
    view: PageView,
    texts: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    holders: Mapping[str, int] | None = None,
) -> web.Response:
    values = await new_lead_values(view, texts, problems, holders)
    return await view.render("leads/new.html", 422 if problems else 200, **values)
