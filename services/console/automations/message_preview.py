"""A message on a real lead, while it is being written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic_core import PydanticCustomError

from services.console.automations.builder_choices import BuilderChoices
from services.console.automations.draft_problems import template_problem
from services.console.automations.draft_steps import PartInputs, read_step
from services.console.leads.words import field_label
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_editing import find_automation
from shared.automations.templates import TemplateTooCostly, check_template, compile_template
from shared.leads.lead_records import read_leads
from shared.leads.lead_redirects import find_answering_lead
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_as_continued

MESSAGE_KINDS = frozenset(("send_email", "send_sms", "notify_slack", "notify_users", "create_task"))
MEMBERS = ("subject", "title", "body", "text")  # in the order in which they are shown
MAX_PREVIEW_CHARS = 5_000
MAX_ID_DIGITS = 18
NEWEST_LEAD_SQL = "SELECT id FROM leads WHERE workspace_id = %s ORDER BY created_at DESC, id DESC LIMIT 1"


@dataclass(frozen=True)
class MessagePreview:
    """The texts of a message by member, for a lead, the problems of its templates, and fields that are empty there."""

    lead: Mapping[str, Any] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    empty_fields: tuple[str, ...] = ()


@workspace_page(Permission.SET_UP)
async def show(view: PageView) -> web.StreamResponse:
    """Show the message of the form as it is typed. Nothing is stored or sent."""
    form = await view.read_form()
    audit_as_continued(view.request)
    inputs = PartInputs(form, list(dict.fromkeys(form)))
    async with view.console.reading() as connection:
        await find_automation(connection, view.workspace.workspace_id, path_id(view.request))
        lead = await read_preview_lead(connection, view.workspace.workspace_id, inputs.text("lead"))
    preview = await preview_message(view, read_step(inputs), lead)
    html = view.render_text("automations/_preview.html", preview=preview)
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


async def read_preview_lead(connection: Connection, workspace_id: int, chosen: str) -> Mapping[str, Any] | None:
    """Return the chosen lead, without a choice the newest one; None if it is not there."""
    digits = chosen.strip().removeprefix("#")
    if not digits:
        row = await (await connection.execute(NEWEST_LEAD_SQL, (workspace_id,))).fetchone()
        lead_id = row[0] if row else None
    elif digits.isascii() and digits.isdigit() and len(digits) <= MAX_ID_DIGITS:
        lead_id = await find_answering_lead(connection, workspace_id, int(digits))
    else:
        lead_id = None
    return (await read_leads(connection, [(workspace_id, lead_id)])).get((workspace_id, lead_id)) if lead_id else None


async def preview_message(
    view: PageView, step: Mapping[str, Any], lead: Mapping[str, Any] | None
) -> MessagePreview | None:
    """Return the message of a step for a lead; None for a step that has none, or for who may not see persons."""
    action = step.get("action") or {}
    if action.get("type") not in MESSAGE_KINDS or not view.permits(Permission.SEE_PERSONS):
        return None
    sources = {name: str(action[name]) for name in MEMBERS if action.get(name)}
    work = lambda: _rendered(sources, lead or {})  # noqa: E731  # a closure for the thread
    texts, errors, empty = await view.console.template_turns.run(view.workspace.workspace_id, sources, work)
    return MessagePreview(
        lead,
        texts,
        {name: template_problem(view, name, message) for name, message in errors.items()},
        tuple(field_label(view, name) for name in empty),
    )


def _rendered(sources: Mapping[str, str], lead: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    texts, errors, empty = {}, {}, set()
    for name, source in sources.items():
        try:
            template = compile_template(check_template(source))
            texts[name] = template.render_for(lead)[:MAX_PREVIEW_CHARS]
            empty |= template.empty_fields(lead)
        except PydanticCustomError as error:
            errors[name] = str((error.context or {}).get("message", ""))
        except TemplateTooCostly as error:
            errors[name] = f"template {error}"
    return texts, errors, sorted(empty)


def latest_leads(view: PageView, choices: BuilderChoices) -> list[tuple[int, str]]:
    """Return the newest leads, to choose one for the preview."""
    if not view.permits(Permission.SEE_PERSONS):
        return []
    return [(one.id, _short_name(one.first_name, one.last_name, one.email or one.phone)) for one in choices.leads]


def _short_name(first: str | None, last: str | None, other: str | None) -> str:
    return (" ".join(filter(None, (first, last))) or other or "")[:80]
