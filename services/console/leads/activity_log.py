"""Logging what somebody did about a lead: a call, a note, a mail, a meeting. And taking that back."""

from typing import Any, cast

from aiohttp import web

from services.console.leads.change_causes import user_cause
from services.console.leads.changes import sent_texts
from services.console.leads.lead_page import RefusedLeadForm, find_lead, lead_path, render_lead
from services.console.leads.logged_words import LOGGED_SENTENCES
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.leads.logged_activities import (
    MAX_LOGGED_TEXT,
    LoggedActivity,
    LoggedEntry,
    find_logging_errors,
    log_activity,
    take_back_activity,
)
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

_SCHEMA = FieldsSchema(LoggedActivity)


@workspace_page(Permission.CHANGE_LEADS)
@answered_once
async def log(view: PageView) -> web.StreamResponse:
    """Log an activity, and offer to take it back."""
    record, texts = await find_lead(view), await sent_texts(view)
    lead_id, workspace_id, cause = record["id"], view.workspace.workspace_id, user_cause(view)
    audit_details(view.request, action="activity.logged", object=("lead", str(lead_id)))
    activity, problems = _read_activity(view, texts)
    if problems:
        return await render_lead(view, record, 422, log=RefusedLeadForm(texts, problems))

    async def write(connection: Connection) -> LoggedEntry | None:
        return await log_activity(connection, workspace_id, lead_id, activity, cause)

    entry = await view.console.writing(write)
    if entry is None:
        raise NotFound
    undo = lead_path(view, entry["lead_id"], f"activities/{entry['id']}/take-back")
    said, label = view.translate(LOGGED_SENTENCES[activity["type"]]), view.translate("Undo")
    view.redirect(f"{lead_path(view, entry['lead_id'])}#timeline", said, undo=undo, label=label)


@workspace_page(Permission.CHANGE_LEADS)
async def take_back(view: PageView) -> web.StreamResponse:
    """Take back what the reader logged within the last day."""
    lead_id, entry_id = path_id(view.request), path_id(view.request, "entry")
    workspace_id, cause = view.workspace.workspace_id, user_cause(view)
    audit_details(view.request, action="activity.taken_back", object=("lead", str(lead_id)))

    async def write(connection: Connection) -> bool:
        return await take_back_activity(connection, workspace_id, lead_id, entry_id, cause)

    if not await view.console.writing(write):
        raise NotFound
    view.redirect(f"{lead_path(view, lead_id)}#timeline", view.translate("It is taken back."))


def _read_activity(view: PageView, sent: dict[str, str]) -> tuple[LoggedActivity, dict[str, str]]:
    """Return what is logged, and what is wrong by field. The outcome of a call is chosen ahead of the kind."""
    wanted: dict[str, Any] = {name: text for name in ("type", "outcome", "text") if (text := sent.get(name, ""))}
    if wanted.get("type") != "call":
        wanted.pop("outcome", None)
    fields, errors = _SCHEMA.validate_fields({"type": None, **wanted})
    wrong = find_logging_errors(fields) | errors
    sentences = {
        "type": view.translate("Choose what to log."),
        "outcome": view.translate("Choose how the call ended."),
        "text": view.translate("Write what is to be noted, in up to %(n)s characters.", n=MAX_LOGGED_TEXT),
    }
    return cast("LoggedActivity", fields), {name: sentences[name] for name in wrong if name in sentences}
