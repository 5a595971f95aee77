"""What an explanation is made of: everything that is read for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.automations.action_handlers import LeadDict, WorkspaceContext
from shared.automations.event_limits import LaneStop
from shared.automations.explanation_reads import (
    EventObstacles,
    ExplainedAutomation,
    StoredRun,
    find_event_run,
    read_automation,
    read_entries,
    read_entry,
    read_obstacles,
    read_runs,
    read_timer,
    read_version_at,
)
from shared.automations.manual_runs import LEAD_NOT_FOUND_ERRORS
from shared.automations.past_lead import LeadEntry
from shared.automations.trigger_match import is_of_kind
from shared.automations.workspace_context import load_contexts
from shared.leads.lead_events import event_facts
from shared.leads.lead_records import read_leads
from shared.leads.lead_redirects import find_answering_lead
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed

NO_EVENT_ERRORS = {"event": ["There is no such event on the timeline of this lead."]}


@dataclass(frozen=True)
class ExplanationEvidence:
    """What an explanation is made of. `automation` is in the version that ran at the time of the event."""

    automation: ExplainedAutomation
    version_now: int
    lead: LeadDict
    entries: list[LeadEntry]
    has_all_entries: bool
    entry: LeadEntry | None
    run: StoredRun | None
    runs: list[StoredRun]
    obstacles: EventObstacles
    timer_due_at: datetime | None
    context: WorkspaceContext
    lane: LaneStop | None


async def gather_evidence(
    connection: Connection,
    workspace_id: int,
    automation_id: int,
    lead_id: int,
    event_id: int | None = None,
    lane: LaneStop | None = None,
) -> ExplanationEvidence:
    """Return what `judge_evidence` explains: why an automation ran for a lead because of an event, or did not.

    Without an event it is the last one of the kind that the trigger waits for, or else the last one. `lane` is the
    pause of the lane automations that holds now. Raises NotFound for the automation, ValidationFailed for the others.
    """
    automation = await read_automation(connection, workspace_id, automation_id)
    if automation is None:
        raise NotFound
    lead = await read_answering_lead(connection, workspace_id, lead_id)
    entries, has_all = await read_entries(connection, workspace_id, lead["id"])
    if event_id is None:
        entry = _default_entry(automation, entries)
    else:
        entry = next((each for each in entries if each.id == event_id), None)
        entry = entry or await read_entry(connection, workspace_id, lead["id"], event_id)
        if entry is None:
            raise ValidationFailed(NO_EVENT_ERRORS)
    runs = await read_runs(connection, workspace_id, automation_id, lead["id"])
    key = workspace_id, automation_id, lead["id"]
    run = await find_event_run(connection, *key, entry) if entry else next(iter(runs), None)
    moment = run.created_at if run else entry.at if entry else None
    former = await read_version_at(connection, workspace_id, automation, moment) if moment else automation
    contexts = await load_contexts(connection, [(workspace_id, former.steps, lead)])
    nothing = EventObstacles(is_queued=False, hit_loop_limit=False)
    return ExplanationEvidence(
        former,
        automation.version,
        lead,
        entries,
        has_all and (entry is None or entry in entries),
        entry,
        run if entry else None,
        runs,
        await read_obstacles(connection, workspace_id, lead["id"], entry) if entry else nothing,
        await read_timer(connection, *key),
        contexts[workspace_id],
        lane,
    )


async def read_answering_lead(connection: Connection, workspace_id: int, lead_id: int) -> LeadDict:
    """Return a lead, or the one that answers for it. Raises ValidationFailed."""
    answering = await find_answering_lead(connection, workspace_id, lead_id)
    leads = await read_leads(connection, [(workspace_id, answering)]) if answering else {}
    if not leads:
        raise ValidationFailed(LEAD_NOT_FOUND_ERRORS)
    return next(iter(leads.values()))


def _default_entry(automation: ExplainedAutomation, entries: Sequence[LeadEntry]) -> LeadEntry | None:
    """Return the last entry of the kind that the automation waits for, otherwise the last one.

    Its own changes of the lead come last: nobody asks why these did not start it again.
    """
    heard = [(entry, facts) for entry in entries if (facts := event_facts(entry.type, entry.data))]
    near = [entry for entry, facts in heard if is_of_kind(automation.trigger, facts)]
    others = [entry for entry in near if not entry.is_by_automation(automation.id)]
    return next(iter([*others, *near, *(entry for entry, _ in heard)]), None)
