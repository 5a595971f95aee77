"""Jobs over leads: edits that can be undone, and deletions. Each is made as that of a single lead is."""

from collections.abc import Sequence
from typing import Any

from services.workers.jobs.job_items import ClaimedItem, ClaimedJob, ItemOutcome
from shared.leads import reference_locks
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.identities import lock_leads, read_unlocked
from shared.leads.submission import LeadState
from shared.leads.tags import tag_names
from shared.leads.writes import RefusedChange, change_leads, delete_lead
from shared.platform.db.connections import Connection

PLACE_COLUMNS = ("pipeline_id", "pipeline_stage_id")
EDITED_COLUMNS = ("status", *PLACE_COLUMNS, "assigned_user_id", "starred")
READ_COLUMNS = ("workspace_id", "id", *EDITED_COLUMNS, "tag_ids")
GONE_MESSAGE = "The lead is not there any more."
SAME_MESSAGE = "It was so already."
MOVED_ON_MESSAGE = "It was changed again since."

Effect = dict[str, Any]


async def edit_leads(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Make the job's changes, or take back those that an item names. Only what is still so is taken back."""
    await reference_locks.lock_shared(connection, [job.workspace_id])
    before = await lock_leads(connection, [(job.workspace_id, item.lead_id) for item in items], READ_COLUMNS)
    is_undo = job.changes is None
    names = await _names_of_tags(connection, job.workspace_id, items) if is_undo else {}
    changes = {
        item.id: _reversal(job, item, state, names) if is_undo else _wanted_change(job, item)
        for item in items
        if (state := before.get((job.workspace_id, item.lead_id))) is not None
    }
    wanted = [change for change in changes.values() if change is not None]
    refused = {each.change.lead_id: each for each in await change_leads(connection, wanted)} if wanted else {}
    after = await read_unlocked(connection, before.keys(), READ_COLUMNS)
    outcomes = []
    for item in items:
        lead = (job.workspace_id, item.lead_id)
        if lead not in before or lead not in after:
            outcomes.append(ItemOutcome(item.id, "skipped", GONE_MESSAGE))
        elif changes[item.id] is None:
            outcomes.append(ItemOutcome(item.id, "skipped", MOVED_ON_MESSAGE))
        else:
            outcomes.append(_outcome(item, refused.get(item.lead_id), before[lead], after[lead]))
    return outcomes


async def delete_leads(connection: Connection, job: ClaimedJob, items: Sequence[ClaimedItem]) -> list[ItemOutcome]:
    """Delete leads, in the order in which they are locked."""
    cause, leads = _cause_of(job), [(job.workspace_id, item.lead_id) for item in items]
    present = await lock_leads(connection, leads, ("workspace_id", "id"))
    outcomes = []
    for item in items:
        is_gone = (job.workspace_id, item.lead_id) not in present
        if is_gone or not await delete_lead(connection, job.workspace_id, item.lead_id, cause):
            outcomes.append(ItemOutcome(item.id, "skipped", GONE_MESSAGE))
        else:
            outcomes.append(ItemOutcome(item.id, "done"))
    return outcomes


def _wanted_change(job: ClaimedJob, item: ClaimedItem) -> LeadChange:
    changes = job.changes or ()
    return LeadChange(
        job.workspace_id,
        item.lead_id,
        cause=_cause_of(job),
        set_fields={change["field"]: change.get("value") for change in changes if change["op"] == "set"},
        add_tags=[change["value"] for change in changes if change["op"] == "add_tag"],
        remove_tags=[change["value"] for change in changes if change["op"] == "remove_tag"],
    )


def _reversal(job: ClaimedJob, item: ClaimedItem, state: LeadState, names: dict[int, str]) -> LeadChange | None:
    """Return the change that takes back what is still so; None if nothing is."""
    effect: Effect = item.effect or {}
    old = {name: effect[name][0] for name in EDITED_COLUMNS if name in effect and effect[name][1] == state[name]}
    if "pipeline_stage_id" in old:  # a stage belongs to its pipeline, and brings a status
        old = {"pipeline_id": state["pipeline_id"], "status": state["status"]} | old
    elif "pipeline_id" in old:
        del old["pipeline_id"]
    borne = set(state["tag_ids"])
    gone = [names[id_] for id_ in effect.get("tags_added", ()) if id_ in borne and id_ in names]
    back = [names[id_] for id_ in effect.get("tags_removed", ()) if id_ not in borne and id_ in names]
    if not (old or gone or back):
        return None
    cause = _cause_of(job)
    return LeadChange(job.workspace_id, item.lead_id, cause=cause, set_fields=old, add_tags=back, remove_tags=gone)


def _outcome(item: ClaimedItem, refused: RefusedChange | None, before: LeadState, after: LeadState) -> ItemOutcome:
    if refused is not None:
        messages = [text for texts in refused.errors.values() for text in texts]
        return ItemOutcome(item.id, "failed", " ".join(messages)[:500])
    effect = _effect(before, after)
    return ItemOutcome(item.id, "done", None, effect) if effect else ItemOutcome(item.id, "skipped", SAME_MESSAGE)


def _effect(before: LeadState, after: LeadState) -> Effect:
    """Return what differs: values before and after, and ids of tags."""
    effect: Effect = {name: [before[name], after[name]] for name in EDITED_COLUMNS if before[name] != after[name]}
    added = [id_ for id_ in after["tag_ids"] if id_ not in before["tag_ids"]]
    removed = [id_ for id_ in before["tag_ids"] if id_ not in after["tag_ids"]]
    return effect | ({"tags_added": added} if added else {}) | ({"tags_removed": removed} if removed else {})


async def _names_of_tags(connection: Connection, workspace_id: int, items: Sequence[ClaimedItem]) -> dict[int, str]:
    effects = [item.effect or {} for item in items]
    ids = {id_ for effect in effects for name in ("tags_added", "tags_removed") for id_ in effect.get(name, ())}
    return await tag_names(connection, [workspace_id], ids) if ids else {}


def _cause_of(job: ClaimedJob) -> ChangeCause:
    """Return who started the job, as the timeline names them."""
    kind = "user" if job.created_by.get("kind") == "user" else "api"
    return ChangeCause(kind, job.created_by.get("id"))
