"""Create, change and delete leads. Apart from ingest, all writes of leads go through this module.

Each function runs in the caller's transaction, follows the lock order of docs/architecture.md, and adds one entry to
the timeline and one event to the outbox for every change. After a deadlock or a contention error the caller should run
the transaction again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.leads import identities, lead_redirects, phone_handover
from shared.leads.apply_batch import WITHOUT_AUTOMATIONS
from shared.leads.duplicate_policy import describe_changes as described
from shared.leads.edit import (
    CONTACT_FIELDS,
    ChangeCause,
    LeadChange,
    LeadEdit,
    compare_with_state,
    effective_changes,
    identity_keys_of,
    prepare_edit,
)
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.lead_records import read_leads
from shared.leads.placement import Board, WorkspaceSettings, needs_board
from shared.leads.submission import IdentityKey, LeadKey, LeadState
from shared.leads.tags import TagChanges, load_tag_changes
from shared.leads.workspace_settings import load_board, load_workspace_settings
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.database_errors import ContentionError
from shared.platform.errors import FieldErrors

__all__ = ["ChangeCause", "LeadChange", "LeadNotCreated", "RefusedChange", "change_leads", "create_lead", "delete_lead"]

ActivityJson = dict[str, Any]
CONFIRMING_CAUSES = ("user", "api")
LEAD_COLUMN_TYPES = (
    "workspace_id bigint, id bigint, first_name text, last_name text, email text, email_as_given text, phone text, "
    "company text, job_title text, country text, source text, status text, lead_score bigint, starred boolean, "
    "pipeline_id bigint, pipeline_stage_id bigint, assigned_user_id bigint, notes text, custom_fields jsonb, "
    "tag_ids bigint[]"
)
LEAD_COLUMNS = [column.split()[0] for column in LEAD_COLUMN_TYPES.split(", ")]
LEAD_COLUMN_LIST = ", ".join(LEAD_COLUMNS)
SET_LEAD_COLUMNS = ", ".join(f"{column} = u.{column}" for column in LEAD_COLUMNS[2:])

WRITE_LEADS_SQL = f"""
WITH created AS (
    INSERT INTO leads ({LEAD_COLUMN_LIST})
    SELECT {LEAD_COLUMN_LIST} FROM json_to_recordset(%s::json) AS c({LEAD_COLUMN_TYPES})
), updated AS (
    UPDATE leads l SET {SET_LEAD_COLUMNS}, updated_at = greatest(clock_timestamp(), l.updated_at)
    FROM json_to_recordset(%s::json) AS u({LEAD_COLUMN_TYPES})
    WHERE l.workspace_id = u.workspace_id AND l.id = u.id
), remembered AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT w, lead_id, type, data FROM json_to_recordset(%s::json) AS e(w bigint, lead_id bigint, type text, data jsonb)
    RETURNING id, workspace_id, lead_id, type, data
)
INSERT INTO events (workspace_id, type, lead_id, activity_id)
SELECT r.workspace_id, r.type, r.lead_id, r.id FROM remembered r JOIN rule_versions v USING (workspace_id)
WHERE v.is_watched
"""
WRITE_SOME_QUIETLY_SQL = f"{WRITE_LEADS_SQL} AND NOT r.data ? '{WITHOUT_AUTOMATIONS}'"


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """A change that was not made, because the lead does not exist or because of errors by field.

    `holders` are the leads that own an email or phone, by field. `conflicts` are the values now of fields that have not
    the expected one.
    """

    change: LeadChange
    is_missing: bool
    errors: FieldErrors
    holders: dict[str, int]
    conflicts: dict[str, Any]


class LeadNotCreated(Exception):
    """The lead was not created. The caller must roll the transaction back."""

    def __init__(self, errors: FieldErrors, holders: dict[str, int]) -> None:
        super().__init__("The lead cannot be created.")
        self.errors = errors
        self.holders = holders


async def create_lead(connection: Connection, workspace_id: int, fields: dict[str, Any], cause: ChangeCause) -> int:
    """Create a lead and return its id. Raises `LeadNotCreated` with all errors."""
    cursor = await connection.execute("SELECT nextval('lead_ids')")
    lead_id: int = (await cursor.fetchall())[0][0]
    change = LeadChange(workspace_id, lead_id, cause=cause, set_fields=fields)
    edit = (await _prepare_edits(connection, [change], new=True))[0]
    await _claim_contacts(connection, [edit])
    if edit.errors:
        raise LeadNotCreated(edit.errors, edit.holders)
    state = _blank_lead(workspace_id, lead_id)
    state |= effective_changes(edit, state)
    tags = await load_tag_changes(connection, [change], {})
    data: ActivityJson = {"by": cause.to_dict(), "source": state["source"]}
    if state["assigned_user_id"]:
        data["user_id"] = state["assigned_user_id"]
    data |= tags.apply_to(change, state)
    await _write_leads(connection, [state], [], [_activity_entry(change, "lead.created", data)])
    return lead_id


async def change_leads(connection: Connection, changes: Sequence[LeadChange]) -> list[RefusedChange]:
    """Make the changes in order; several may be of one lead. Return those that could not be made.

    A change of a merged lead is made to the lead that answers for it. A change without effect adds neither an entry nor
    an event.
    """
    refusals = await _change_present_leads(connection, changes)
    missing = {_lead_key(refusal.change) for refusal in refusals if refusal.is_missing}
    winners = await lead_redirects.find_winners(connection, missing)
    if not winners:
        return refusals
    merged = [replace(one, lead_id=winners[_lead_key(one)]) for one in changes if _lead_key(one) in winners]
    return [one for one in refusals if _lead_key(one.change) not in winners] + await _change_present_leads(
        connection, merged
    )


async def _change_present_leads(connection: Connection, changes: Sequence[LeadChange]) -> list[RefusedChange]:
    edits = await _prepare_edits(connection, changes)
    won = await _claim_contacts(connection, edits)
    states = await _lock_leads(connection, changes)
    for edit in edits:
        if state := states.get(_lead_key(edit.change)):
            compare_with_state(edit, state)
    present = [edit for edit in edits if not edit.errors and _lead_key(edit.change) in states]
    tags = await load_tag_changes(connection, [edit.change for edit in present], states)
    for edit in present:
        tags.check_room(edit, states[_lead_key(edit.change)])
    sound = [edit for edit in present if not edit.errors]
    used = {key: edit.change.lead_id for edit in sound for key in edit.identity_keys.values()}
    await _verify_owners(connection, {key: lead for key, lead in used.items() if key not in won})
    entries, freed = _apply_edits(sound, states, tags)
    if entries:
        touched = {(entry["w"], entry["lead_id"]) for entry in entries}
        await _write_leads(connection, [], [states[lead] for lead in touched], entries)
    await _confirm_contacts(connection, sound)
    await phone_handover.hand_over_phones(connection, freed)
    await identities.release(connection, {key: won[key] for key in won.keys() - used.keys()} | freed)
    return [
        RefusedChange(edit.change, _lead_key(edit.change) not in states, edit.errors, edit.holders, edit.conflicts)
        for edit in edits
        if edit.errors or _lead_key(edit.change) not in states
    ]


async def delete_lead(connection: Connection, workspace_id: int, lead_id: int, cause: ChangeCause) -> bool:
    """Delete a lead and its tasks. Return False if the lead does not exist. By a merged id the lead goes that answers
    for it, and with it all that merged into it.

    Its contacts are free again, but a phone that a possible duplicate shows moves to that lead. Its submissions and its
    timeline stay until it is erased. The last entry of the timeline holds the last record of the lead.
    """
    lead = (workspace_id, lead_id)
    if lead not in await lock_with_duplicates(connection, {lead}, {lead}, ["workspace_id", "id"]):
        winner = await lead_redirects.find_winner(connection, workspace_id, lead_id)
        return winner is not None and await delete_lead(connection, workspace_id, winner, cause)
    record = (await read_leads(connection, [lead]))[lead]
    change = LeadChange(workspace_id, lead_id, cause=cause)
    await _write_leads(
        connection, [], [], [_activity_entry(change, "lead.deleted", {"by": cause.to_dict(), "lead": record})]
    )
    await phone_handover.hand_over_phones(connection, await phone_handover.phones_of(connection, lead))
    await lead_redirects.forget_merges(connection, workspace_id, lead_id)
    for statement in DELETE_LEAD_SQL:
        await connection.execute(statement, {"w": workspace_id, "lead": lead_id})
    return True


DELETE_LEAD_SQL = (
    "DELETE FROM leads WHERE workspace_id = %(w)s AND id = %(lead)s",
    "DELETE FROM tasks WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    "DELETE FROM lead_attributions WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    "DELETE FROM conversions WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    # Noted on both leads, and only by transactions that have both under lock.
    """DELETE FROM possible_duplicates p USING possible_duplicates mine
       WHERE mine.workspace_id = %(w)s AND mine.lead_id = %(lead)s AND p.workspace_id = %(w)s
         AND (p.lead_id, p.other_id) = (mine.other_id, mine.lead_id)""",
    "DELETE FROM possible_duplicates WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    "DELETE FROM identities WHERE workspace_id = %(w)s AND lead_id = %(lead)s",
    "DELETE FROM duplicate_pairs WHERE workspace_id = %(w)s AND lead_a = %(lead)s",
    "DELETE FROM duplicate_pairs WHERE workspace_id = %(w)s AND lead_b = %(lead)s",
)


async def _prepare_edits(connection: Connection, changes: Sequence[LeadChange], *, new: bool = False) -> list[LeadEdit]:
    workspaces: dict[int, WorkspaceSettings] = await load_workspace_settings(
        connection, [change.workspace_id for change in changes]
    )
    naming = [change.workspace_id for change in changes if needs_board(change.set_fields)]
    board: Board = await load_board(connection, naming)
    return [prepare_edit(change, workspaces[change.workspace_id], board, is_new=new) for change in changes]


async def _claim_contacts(connection: Connection, edits: Sequence[LeadEdit]) -> dict[IdentityKey, int]:
    """Claim the identities of the edits and return those won. A contact of another lead becomes an error."""
    wanted: dict[IdentityKey, int] = {}
    for edit in edits:
        for key in edit.identity_keys.values():
            wanted.setdefault(key, edit.change.lead_id)
    lost = await identities.claim(connection, wanted) if wanted else []
    held = await identities.find_owners(connection, lost) if lost else {}
    if len(held) < len(lost):
        # Another transaction just released it. To claim again, with others already won, would break the lock order.
        raise ContentionError("identities kept changing")
    holders = wanted | held
    for edit in edits:
        for name, key in edit.identity_keys.items():
            if holders[key] != edit.change.lead_id:
                edit.reject_taken(name, holders[key])
    return {key: lead for key, lead in wanted.items() if key not in held}


async def _lock_leads(connection: Connection, changes: Sequence[LeadChange]) -> dict[LeadKey, LeadState]:
    """Lock and read the leads. Also locks the leads to which a phone may be handed over."""
    phones = {_lead_key(change) for change in changes if "phone" in change.set_fields}
    return await lock_with_duplicates(connection, {_lead_key(change) for change in changes}, phones, LEAD_COLUMNS)


async def _verify_owners(connection: Connection, own: dict[IdentityKey, int]) -> None:
    """Check that the locked leads still own their identities. Raises a contention error if not.

    Another transaction may have replaced them while this one waited for the locks.
    """
    if own and await identities.find_owners(connection, own) != own:
        raise ContentionError("identities kept changing")


async def _confirm_contacts(connection: Connection, edits: Iterable[LeadEdit]) -> None:
    """Note that a person or a key sent those contacts: no undo of an import takes them away."""
    confirmed = {
        key: edit.change.lead_id
        for edit in edits
        if edit.change.cause.kind in CONFIRMING_CAUSES
        for key in (*edit.identity_keys.values(), *edit.confirmed_keys)
    }
    if confirmed:
        await identities.confirm(connection, confirmed)


def _apply_edits(
    edits: Iterable[LeadEdit], states: dict[LeadKey, LeadState], tags: TagChanges
) -> tuple[list[ActivityJson], dict[IdentityKey, int]]:
    """Apply the edits to the states. Return the entries for the timeline and the identities to release."""
    entries: list[ActivityJson] = []
    freed: dict[IdentityKey, int] = {}
    for edit in edits:
        change, state = edit.change, states[_lead_key(edit.change)]
        new = effective_changes(edit, state)
        data: ActivityJson = {"by": change.cause.to_dict()}
        if new:
            data["changes"] = described(state, new)
        for name in () if change.keeps_identities else new.keys() & set(CONTACT_FIELDS):
            freed |= dict.fromkeys(identity_keys_of(change.workspace_id, name, state[name]), change.lead_id)
            if name in edit.identity_keys:
                freed.pop(edit.identity_keys[name], None)
        state |= new
        data |= tags.apply_to(change, state)
        if len(data) > 1:
            if change.is_quiet:
                data[WITHOUT_AUTOMATIONS] = True
            entries.append(_activity_entry(change, "lead.updated", data))
    return entries, freed


async def _write_leads(
    connection: Connection, created: Sequence[LeadState], updated: Sequence[LeadState], entries: Sequence[ActivityJson]
) -> None:
    is_quiet = any(WITHOUT_AUTOMATIONS in entry["data"] for entry in entries)
    statement = WRITE_SOME_QUIETLY_SQL if is_quiet else WRITE_LEADS_SQL
    await connection.execute(statement, [as_json(rows) for rows in (created, updated, entries)])


def _activity_entry(change: LeadChange, what: str, data: ActivityJson) -> ActivityJson:
    return {"w": change.workspace_id, "lead_id": change.lead_id, "type": what, "data": data}


def _lead_key(change: LeadChange) -> LeadKey:
    return change.workspace_id, change.lead_id


def _blank_lead(workspace_id: int, lead_id: int) -> LeadState:
    """Return the state of a lead without any data."""
    blank: LeadState = dict.fromkeys(LEAD_COLUMNS)
    known = {"status": "new", "lead_score": 0, "starred": False, "custom_fields": {}, "tag_ids": []}
    return blank | known | {"workspace_id": workspace_id, "id": lead_id}
