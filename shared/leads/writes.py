"""Create, change and delete leads. Apart from ingest, all writes of leads go through this module.

Each function runs in the caller's transaction, follows the lock order of docs/architecture.md, and adds one entry to
the timeline and one event to the outbox for every change. After a deadlock or a contention error the caller should run
the transaction again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.db import Connection, Contended, as_json
from shared.leads import heirs, identities
from shared.leads.edit import CONTACT, Cause, Change, Edit, changed, compare, keys_of, prepare
from shared.leads.merge import changes as described
from shared.leads.places import Places, Workspace, names_a_place
from shared.leads.records import read_leads
from shared.leads.submission import Key, LeadKey, State
from shared.leads.tags import Tagging, load_tagging
from shared.leads.workspaces import load_places, load_workspaces
from shared.validation import Fields

__all__ = ["Cause", "Change", "Refusal", "Refused", "change", "create", "delete"]

Record = dict[str, Any]
LEAD = (
    "workspace_id bigint, id bigint, first_name text, last_name text, email text, phone text, company text, "
    "job_title text, country text, source text, status text, lead_score bigint, starred boolean, pipeline_id bigint, "
    "pipeline_stage_id bigint, assigned_user_id bigint, notes text, custom_fields jsonb, tag_ids bigint[]"
)
COLUMNS = [column.split()[0] for column in LEAD.split(", ")]
NAMES = ", ".join(COLUMNS)
SET = ", ".join(f"{column} = u.{column}" for column in COLUMNS[2:])

WRITE = f"""
WITH created AS (
    INSERT INTO leads ({NAMES}) SELECT {NAMES} FROM json_to_recordset(%s::json) AS c({LEAD})
), updated AS (
    UPDATE leads l SET {SET}, updated_at = greatest(clock_timestamp(), l.updated_at)
    FROM json_to_recordset(%s::json) AS u({LEAD})
    WHERE l.workspace_id = u.workspace_id AND l.id = u.id
), remembered AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT w, lead_id, type, data FROM json_to_recordset(%s::json) AS e(w bigint, lead_id bigint, type text, data jsonb)
    RETURNING id, workspace_id, lead_id, type
)
INSERT INTO events (workspace_id, type, lead_id, activity_id)
SELECT r.workspace_id, r.type, r.lead_id, r.id FROM remembered r JOIN rule_versions v USING (workspace_id)
WHERE v.is_watched
"""  # noqa: S608  # constants only


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that was not made, because the lead does not exist or because of errors by field.

    `holders` are the leads that own an email or phone, by field.
    """

    change: Change
    is_missing: bool
    errors: Fields
    holders: dict[str, int]


class Refused(Exception):
    """The lead was not created. The caller must roll the transaction back."""

    def __init__(self, errors: Fields, holders: dict[str, int]) -> None:
        super().__init__("The lead cannot be created.")
        self.errors = errors
        self.holders = holders


async def create(connection: Connection, workspace_id: int, fields: dict[str, Any], cause: Cause) -> int:
    """Create a lead and return its id. Raises `LeadNotCreated` with all errors."""
    cursor = await connection.execute("SELECT nextval('lead_ids')")
    lead_id: int = (await cursor.fetchall())[0][0]
    change = Change(workspace_id, lead_id, cause=cause, set=fields)
    edit = (await _prepared(connection, [change], new=True))[0]
    await _claim(connection, [edit])
    if edit.errors:
        raise Refused(edit.errors, edit.holders)
    state = _blank(workspace_id, lead_id)
    state |= changed(edit, state)
    tags = await load_tagging(connection, [change], {})
    data: Record = {"by": cause.said(), "source": state["source"]}
    if state["assigned_user_id"]:
        data["user_id"] = state["assigned_user_id"]
    data |= tags.apply(change, state)
    await _write(connection, [state], [], [_entry(change, "lead.created", data)])
    return lead_id


async def change(connection: Connection, changes: Sequence[Change]) -> list[Refusal]:
    """Make the changes in order; several may be of one lead. Return those that could not be made.

    A change without effect adds neither an entry nor an event.
    """
    edits = await _prepared(connection, changes)
    won = await _claim(connection, edits)
    states = await _lock(connection, changes)
    for edit in edits:
        if state := states.get(_lead(edit.change)):
            compare(edit, state)
    present = [edit for edit in edits if not edit.errors and _lead(edit.change) in states]
    tags = await load_tagging(connection, [edit.change for edit in present], states)
    for edit in present:
        tags.check(edit, states[_lead(edit.change)])
    sound = [edit for edit in present if not edit.errors]
    used = {key: edit.change.lead_id for edit in sound for key in edit.keys.values()}
    await _verify(connection, {key: lead for key, lead in used.items() if key not in won})
    entries, freed = _apply(sound, states, tags)
    if entries:
        touched = {(entry["w"], entry["lead_id"]) for entry in entries}
        await _write(connection, [], [states[lead] for lead in touched], entries)
    await heirs.bequeath(connection, freed)
    await identities.release(connection, {key: won[key] for key in won.keys() - used.keys()} | freed)
    return [
        Refusal(edit.change, _lead(edit.change) not in states, edit.errors, edit.holders)
        for edit in edits
        if edit.errors or _lead(edit.change) not in states
    ]


async def delete(connection: Connection, workspace_id: int, lead_id: int, cause: Cause) -> bool:
    """Delete a lead and its tasks. Return False if the lead does not exist.

    Its contacts are free again, but a phone that a possible duplicate shows moves to that lead. Its submissions and its
    timeline stay until it is erased. The last entry of the timeline holds the last record of the lead.
    """
    lead = (workspace_id, lead_id)
    if lead not in await _lock_kin(connection, {lead}, {lead}, ["workspace_id", "id"]):
        return False
    record = (await read_leads(connection, [lead]))[lead]
    change = Change(workspace_id, lead_id, cause=cause)
    await _write(connection, [], [], [_entry(change, "lead.deleted", {"by": cause.said(), "lead": record})])
    await heirs.bequeath(connection, await heirs.phones_of(connection, lead))
    for statement in DELETE:
        await connection.execute(statement, {"w": workspace_id, "lead": lead_id})
    return True


DELETE = (
    "DELETE FROM leads WHERE workspace_id = %(w)s AND id = %(lead)s",
    "DELETE FROM tasks WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    # Noted on both leads, and only by transactions that have both under lock.
    """DELETE FROM possible_duplicates p USING possible_duplicates mine
       WHERE mine.workspace_id = %(w)s AND mine.lead_id = %(lead)s AND p.workspace_id = %(w)s
         AND (p.lead_id, p.other_id) = (mine.other_id, mine.lead_id)""",
    "DELETE FROM possible_duplicates WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    "DELETE FROM identities WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
)


async def _prepared(connection: Connection, changes: Sequence[Change], *, new: bool = False) -> list[Edit]:
    workspaces: dict[int, Workspace] = await load_workspaces(connection, [change.workspace_id for change in changes])
    naming = [change.workspace_id for change in changes if names_a_place(change.set)]
    board: Places = await load_places(connection, naming)
    return [prepare(change, workspaces[change.workspace_id], board, new=new) for change in changes]


async def _claim(connection: Connection, edits: Sequence[Edit]) -> dict[Key, int]:
    """Claim the identities of the edits and return those won. A contact of another lead becomes an error."""
    wanted: dict[Key, int] = {}
    for edit in edits:
        for key in edit.keys.values():
            wanted.setdefault(key, edit.change.lead_id)
    lost = await identities.claim(connection, wanted) if wanted else []
    held = await identities.owners(connection, lost) if lost else {}
    if len(held) < len(lost):
        # Another transaction just released it. To claim again, with others already won, would break the lock order.
        raise Contended("identities kept changing")
    holders = wanted | held
    for edit in edits:
        for name, key in edit.keys.items():
            if holders[key] != edit.change.lead_id:
                edit.take(name, holders[key])
    return {key: lead for key, lead in wanted.items() if key not in held}


async def _lock(connection: Connection, changes: Sequence[Change]) -> dict[LeadKey, State]:
    """Lock and read the leads. Also locks the leads to which a phone may be handed over."""
    phones = {_lead(change) for change in changes if "phone" in change.set}
    return await _lock_kin(connection, {_lead(change) for change in changes}, phones, COLUMNS)


async def _lock_kin(
    connection: Connection, leads: set[LeadKey], of: set[LeadKey], columns: Sequence[str]
) -> dict[LeadKey, State]:
    duplicates = await heirs.kin(connection, of)
    states = await identities.lock(connection, leads | duplicates, columns)
    if not await heirs.kin(connection, of) <= duplicates:  # one was noted while this transaction waited for the locks
        raise Contended("possible duplicates kept changing")
    return states


async def _verify(connection: Connection, own: dict[Key, int]) -> None:
    """Check that the locked leads still own their identities. Raises a contention error if not.

    Another transaction may have replaced them while this one waited for the locks.
    """
    if own and await identities.owners(connection, own) != own:
        raise Contended("identities kept changing")


def _apply(edits: Iterable[Edit], states: dict[LeadKey, State], tags: Tagging) -> tuple[list[Record], dict[Key, int]]:
    """Apply the edits to the states. Return the entries for the timeline and the identities to release."""
    entries: list[Record] = []
    freed: dict[Key, int] = {}
    for edit in edits:
        change, state = edit.change, states[_lead(edit.change)]
        new = changed(edit, state)
        data: Record = {"by": change.cause.said()}
        if new:
            data["changes"] = described(state, new)
        for name in new.keys() & set(CONTACT):
            freed |= dict.fromkeys(keys_of(change.workspace_id, name, state[name]), change.lead_id)
            if name in edit.keys:
                freed.pop(edit.keys[name], None)
        state |= new
        data |= tags.apply(change, state)
        if len(data) > 1:
            entries.append(_entry(change, "lead.updated", data))
    return entries, freed


async def _write(
    connection: Connection, created: Sequence[State], updated: Sequence[State], entries: Sequence[Record]
) -> None:
    await connection.execute(WRITE, [as_json(rows) for rows in (created, updated, entries)])


def _entry(change: Change, what: str, data: Record) -> Record:
    return {"w": change.workspace_id, "lead_id": change.lead_id, "type": what, "data": data}


def _lead(change: Change) -> LeadKey:
    return change.workspace_id, change.lead_id


def _blank(workspace_id: int, lead_id: int) -> State:
    """Return the state of a lead without any data."""
    blank: State = dict.fromkeys(COLUMNS)
    known = {"status": "new", "lead_score": 0, "starred": False, "custom_fields": {}, "tag_ids": []}
    return blank | known | {"workspace_id": workspace_id, "id": lead_id}
