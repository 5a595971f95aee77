"""Why did it not run? For a lead and an event: the trigger, the conditions, the limits, and the runs."""

from typing import Any

from aiohttp import web

from services.console.automations.asked_lead import AskedLead, read_asked_lead
from services.console.automations.builder_view import builder_path
from services.console.automations.question_reads import list_automations_of_lead, read_lane_stop
from services.console.automations.reads import read_definition_names
from services.console.automations.trigger_words import trigger_sentence
from services.console.automations.why_view import step_lines, verdict_sentence
from services.console.automations.why_words import event_words, why_sentence
from services.console.leads.words import lead_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_editing import find_automation
from shared.automations.explanation import judge_evidence
from shared.automations.explanation_evidence import gather_evidence
from shared.leads.lead_records import LeadJson
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Say why an automation ran for a lead or did not. Without a lead, ask for one."""
    id_ = path_id(view.request)
    async with view.console.reading() as connection:
        automation = await find_automation(connection, view.workspace.workspace_id, id_)
    asked_lead = await read_asked_lead(view)
    values: dict[str, Any] = {
        "automation": automation,
        "asked": asked_lead,
        "explained": None,
        "may_search": view.permits(Permission.SEE_PERSONS),
        "lead_label": lambda lead: lead_name(view, lead),
        "address": lambda below="", **query: builder_path(view, id_, below, **query),
    }
    if asked_lead.lead:
        values |= await _answer(view, id_, asked_lead.lead)
    return await view.render("automations/why.html", **values)


@workspace_page(Permission.SEE_RECORDS)
async def choose(view: PageView) -> web.StreamResponse:
    """List the automations for a lead, each with its last run: the way from a lead to the reason."""
    asked_lead: AskedLead = await read_asked_lead(view)
    if asked_lead.lead is None:
        raise NotFound
    async with view.console.reading() as connection:
        rows = await list_automations_of_lead(connection, view.workspace.workspace_id, asked_lead.lead["id"])
    return await view.render(
        "automations/lead_automations.html",
        lead=asked_lead.lead,
        name=lead_name(view, asked_lead.lead),
        automations=rows,
    )


async def _answer(view: PageView, id_: int, lead: LeadJson) -> dict[str, Any]:
    workspace_id, event = view.workspace.workspace_id, view.request.query.get("event", "")
    event_id = int(event) if event.isascii() and event.isdigit() and len(event) < 19 else None
    async with view.console.reading() as connection:
        lane = await read_lane_stop(connection, workspace_id)
        evidence = await gather_evidence(connection, workspace_id, id_, lead["id"], event_id, lane)
        names = await read_definition_names(connection, workspace_id)
    steps = evidence.automation.steps
    explained = await view.console.template_turns.run(workspace_id, steps, lambda: judge_evidence(evidence))
    return {
        "explained": explained,
        "verdict": verdict_sentence(view, names, explained),
        "steps": step_lines(view, names, explained),
        "trigger": trigger_sentence(view, names, explained.automation.trigger),
        "trigger_why": why_sentence(view, names, explained.trigger.code, explained.trigger.values),
        "limits": [(limit, why_sentence(view, names, limit.code, limit.values)) for limit in explained.limits],
        "event_label": lambda one: event_words(view, one.facts),
    }
