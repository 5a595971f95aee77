"""Erase a person: all rows go in one transaction, and what remains names nobody.

Submissions stay as blank rows. So their ids are taken, and a redelivery, a copy in the spool or a replay meets them and
is dropped, at no cost for ingest; and the ledger stays exact.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from shared.imports import import_erasure
from shared.leads import lead_redirects, phone_handover, reference_locks
from shared.leads.edit import ChangeCause
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.submission import SOURCE_KEY, LeadKey
from shared.likeness import pair_moves
from shared.people.person_scope import (
    TELLS_ERASURE_CONDITION,
    PersonScope,
    PersonSubmission,
    find_lead_ids,
    find_person,
)
from shared.people.personal_tables import PERSONAL_TABLES, PersonalTable
from shared.people.waiting_people import ERASED_WARNING
from shared.platform.db.connections import Connection, as_json
from shared.platform.db.database_errors import ContentionError

BLANK_SUBMISSIONS_SQL = """
WITH locked AS (
    SELECT s.id, s.received_at, s.state FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, received_at)
    JOIN submissions s ON s.workspace_id = %(w)s AND s.id = w.id AND s.received_at = w.received_at
    ORDER BY s.received_at, s.id FOR UPDATE OF s
), blanked AS (
    UPDATE submissions s SET state = 'done', source = NULL, lead_id = NULL, is_duplicate = NULL, matched_on = NULL,
        payload = 'null', changes = NULL, warnings = ARRAY[%(warning)s], error = NULL, cause_id = NULL, spam = NULL,
        rejected_at = NULL
    FROM locked l WHERE s.workspace_id = %(w)s AND s.id = l.id AND s.received_at = l.received_at
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT %(w)s, moved.state, sum(moved.n) FROM (
    SELECT state, -1 AS n FROM locked WHERE state <> 'done'
    UNION ALL SELECT 'done', 1 FROM locked WHERE state <> 'done') moved
GROUP BY moved.state
"""
# A repeat with the key is refused from now on, as one with another body is.
BLANK_KEYS_SQL = "UPDATE submission_keys SET body_hash = '' WHERE workspace_id = %(w)s AND id = ANY(%(submission)s)"
BLANK_ITEMS_SQL = """
UPDATE job_items SET error = NULL, effect = NULL WHERE workspace_id = %(w)s AND submission_id = ANY(%(submission)s)
"""
BLANK_LEAD_ITEMS_SQL = """
UPDATE job_items SET error = NULL, effect = NULL WHERE workspace_id = %(w)s AND lead_id = ANY(%(lead)s)
"""
# The bytes of a request with several people lie with the first of them, and in the versions of its payload.
RAW_SUBMISSIONS_SQL = """
SELECT id, received_at, payload FROM submissions
WHERE workspace_id = %s AND id = ANY(%s) AND position('"raw"'::bytea IN payload) > 0 ORDER BY 1 FOR UPDATE
"""
KEEP_SUBMISSION_SQL = "UPDATE submissions SET payload = %s WHERE workspace_id = %s AND id = %s AND received_at = %s"
RAW_VERSIONS_SQL = """
SELECT submission_id, version, payload FROM submission_versions
WHERE workspace_id = %s AND submission_id = ANY(%s) AND position('"raw"'::bytea IN payload) > 0 ORDER BY 1, 2 FOR UPDATE
"""
KEEP_VERSION_SQL = """
UPDATE submission_versions SET payload = %s WHERE workspace_id = %s AND submission_id = %s AND version = %s
"""
# Noted on both leads.
DELETE_OTHER_NOTES_SQL = """
DELETE FROM possible_duplicates p USING possible_duplicates mine
WHERE mine.workspace_id = %(w)s AND mine.lead_id = ANY(%(lead)s) AND p.workspace_id = %(w)s
  AND (p.lead_id, p.other_id) = (mine.other_id, mine.lead_id)
"""
DELETE_SPAM_RULES_SQL = """
DELETE FROM spam_rules WHERE workspace_id = %(w)s AND kind = 'email' AND value = ANY(%(email)s)
"""
FILE_CONTENTS_SQL = """
SELECT DISTINCT encode(digest, 'hex') FROM files WHERE workspace_id = %(w)s AND submission_id = ANY(%(submission)s)
"""
# The only entry that remains: receivers are told the number of the lead, and nothing else.
NOTE_ERASURE_SQL = """
WITH noted AS (
    INSERT INTO activities (workspace_id, lead_id, type, data) VALUES (%(w)s, %(lead)s, 'lead.deleted', %(data)s)
    RETURNING id, workspace_id, lead_id, type
)
INSERT INTO events (workspace_id, type, lead_id, activity_id)
SELECT n.workspace_id, n.type, n.lead_id, n.id FROM noted n JOIN rule_versions v USING (workspace_id)
WHERE v.is_watched AND %(told)s
"""
# What tells others of the erasure remains, by table. Deliveries that tell of it are not in the scope of a person.
KEPT_ROWS = {
    "activities": "type = 'lead.deleted' AND data ? 'erased'",
    "events": """type = 'lead.deleted' AND EXISTS (
        SELECT FROM activities a
        WHERE (a.workspace_id, a.lead_id, a.id) = (events.workspace_id, events.lead_id, events.activity_id)
          AND a.data ? 'erased')""",
    "feed_events": TELLS_ERASURE_CONDITION,
}
EMPTY_RECORD_FIELDS = (
    *("first_name", "last_name", "email", "phone", "company", "job_title", "country", "source", "status"),
    *("email_as_given", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "notes"),
    *("possible_duplicate_of", "attribution", "created_at", "updated_at"),
)


async def lock_person(connection: Connection, workspace_id: int, lead_id: int) -> PersonScope | None:
    """Lock the leads of a person in the order of locks and return what belongs to them. None if there is no such lead.

    Raises a contention error if a merge changed who they are while this transaction waited.
    """
    await reference_locks.lock_shared(connection, [workspace_id])
    before = await find_lead_ids(connection, workspace_id, lead_id)
    leads: set[LeadKey] = {(workspace_id, one) for one in before}
    await lock_with_duplicates(connection, leads, leads, ["workspace_id", "id"])
    if await find_lead_ids(connection, workspace_id, lead_id) != before:
        raise ContentionError("leads were merged meanwhile")
    return await find_person(connection, workspace_id, lead_id)


async def remove_person(connection: Connection, person: PersonScope) -> list[str]:
    """Remove all that belongs to a locked person. Return the digests of the files, whose contents are still there.

    Identities go last: others that claim them wait until the transaction ends.
    """
    values = person.parameters()
    digests = [row[0] for row in await (await connection.execute(FILE_CONTENTS_SQL, values)).fetchall()]
    await _forget_elsewhere(connection, person)
    await blank_submissions(connection, person.workspace_id, person.submissions)
    for statement in (BLANK_KEYS_SQL, BLANK_ITEMS_SQL, BLANK_LEAD_ITEMS_SQL, DELETE_SPAM_RULES_SQL):
        await connection.execute(statement, values)
    await _hand_over_phones(connection, person)
    await connection.execute(DELETE_OTHER_NOTES_SQL, values)
    for table in sorted(PERSONAL_TABLES, key=lambda table: table.name == "identities"):
        await connection.execute(delete_statement(table), values)
    return digests


async def note_erasure(
    connection: Connection, person: PersonScope, cause: ChangeCause, *, tells_receivers: bool = True
) -> None:
    """Leave one entry that names nobody, and tell those who wait for events that the lead is gone."""
    record: dict[str, Any] = {
        **dict.fromkeys(EMPTY_RECORD_FIELDS),
        "id": person.lead_ids[0],
        "custom_fields": {},
        "tags": [],
    }
    data = {"by": cause.to_dict(), "lead": record, "erased": True}
    values = {"w": person.workspace_id, "lead": person.lead_ids[0], "data": as_json(data), "told": tells_receivers}
    await connection.execute(NOTE_ERASURE_SQL, values)


async def blank_submissions(connection: Connection, workspace_id: int, submissions: Sequence[PersonSubmission]) -> None:
    """Make submissions blank, and take the bytes of requests away in which others came with them."""
    await drop_raw_requests(connection, workspace_id, [one.raw_in for one in submissions if one.raw_in])
    values = {
        "w": workspace_id,
        "ids": [one.id for one in submissions],
        "times": [one.received_at for one in submissions],
        "warning": ERASED_WARNING,
    }
    await connection.execute(BLANK_SUBMISSIONS_SQL, values)


async def drop_raw_requests(connection: Connection, workspace_id: int, holders: Iterable[uuid.UUID]) -> None:
    """Take the bytes of requests away from the submissions that hold them, and from the versions of their payloads."""
    ids = list(holders)
    if not ids:
        return
    for read, write in ((RAW_SUBMISSIONS_SQL, KEEP_SUBMISSION_SQL), (RAW_VERSIONS_SQL, KEEP_VERSION_SQL)):
        for *key, payload in await (await connection.execute(read, (workspace_id, ids))).fetchall():
            await connection.execute(write, (_without_raw(bytes(payload)), workspace_id, *key))


def _without_raw(payload: bytes) -> bytes:
    body = orjson.loads(payload)
    if isinstance(body, dict) and isinstance(part := body.get(SOURCE_KEY), dict):
        part.pop("raw", None)
    return orjson.dumps(body)


def delete_statement(table: PersonalTable) -> str:
    """Return the statement that deletes a person's rows of a table."""
    kept = KEPT_ROWS.get(table.name, "false")
    return f"DELETE FROM {table.name} WHERE {table.condition} AND NOT ({kept})"


async def _forget_elsewhere(connection: Connection, person: PersonScope) -> None:
    """Have the areas that keep leads in their own ways forget them."""
    for lead_id in person.lead_ids:
        await pair_moves.forget_lead(connection, person.workspace_id, lead_id)
    await lead_redirects.forget_merges(connection, person.workspace_id, person.lead_ids[0])
    if contacts := {value for _, value in person.identities} | set(person.needles):
        await import_erasure.forget_in_imports(connection, person.workspace_id, contacts, person.lead_ids)


async def _hand_over_phones(connection: Connection, person: PersonScope) -> None:
    phones = await phone_handover.phones_of(connection, (person.workspace_id, person.lead_ids[0]))
    await phone_handover.hand_over_phones(connection, phones)
