"""Submissions of a person that no lead shows: held and dead ones, and those that wait in the journal.

They are known by their identities, normalised as ingest would do it.
"""

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from psycopg.rows import TupleRow

from shared.leads.placement import WorkspaceSettings
from shared.leads.submission import FORM_KEY, SOURCE_KEY
from shared.leads.workspace_settings import load_workspace_settings
from shared.people.identity_hashes import PersonIdentity, PersonMatcher, identities_of_body
from shared.platform.db.connections import Connection, as_json

JournalItemJson = dict[str, Any]

MAX_SCANNED_UNDECIDED = 20_000  # held and dead submissions that are looked through, the newest first
SCANNED_ROWS = 50  # journal rows that are read at once: each is up to 256 KiB

UNDECIDED_SQL = """
SELECT id, received_at, state, payload FROM submissions
WHERE workspace_id = %s AND state = %s AND state <> 'done' AND received_at <= coalesce(%s::timestamptz, 'infinity')
ORDER BY received_at DESC LIMIT %s
"""
JOURNAL_ROWS_SQL = """
SELECT lane, id, payload FROM journal WHERE (lane, id) > (%s, %s) ORDER BY lane, id LIMIT %s
"""
LOCK_ROW_SQL = "SELECT payload FROM journal WHERE lane = %s AND id = %s FOR UPDATE SKIP LOCKED"
DROP_ROW_SQL = "DELETE FROM journal WHERE lane = %s AND id = %s"
SHORTEN_ROW_SQL = (
    "UPDATE journal SET n = %b, ids = string_to_array(%b, ',')::uuid[], payload = %b WHERE lane = %b AND id = %b"
)
ERASED_WARNING = "It was erased: the person whose data it held was."
# The keys stay, so that a repeat of the request changes nothing. One that was decided before was accepted twice.
BLANK_ITEMS_SQL = """
WITH gone AS (
    SELECT * FROM json_to_recordset(%(items)s::json) AS g(id uuid, at bigint, channel text, hash text)
), keyed AS (
    INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
    SELECT %(w)s, id, to_timestamp(at / 1000.0), '' FROM gone WHERE hash IS NOT NULL
    ON CONFLICT (workspace_id, id) DO UPDATE SET body_hash = ''
), stored AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, warnings, attempts)
    SELECT %(w)s, id, to_timestamp(at / 1000.0), 'done', channel, 'null', ARRAY[%(warning)s], 0 FROM gone
    ON CONFLICT DO NOTHING RETURNING 1
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT %(w)s, 'done', n FROM (SELECT count(*) AS n FROM stored) made WHERE n > 0
UNION ALL
SELECT %(w)s, 'accepted', n FROM (
    SELECT (SELECT count(*) FROM stored) - (SELECT count(*) FROM gone) AS n) repeated WHERE n < 0
"""


async def find_undecided(
    connection: Connection, workspace_id: int, identities: Collection[PersonIdentity], until: datetime | None = None
) -> list[TupleRow]:
    """Return the held and dead submissions with one of the identities: `id, received_at, state, payload`.

    `until` leaves out those that were received later.
    """
    wanted = set(identities)
    if not wanted:
        return []
    settings = await settings_of(connection, workspace_id)
    undecided: list[TupleRow] = []
    for state in ("dead", "quarantined"):
        values = (workspace_id, state, until, MAX_SCANNED_UNDECIDED)
        rows = await (await connection.execute(UNDECIDED_SQL, values)).fetchall()
        undecided += [row for row in rows if wanted & identities_of_body(decoded_payload(bytes(row[3])), settings)]
    return undecided


async def list_waiting(
    connection: Connection, workspace_id: int, identities: Collection[PersonIdentity]
) -> list[JournalItemJson]:
    """Return the journal items with one of the identities."""
    wanted, settings = set(identities), await settings_of(connection, workspace_id)
    waiting_items: list[JournalItemJson] = []
    async for _, items in _journal_rows(connection):
        waiting_items += [
            item for item in items if item["w"] == workspace_id and wanted & identities_of_body(item["body"], settings)
        ]
    return waiting_items


class TakenItem(NamedTuple):
    """A submission that was taken out of the journal. `digests` are those of its files, in hexadecimal."""

    id: uuid.UUID
    raw_in: uuid.UUID | None
    digests: list[str]


async def take_out_waiting(
    connection: Connection, workspace_id: int, matcher: PersonMatcher, until: datetime
) -> tuple[list[TakenItem], bool]:
    """Take the person's submissions that were received until then out of the journal, each row in its own transaction.

    They become blank submissions, as erased ones do, so that the ledger stays exact. Return them, and whether no row
    was passed over because a worker holds it.
    """
    settings, limit = await settings_of(connection, workspace_id), until.timestamp() * 1000

    def is_persons(item: JournalItemJson) -> bool:
        if item["w"] != workspace_id or item["at"] > limit:
            return False
        return matcher.matches(identities_of_body(item["body"], settings))

    taken_items: list[TakenItem] = []
    is_complete = True
    async for key, items in _journal_rows(connection):
        if not any(map(is_persons, items)):
            continue
        async with connection.transaction():
            row = await (await connection.execute(LOCK_ROW_SQL, key)).fetchone()
            if row is None:
                is_complete = False
                continue
            document = orjson.loads(row[0])
            gone = [item for item in document["items"] if is_persons(item)]
            await _shorten_row(connection, key, document, gone)
            await _blank_items(connection, workspace_id, gone)
        taken_items += [TakenItem(uuid.UUID(item["id"]), raw_holder(item["body"]), _digests_of(item)) for item in gone]
    return taken_items, is_complete


async def settings_of(connection: Connection, workspace_id: int) -> WorkspaceSettings:
    """Return the settings by which contacts of a workspace are normalised."""
    return (await load_workspace_settings(connection, [workspace_id]))[workspace_id]


def raw_holder(body: Any) -> uuid.UUID | None:
    """Return the id of the submission that has the bytes of the request in which this one came, if another has them."""
    part = body.get(SOURCE_KEY) if isinstance(body, dict) else None
    named = part.get("raw_in") if isinstance(part, dict) else None
    return uuid.UUID(named) if named else None


def decoded_payload(payload: bytes) -> Any:
    """Return a stored payload, None if it is no JSON."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


async def _journal_rows(connection: Connection) -> AsyncIterator[tuple[tuple[int, int], list[JournalItemJson]]]:
    after = (-1, 0)
    while rows := await (await connection.execute(JOURNAL_ROWS_SQL, (*after, SCANNED_ROWS))).fetchall():
        for lane, id_, payload in rows:
            yield (lane, id_), orjson.loads(payload)["items"]
        after = rows[-1][0], rows[-1][1]


async def _shorten_row(
    connection: Connection, key: tuple[int, int], document: dict[str, Any], gone: Sequence[JournalItemJson]
) -> None:
    """Write a row without the items, and without the bytes of a request that hold them."""
    away, held = {item["id"] for item in gone}, {str(raw_holder(item["body"])) for item in gone}
    remaining = [item for item in document["items"] if item["id"] not in away]
    for item in remaining:
        if item["id"] in held and isinstance(item["body"].get(SOURCE_KEY), dict):
            item["body"][SOURCE_KEY].pop("raw", None)
    if not remaining:
        await connection.execute(DROP_ROW_SQL, key)
        return
    payload = orjson.dumps({**document, "items": remaining})
    await connection.execute(
        SHORTEN_ROW_SQL, (len(remaining), ",".join(item["id"] for item in remaining), payload, *key)
    )


async def _blank_items(connection: Connection, workspace_id: int, gone: Sequence[JournalItemJson]) -> None:
    items = [{"id": item["id"], "at": item["at"], "channel": item["ch"], "hash": item.get("hash")} for item in gone]
    values = {"w": workspace_id, "items": as_json(items), "warning": ERASED_WARNING}
    await connection.execute(BLANK_ITEMS_SQL, values)


def _digests_of(item: JournalItemJson) -> list[str]:
    form = item["body"].get(FORM_KEY) if isinstance(item["body"], dict) else None
    files = form.get("files", ()) if isinstance(form, dict) else ()
    return [file["digest"] for file in files]
