"""Replay, release and reject: what can be done with submissions that are dead or held.

A replayed or released submission returns to the journal under the same id. The row leaves `submissions` in the
transaction that writes the journal, so that a submission is in one state at a time. It keeps its idempotency key, since
otherwise a repeated request could take its place meanwhile.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson
from psycopg.rows import TupleRow

from shared.intake.change_author import ChangeAuthor
from shared.intake.journal import Lane, chunk_by_size
from shared.intake.payload_changes import JsonObject, UnchangeablePayload, list_differences
from shared.intake.submission_versions import NewVersion, add_versions
from shared.leads.submission import AGAIN_KEY, FORM_KEY, HOLD_KEYS, QUIET_KEY
from shared.platform import ids
from shared.platform.db.connections import Connection

ReplayableState = Literal["dead", "quarantined"]
PayloadEdit = Callable[[Any], JsonObject]  # raises UnchangeablePayload

MAX_JOURNAL_ITEMS = 200  # replayed submissions in one journal row

REFERENCE_SQL = """
SELECT received_at, state, rejected_at FROM submissions
WHERE workspace_id = %(workspace)s AND id = %(id)s AND received_at = coalesce(
    %(at)s::timestamptz, (SELECT received_at FROM submission_keys WHERE workspace_id = %(workspace)s AND id = %(id)s))
"""
_CHOSEN_SQL = """
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, received_at)
JOIN submissions s ON s.workspace_id = %(workspace)s AND s.id = w.id AND s.received_at = w.received_at
"""
LOCK_CHOSEN_SQL = f"""
SELECT s.id, s.received_at, floor(extract(epoch FROM s.received_at) * 1000)::bigint, s.channel, s.source, s.key_id,
       encode(k.body_hash, 'hex'), s.payload
{_CHOSEN_SQL} LEFT JOIN submission_keys k ON k.workspace_id = s.workspace_id AND k.id = s.id
WHERE s.state = %(state)s ORDER BY s.received_at, s.id FOR UPDATE OF s
"""
# The journal holds milliseconds. A key with a finer time would not find the row that is made from there.
REMOVE_CHOSEN_SQL = """
WITH removed AS (
    DELETE FROM submissions s USING unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, received_at)
    WHERE s.workspace_id = %(workspace)s AND s.id = w.id AND s.received_at = w.received_at
    RETURNING s.id, s.state, s.received_at
), cut_keys AS (
    UPDATE submission_keys k SET received_at = date_trunc('milliseconds', r.received_at) FROM removed r
    WHERE k.workspace_id = %(workspace)s AND k.id = r.id
      AND r.received_at <> date_trunc('milliseconds', r.received_at)
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT %(workspace)s, state, -count(*) FROM removed GROUP BY state
"""
REJECT_CHOSEN_SQL = f"""
WITH locked AS (
    SELECT s.id, s.received_at {_CHOSEN_SQL} WHERE s.state = 'quarantined' AND s.rejected_at IS NULL
    ORDER BY s.received_at, s.id FOR UPDATE OF s
)
UPDATE submissions s SET rejected_at = now() FROM locked l
WHERE s.workspace_id = %(workspace)s AND s.id = l.id AND s.received_at = l.received_at RETURNING s.id
"""
CURRENT_STATES_SQL = f"SELECT s.id, s.state, s.rejected_at IS NOT NULL {_CHOSEN_SQL}"  # constants only
# The journal has no index of ids: it is read once. Its rows of other workspaces hold none of these ids.
WAITING_IDS_SQL = """
SELECT waiting.id FROM journal, unnest(ids) AS waiting(id) WHERE waiting.id = ANY(%(ids)s::uuid[])
UNION SELECT id FROM source_fetches WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s::uuid[])
"""
APPEND_REPLAYED_ROW_SQL = (
    "INSERT INTO journal (lane, n, ids, payload) VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b)"
)
ON_ITS_WAY_REASON = "It is on its way already."
GONE_REASON = "No such submission is found any more."
REJECTED_REASON = "It was rejected already."
STATE_REASON = "It is {state} by now."


class SubmissionRef(NamedTuple):
    """The key of a submission within its workspace."""

    id: uuid.UUID
    received_at: datetime


class FoundReference(NamedTuple):
    """A submission that is decided, and how it stands."""

    reference: SubmissionRef
    state: str
    is_rejected: bool


@dataclass(frozen=True)
class ReplayOptions:
    """The state that the submissions must still be in, and how they are ingested.

    `edit` returns the payload to ingest in place of another one. `author` and `reason` stand on the version it makes.
    """

    state: ReplayableState
    author: ChangeAuthor
    reason: str | None = None
    with_automations: bool = True
    edit: PayloadEdit | None = None


@dataclass
class ReplayOutcome:
    """The submissions that were taken, and those whose payload could not be changed, with the reason."""

    taken: set[uuid.UUID] = field(default_factory=set)
    failed: dict[uuid.UUID, str] = field(default_factory=dict)


async def find_reference(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> FoundReference | None:
    """Return a decided submission of the workspace. Its time is known from its id or its key: one partition is read."""
    values = {"workspace": workspace_id, "id": wanted, "at": ids.received_time(str(wanted))}
    row = await (await connection.execute(REFERENCE_SQL, values)).fetchone()
    return FoundReference(SubmissionRef(wanted, row[0]), row[1], row[2] is not None) if row else None


async def replay_submissions(
    connection: Connection, workspace_id: int, references: Sequence[SubmissionRef], options: ReplayOptions
) -> ReplayOutcome:
    """Return submissions to the journal, in the caller's transaction. The sweeper sends the hint.

    Those that are no longer in the state are left alone.
    """
    outcome = ReplayOutcome()
    values = {**_chosen(workspace_id, references), "state": options.state}
    rows = await (await connection.execute(LOCK_CHOSEN_SQL, values)).fetchall()
    payloads, versions = _edit_payloads(rows, options.edit, outcome)
    readable_rows = [row for row in rows if row[0] in payloads]
    if not readable_rows:
        return outcome
    await add_versions(connection, workspace_id, versions, options.author, options.reason)
    await connection.execute(
        REMOVE_CHOSEN_SQL, _chosen(workspace_id, [SubmissionRef(row[0], row[1]) for row in readable_rows])
    )
    for start in range(0, len(readable_rows), MAX_JOURNAL_ITEMS):
        for part in chunk_by_size(readable_rows[start : start + MAX_JOURNAL_ITEMS], lambda row: len(payloads[row[0]])):
            await _append_journal_row(connection, workspace_id, part, payloads, options)
    outcome.taken = set(payloads)
    return outcome


async def reject_submissions(
    connection: Connection, workspace_id: int, references: Sequence[SubmissionRef]
) -> set[uuid.UUID]:
    """Confirm that held submissions are spam, in the caller's transaction. Return the ids of those it took.

    They stay `quarantined`, and can still be released.
    """
    rows = await (await connection.execute(REJECT_CHOSEN_SQL, _chosen(workspace_id, references))).fetchall()
    return {row[0] for row in rows}


async def reasons_not_taken(
    connection: Connection, workspace_id: int, references: Sequence[SubmissionRef]
) -> dict[uuid.UUID, str]:
    """Return for each submission why it was not taken, by what it is now."""
    if not references:
        return {}
    waiting = await (await connection.execute(WAITING_IDS_SQL, _chosen(workspace_id, references))).fetchall()
    rows = await (await connection.execute(CURRENT_STATES_SQL, _chosen(workspace_id, references))).fetchall()
    reasons = {id_: REJECTED_REASON if rejected else STATE_REASON.format(state=state) for id_, state, rejected in rows}
    reasons |= {id_: ON_ITS_WAY_REASON for (id_,) in waiting}
    return {reference.id: reasons.get(reference.id, GONE_REASON) for reference in references}


def _chosen(workspace_id: int, references: Sequence[SubmissionRef]) -> dict[str, Any]:
    return {
        "workspace": workspace_id,
        "ids": [reference.id for reference in references],
        "times": [reference.received_at for reference in references],
    }


def _edit_payloads(
    rows: Sequence[TupleRow], edit: PayloadEdit | None, outcome: ReplayOutcome
) -> tuple[dict[uuid.UUID, bytes], list[NewVersion]]:
    """Return the payloads to ingest by id, and the new versions among them. Failures go into `outcome`."""
    payloads: dict[uuid.UUID, bytes] = {}
    versions: list[NewVersion] = []
    for id_, received_at, *_, stored in rows:
        stored = payloads[id_] = _without_hold(bytes(stored))
        if edit is None:
            continue
        try:
            before = orjson.loads(stored)
            after = edit(before)
        except (UnchangeablePayload, orjson.JSONDecodeError) as error:
            outcome.failed[id_] = str(error) if isinstance(error, UnchangeablePayload) else "The payload is no JSON."
            del payloads[id_]
            continue
        if differences := list_differences(before, after):
            payloads[id_] = orjson.dumps(after)
            versions.append(NewVersion(id_, received_at, payloads[id_], differences))
    return payloads, versions


def _without_hold(stored: bytes) -> bytes:
    """Return the payload of a visitor's submission without the marks by which ingest would hold it again."""
    if not any(key.encode() in stored for key in HOLD_KEYS):
        return stored
    body = orjson.loads(stored)
    form = body.get(FORM_KEY) if isinstance(body, dict) else None
    if not form:
        return stored
    return orjson.dumps({**body, FORM_KEY: {name: one for name, one in form.items() if name not in HOLD_KEYS}})


async def _append_journal_row(
    connection: Connection,
    workspace_id: int,
    rows: Sequence[TupleRow],
    payloads: Mapping[uuid.UUID, bytes],
    options: ReplayOptions,
) -> None:
    accepted_at = ids.now_ms()
    quiet = {} if options.with_automations else {QUIET_KEY: True}
    items = [
        {
            "w": workspace_id,
            "id": str(id_),
            "at": at,
            "ch": channel,
            "src": source,
            "k": key_id,
            "hash": body_hash,
            AGAIN_KEY: accepted_at,
            "body": orjson.Fragment(payloads[id_]),
            **quiet,
        }
        for id_, _, at, channel, source, key_id, body_hash, _ in rows
    ]
    document = orjson.dumps({"gateway": "", "items": items})
    await connection.execute(
        APPEND_REPLAYED_ROW_SQL, (int(Lane.BULK), len(items), ",".join(item["id"] for item in items), document)
    )
