"""Merge two leads into one, so that it can be undone (docs/internals/merges.md).

Runs in the caller's transaction and takes the locks in the order of docs/internals/locks.md. After a deadlock or a
contention error the caller runs the transaction again.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

from shared.leads import lead_redirects, reference_locks
from shared.leads.edit import ChangeCause
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.submission import LeadKey, LeadState
from shared.leads.tags import tag_names
from shared.leads.writes import LEAD_COLUMNS, WRITE_LEADS_SQL
from shared.likeness.pair_moves import merge_pairs
from shared.merging import lead_snapshots, merged_rows
from shared.merging.merge_plan import FieldChoice, MergePlan, plan_merge
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.database_errors import ContentionError
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed

SAME_LEAD_MESSAGE = "Lead {lead} is this lead."
MERGED_ALREADY_MESSAGE = "Lead {lead} has been merged into this lead already."
UNKNOWN_LEAD_MESSAGE = "There is no lead {lead}."

NOTE_MERGE_SQL = """
UPDATE lead_merges SET changes = %(changes)s::jsonb, loser = loser || %(gained)s::jsonb,
       activity_ids = %(activity_ids)s, submission_ids = %(submission_ids)s::uuid[], task_ids = %(task_ids)s,
       run_ids = %(run_ids)s, delivery_ids = %(delivery_ids)s, conversion_ids = %(conversion_ids)s
WHERE workspace_id = %(w)s AND id = %(merge)s
"""


class MergeRefused(ValidationFailed):
    """The merge cannot be made as asked. `errors` says why, by field."""


class MergeConflict(Conflict):
    """The merge cannot be undone now. The message says what stands in its way; it is made of `values`."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message.format(**values))
        self.template, self.values = message, values


async def merge_leads(
    connection: Connection,
    workspace_id: int,
    winner_id: int,
    loser_id: int,
    cause: ChangeCause,
    choices: Mapping[str, FieldChoice] | None = None,
) -> int:
    """Merge one lead into another and return the merge's id. Ids of merged leads stand for those that answer for them.

    Raises NotFound if the winner does not exist, and `MergeRefused` for the rest. Roll back then.
    """
    await reference_locks.lock_shared(connection, [workspace_id])
    winner, loser = await _answering_leads(connection, workspace_id, winner_id, loser_id)
    states = await _lock_both(connection, winner, loser)
    plan = plan_merge(states[winner], states[loser], choices or {})
    if plan.errors:
        raise MergeRefused(plan.errors)
    merge_id, snapshot = await lead_snapshots.take_snapshot(
        connection, workspace_id, winner[1], loser[1], cause.to_dict()
    )
    moved = await _move_everything(connection, workspace_id, winner[1], loser[1], merge_id)
    await _write_winner(connection, states[winner], plan, merge_id, loser[1], cause)
    gained = {"gained_tags": plan.gained_tags, "added_notes": plan.added_notes, "tags": snapshot["lead"]["tag_ids"]}
    noted = {"changes": as_json(plan.changes), "gained": as_json(gained), "w": workspace_id, "merge": merge_id}
    await connection.execute(NOTE_MERGE_SQL, {**noted, **moved})
    return merge_id


async def _answering_leads(
    connection: Connection, workspace_id: int, winner_id: int, loser_id: int
) -> tuple[LeadKey, LeadKey]:
    """Return the leads that the ids stand for. Raises `MergeRefused` if they are one."""
    winner, loser = (workspace_id, winner_id), (workspace_id, loser_id)
    merged = await lead_redirects.find_winners(connection, {winner, loser})
    answering = (workspace_id, merged.get(winner, winner_id)), (workspace_id, merged.get(loser, loser_id))
    if answering[0] == answering[1]:
        message = SAME_LEAD_MESSAGE if winner_id == loser_id else MERGED_ALREADY_MESSAGE
        raise MergeRefused({"lead_id": [message.format(lead=loser_id)]})
    return answering


async def _lock_both(connection: Connection, winner: LeadKey, loser: LeadKey) -> dict[LeadKey, LeadState]:
    states = await lock_with_duplicates(connection, {winner, loser}, {loser}, LEAD_COLUMNS)
    missing = {winner, loser} - states.keys()
    if missing and await lead_redirects.find_winners(connection, missing):
        raise ContentionError("a lead was merged")
    if winner in missing:
        raise NotFound
    if missing:
        errors: FieldErrors = {"lead_id": [UNKNOWN_LEAD_MESSAGE.format(lead=loser[1])]}
        raise MergeRefused(errors)
    return states


async def _move_everything(
    connection: Connection, workspace_id: int, winner: int, loser: int, merge_id: int
) -> dict[str, list[Any]]:
    try:
        moved = await merged_rows.take_rows(connection, workspace_id, winner, loser)
    except psycopg.errors.UniqueViolation as error:  # the winner sent the same conversion meanwhile
        raise ContentionError("conversions kept changing") from error
    await lead_snapshots.hand_on(connection, workspace_id, winner, loser)
    await lead_redirects.add_redirect(connection, workspace_id, loser, winner)
    await merge_pairs(connection, workspace_id, winner, loser, merge_id)
    return moved


async def _write_winner(
    connection: Connection, state: LeadState, plan: MergePlan, merge_id: int, loser: int, cause: ChangeCause
) -> None:
    workspace_id = state["workspace_id"]
    data: dict[str, Any] = {"by": cause.to_dict(), "merge_id": merge_id, "merged_lead_id": loser}
    data["changes"] = {name: change for name, change in plan.changes.items() if name not in ("notes", "tag_ids")}
    if plan.gained_tags:
        names = await tag_names(connection, [workspace_id], plan.gained_tags)
        data["tags_gained"] = [names[id_] for id_ in plan.gained_tags if id_ in names]
    if "notes" in plan.changed:
        data["notes_added"] = True
    entry = {"w": workspace_id, "lead_id": state["id"], "type": "lead.merged", "data": data}
    rows: tuple[Any, ...] = [], [{**state, **plan.changed}], [entry]
    await connection.execute(WRITE_LEADS_SQL, [as_json(each) for each in rows])
