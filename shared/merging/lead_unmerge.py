"""Undo a merge: both leads as they were, and what came since stays with the winner (docs/internals/merges.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.leads import identities, lead_redirects, reference_locks
from shared.leads.edit import CONTACT_FIELDS, ChangeCause, identity_keys_of
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.submission import IdentityKey, LeadState
from shared.leads.tags import tag_names
from shared.leads.writes import LEAD_COLUMNS, WRITE_LEADS_SQL
from shared.likeness.pair_moves import unmerge_pairs
from shared.merging import lead_snapshots, merged_rows
from shared.merging.lead_merges import MergeConflict, MergeRefused
from shared.merging.merge_plan import StoredChanges, UndoPlan, plan_undo
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.database_errors import ContentionError

UNKNOWN_MERGE_MESSAGE = "The lead has no merge {merge}."
UNDONE_MESSAGE = "The merge {merge} has been undone already."
WINNER_MERGED_MESSAGE = "Lead {winner} was merged into lead {into} since. Undo merge {merge} first."
CONTACT_TAKEN_MESSAGE = (
    "The {kind} of lead {loser} belongs to lead {holder} by now. Merge that lead or delete it first."
)

READ_MERGE_SQL = "SELECT * FROM lead_merges WHERE workspace_id = %s AND id = %s"
BLOCKING_MERGE_SQL = """
SELECT id, winner_id FROM lead_merges WHERE workspace_id = %s AND loser_id = %s AND undone_at IS NULL
"""
LATER_MERGES_SQL = """
SELECT id, changes, loser FROM lead_merges
WHERE workspace_id = %s AND winner_id = %s AND id > %s AND undone_at IS NULL ORDER BY id
"""
CORRECT_MERGE_SQL = """
UPDATE lead_merges SET changes = %s::jsonb, loser = loser || %s::jsonb WHERE workspace_id = %s AND id = %s
"""
# What was noted of the loser is its own again, and stands nowhere else.
END_MERGE_SQL = """
UPDATE lead_merges SET undone_at = clock_timestamp(), undone_by = %s::jsonb, loser = '{}', activity_ids = '{}',
       submission_ids = '{}', task_ids = '{}', run_ids = '{}', delivery_ids = '{}', conversion_ids = '{}',
       changes = coalesce((SELECT jsonb_object_agg(key, '{}'::jsonb) FROM jsonb_object_keys(changes) key), '{}')
WHERE workspace_id = %s AND id = %s
"""


REFERENCED_TABLES = {"pipeline_id": "pipelines", "pipeline_stage_id": "pipeline_stages", "assigned_user_id": "users"}


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What an undone merge led to. `kept` are the winner's fields that were not taken back, each with the reason."""

    winner_id: int
    restored_id: int
    kept: dict[str, str]


async def unmerge_lead(
    connection: Connection, workspace_id: int, lead_id: int, merge_id: int, cause: ChangeCause
) -> Unmerged:
    """Undo a merge of a lead. Raises `MergeRefused` and `MergeConflict`. Roll back then."""
    await reference_locks.lock_shared(connection, [workspace_id])
    merge = await _standing_merge(connection, workspace_id, lead_id, merge_id)
    winner, loser, snapshot = merge["winner_id"], merge["loser_id"], merge["loser"]
    await _claim_back(connection, merge)
    state = await _lock_winner(connection, merge)
    plan = plan_undo(state, _stored_changes(merge), await _later_merges(connection, merge))
    await _replace_lost_contacts(connection, state, snapshot, plan)
    await merged_rows.give_back_rows(connection, workspace_id, winner, loser, merge)
    await _write_winner(connection, state, plan, merge, cause)
    await lead_snapshots.restore_lead(connection, workspace_id, merge_id, winner, snapshot)
    await _tell_loser(connection, merge, cause)
    await lead_redirects.remove_redirect(connection, workspace_id, loser)
    await unmerge_pairs(connection, workspace_id, merge_id)
    for one in plan.later.values():
        gained = as_json({"gained_tags": one.gained_tags})
        await connection.execute(CORRECT_MERGE_SQL, (as_json(one.changes), gained, workspace_id, one.id))
    await connection.execute(END_MERGE_SQL, (as_json(cause.to_dict()), workspace_id, merge_id))
    return Unmerged(winner, loser, plan.kept)


async def _standing_merge(connection: Connection, workspace_id: int, lead_id: int, merge_id: int) -> dict[str, Any]:
    """Return the merge. Raises an error if it is not this lead's, was undone, or has to wait for another's undoing."""
    merge = await _read_merge(connection, workspace_id, merge_id)
    named = (workspace_id, lead_id)
    winner = (workspace_id, merge["winner_id"]) if merge else named
    merged = await lead_redirects.find_winners(connection, {named, winner})
    if merge is None or merged.get(named, lead_id) not in (merged.get(winner, winner[1]), merge["loser_id"]):
        raise MergeRefused({"merge_id": [UNKNOWN_MERGE_MESSAGE.format(merge=merge_id)]})
    if merge["undone_at"]:
        raise MergeConflict(UNDONE_MESSAGE, merge=merge_id)
    if winner in merged:
        found = await (await connection.execute(BLOCKING_MERGE_SQL, winner)).fetchall()
        blocking, into = found[0] if found else (None, merged[winner])
        raise MergeConflict(WINNER_MERGED_MESSAGE, winner=winner[1], into=into, merge=blocking)
    return merge


async def _claim_back(connection: Connection, merge: Mapping[str, Any]) -> None:
    """Claim the loser's identities, where the winner has given them up. Raises `MergeConflict` if another has one."""
    keys: dict[IdentityKey, int] = {
        (merge["workspace_id"], kind, value): merge["loser_id"] for kind, value in merge["loser"]["identities"]
    }
    lost = await identities.claim(connection, keys) if keys else []
    owners = await identities.find_owners(connection, lost) if lost else {}
    if len(owners) < len(lost):
        raise ContentionError("identities kept changing")
    for key, holder in owners.items():
        if holder != merge["winner_id"]:
            raise MergeConflict(CONTACT_TAKEN_MESSAGE, kind=key[1], loser=merge["loser_id"], holder=holder)


async def _lock_winner(connection: Connection, merge: dict[str, Any]) -> LeadState:
    """Lock the winner and all leads with which either is noted as a possible duplicate, and check the merge again."""
    workspace_id, winner = merge["workspace_id"], (merge["workspace_id"], merge["winner_id"])
    noted = {(workspace_id, pair["other_id"]) for pair in merge["loser"]["notes_of_likeness"]}
    states = await lock_with_duplicates(connection, {winner, *noted}, {winner}, LEAD_COLUMNS)
    keys = [(workspace_id, kind, value) for kind, value in merge["loser"]["identities"]]
    owners = set((await identities.find_owners(connection, keys)).values()) if keys else set()
    is_same = await _read_merge(connection, workspace_id, merge["id"]) == merge
    if winner not in states or not is_same or not owners <= {merge["winner_id"], merge["loser_id"]}:
        raise ContentionError("the leads kept changing")
    return states[winner]


async def _read_merge(connection: Connection, workspace_id: int, merge_id: int) -> dict[str, Any] | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READ_MERGE_SQL, (workspace_id, merge_id))
        return await cursor.fetchone()


def _stored_changes(row: Mapping[str, Any]) -> StoredChanges:
    loser = row["loser"]
    return StoredChanges(
        row["id"], row["changes"], loser.get("gained_tags", []), loser.get("added_notes"), loser.get("tags", [])
    )


async def _later_merges(connection: Connection, merge: Mapping[str, Any]) -> list[StoredChanges]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LATER_MERGES_SQL, (merge["workspace_id"], merge["winner_id"], merge["id"]))
        return [_stored_changes(row) for row in await cursor.fetchall()]


async def _replace_lost_contacts(
    connection: Connection, state: LeadState, snapshot: Mapping[str, Any], plan: UndoPlan
) -> None:
    """Have the winner show no email or phone that goes back: another one that stays with it, or none."""
    lost = {(kind, value) for kind, value in snapshot["identities"]}
    shared_phones = any(pair["other_id"] == state["id"] for pair in snapshot["notes_of_likeness"])
    for name in CONTACT_FIELDS:
        if name == "phone" and shared_phones:  # noted as a possible duplicate, a lead may show the other's phone
            continue
        shown = plan.changed.get(name, state[name])
        keys = identity_keys_of(state["workspace_id"], name, shown)
        if not any((kind, value) in lost for _, kind, value in keys):
            continue
        held = await (
            await connection.execute(
                "SELECT value FROM identities WHERE workspace_id = %s AND lead_id = %s AND kind = %s ORDER BY 1",
                (state["workspace_id"], state["id"], name),
            )
        ).fetchall()
        left = [value for (value,) in held if (name, value) not in lost]
        plan.changed[name] = left[0] if left else None
        plan.changes[name] = {"from": state[name], "to": plan.changed[name]}
        plan.kept.pop(name, None)


async def _write_winner(
    connection: Connection, state: LeadState, plan: UndoPlan, merge: Mapping[str, Any], cause: ChangeCause
) -> None:
    await _drop_gone_references(connection, state["workspace_id"], plan)
    data = _entry_data(merge, cause)
    data |= {"changes": plan.changes, "kept": plan.kept}
    if plan.lost_tags:
        names = await tag_names(connection, [state["workspace_id"]], plan.lost_tags)
        data["tags_lost"] = sorted(names.values())
    await _write(connection, [{**state, **plan.changed}], _entry(merge, merge["winner_id"], data))


async def _drop_gone_references(connection: Connection, workspace_id: int, plan: UndoPlan) -> None:
    """Empty fields that would name a pipeline, stage or user again that was deleted meanwhile."""
    for name, table in REFERENCED_TABLES.items():
        if (id_ := plan.changed.get(name)) is None:
            continue
        exists = f"SELECT FROM {table} WHERE workspace_id = %s AND id = %s"
        if not await (await connection.execute(exists, (workspace_id, id_))).fetchall():
            plan.changed[name] = None
            plan.changes[name] = {**plan.changes.get(name, {}), "to": None}


async def _tell_loser(connection: Connection, merge: Mapping[str, Any], cause: ChangeCause) -> None:
    """Note on the restored lead that it was merged, at the time of the merge, and that the merge was undone."""
    data = {"by": merge["cause"], "merge_id": merge["id"], "into_lead_id": merge["winner_id"]}
    at: datetime = merge["merged_at"]
    values = {"w": merge["workspace_id"], "lead": merge["loser_id"], "type": "lead.merged", "at": at}
    await connection.execute(merged_rows.ADD_ENTRY_SQL, {**values, "data": as_json(data)})
    await _write(connection, [], _entry(merge, merge["loser_id"], _entry_data(merge, cause)))


def _entry_data(merge: Mapping[str, Any], cause: ChangeCause) -> dict[str, Any]:
    ids = {"merge_id": merge["id"], "winner_id": merge["winner_id"], "restored_lead_id": merge["loser_id"]}
    return {"by": cause.to_dict(), **ids}


def _entry(merge: Mapping[str, Any], lead_id: int, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"w": merge["workspace_id"], "lead_id": lead_id, "type": "lead.unmerged", "data": data}


async def _write(connection: Connection, updated: Iterable[LeadState], entry: Mapping[str, Any]) -> None:
    rows: tuple[Any, ...] = [], list(updated), [entry]
    await connection.execute(WRITE_LEADS_SQL, [as_json(each) for each in rows])
