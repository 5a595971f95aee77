"""What can be done with an automation as a whole: publish or discard its draft, switch it on or off, delete it."""

from aiohttp import web

from services.console.automations.builder_view import BuilderPlace, builder_path, render_builder
from services.console.automations.definition_changes import definition_changes
from services.console.automations.reads import read_definition_names
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_drafts import checked_draft, discard_draft, find_draft, publish_draft
from shared.automations.automation_editing import (
    AutomationRow,
    SentAutomation,
    change_automation,
    count_waiting_runs,
    delete_automation,
    find_automation,
)
from shared.automations.manual_runs import start_manual_run
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_DIGITS = 18
MAX_AUDITED_CHANGES = 50


class MoreRunsWait(Exception):
    """More runs wait than the question said."""


@workspace_page(Permission.SET_UP)
async def publish(view: PageView) -> web.StreamResponse:
    """Publish the draft: it acts from now on. One that somebody else changed meanwhile stays a draft."""
    id_, workspace_id, author = path_id(view.request), view.workspace.workspace_id, view.account.name
    revision = _number((await view.read_fields()).get("revision", ""))
    audit_details(view.request, action="automation.published", object=("automation", id_))
    async with view.console.reading() as connection:
        automation = await find_automation(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
        names = await read_definition_names(connection, workspace_id)
    changes = [one.text for one in definition_changes(view, names, automation, draft, MAX_AUDITED_CHANGES).shown]
    audit_details(view.request, before={"version": automation["version"]}, after={"changes": changes})
    targets = view.console.settings.allowed_targets
    checked = await view.console.template_turns.run(workspace_id, draft["steps"], lambda: checked_draft(draft, targets))
    if not draft["is_changed"]:
        view.redirect(builder_path(view, id_), view.translate("There is no draft: nothing is left to publish."))
    if revision != draft["revision"]:
        return await render_builder(view, id_, BuilderPlace(), status=409, conflict=draft)

    async def work(connection: Connection) -> AutomationRow:
        return await publish_draft(connection, view.console.cipher, workspace_id, id_, checked, revision, author)

    try:
        published = await view.console.writing(work)
    except ValidationFailed:
        return await render_builder(view, id_, BuilderPlace(), status=422)
    except Conflict:
        return await render_builder(view, id_, BuilderPlace(), status=409, conflict=draft)
    view.redirect(builder_path(view, id_), _published_words(view, published))


@workspace_page(Permission.SET_UP)
async def discard(view: PageView) -> web.StreamResponse:
    """Throw the draft away. What runs stays as it is."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="automation.draft_discarded", object=("automation", id_))
    try:
        await view.console.writing(lambda connection: discard_draft(connection, workspace_id, id_))
    except Conflict:
        view.redirect(builder_path(view, id_), view.translate("Nothing of it is published yet: delete it instead."))
    view.redirect(builder_path(view, id_), view.translate("The draft is thrown away. What runs stays as it is."))


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch an automation on or off. Off ends the runs that wait, of which the question said how many."""
    id_, workspace_id, author = path_id(view.request), view.workspace.workspace_id, view.account.name
    fields = await view.read_fields()
    is_on = fields.get("on") == "1"
    told_count = _number(fields.get("count", ""))
    audit_details(view.request, action="automation.changed", object=("automation", id_), after={"is_active": is_on})
    place = {name: text for name in ("q", "n") if (text := fields.get(name, ""))}
    back = view.path("automations", **place) if fields.get("list") == "1" else builder_path(view, id_)

    async def work(connection: Connection) -> AutomationRow:
        automation = await find_automation(connection, workspace_id, id_)
        if not is_on:
            await _expect_told(connection, view, id_, told_count)
        elif not automation["version"]:
            raise Conflict("Nothing of it is published yet.")
        audit_details(view.request, before={"is_active": automation["is_active"]})
        sent = SentAutomation({}, {"is_active": is_on})
        # Only the switch is stored: what the automation does was checked when it was published.
        return await change_automation(connection, view.console.cipher, workspace_id, id_, sent, author)

    try:
        await view.console.writing(work)
    except MoreRunsWait:
        view.redirect(builder_path(view, id_, ask="off"))
    except Conflict:
        view.redirect(builder_path(view, id_), view.translate("Publish it: nothing of it is published yet."))
    view.redirect(back, view.translate("The automation is on.") if is_on else view.translate("The automation is off."))


@workspace_page(Permission.SET_UP)
async def run(view: PageView) -> web.StreamResponse:
    """Start an automation by hand for the lead whose number was typed."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    text = (await view.read_fields()).get("lead", "").strip().removeprefix("#")
    lead_id = _number(text)
    audit_details(view.request, action="automation.run", object=("automation", id_), after={"lead_id": lead_id})
    try:
        await view.console.writing(lambda connection: start_manual_run(connection, workspace_id, id_, lead_id))
    except ValidationFailed:
        problem = view.translate("There is no lead of this number.")
        place = BuilderPlace()
        return await render_builder(view, id_, place, status=422, asked="run", typed_lead=text[:20], problem=problem)
    except Conflict:
        view.redirect(builder_path(view, id_), view.translate("The automation is off: switch it on first."))
    said = view.translate("It runs for lead #%(id)s now.", id=lead_id)
    lead_path = view.path(f"leads/{lead_id}")
    view.redirect(builder_path(view, id_), said, link=lead_path, label=view.translate("Open the lead"))


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete an automation with its versions, and end the runs that wait, of which the question said how many."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    told_count = _number((await view.read_fields()).get("count", ""))
    audit_details(view.request, action="automation.deleted", object=("automation", id_))

    async def work(connection: Connection) -> None:
        automation = await find_automation(connection, workspace_id, id_)
        waiting = await _expect_told(connection, view, id_, told_count)
        audit_details(view.request, before={"name": automation["name"]}, count=waiting)
        await delete_automation(connection, workspace_id, id_)

    try:
        await view.console.writing(work)
    except MoreRunsWait:
        view.redirect(builder_path(view, id_, ask="delete"), view.translate("More runs wait by now: look again."))
    view.redirect(view.path("automations"), view.translate("The automation is deleted."))


async def _expect_told(connection: Connection, view: PageView, id_: int, told_count: int) -> int:
    """Return how many runs wait. Raises MoreRunsWait if the reader was told of fewer."""
    waiting = await count_waiting_runs(connection, view.workspace.workspace_id, id_)
    if waiting > told_count:
        raise MoreRunsWait
    return waiting


def _published_words(view: PageView, automation: AutomationRow) -> str:
    if automation["is_active"]:
        return view.translate("Version %(n)s is published, and acts from now on.", n=automation["version"])
    return view.translate("Version %(n)s is published. It acts once it is switched on.", n=automation["version"])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
