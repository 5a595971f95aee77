"""Collect the verdicts of an import's rows, in order: what became of each submission goes into the report."""

from typing import Any, NamedTuple

from services.workers.imports.import_claims import WAIT_SECONDS, ClaimedImport
from services.workers.imports.row_reading import add_rows, submission_id_of
from shared.platform.db.connections import Connection

ROWS_PER_COLLECTION = 1_000
MAX_READ_ENTRIES = 8_000  # the newest of a lead: fewer rows are under way

REFUSED_ROWS_SQL = """
SELECT row FROM import_rows WHERE workspace_id = %s AND import_id = %s AND row > %s AND row <= %s
"""
# `OFFSET 0` and `LIMIT` leave no plan but looks at an index: tables that grow fast have old statistics, by which
# reading all of them looks cheaper.
VERDICTS_SQL = """
SELECT w.n, s.state, s.lead_id, s.is_duplicate, s.changes <> '{}', s.error, s.warnings
FROM unnest(%s::uuid[]) WITH ORDINALITY AS w(id, n)
CROSS JOIN LATERAL (SELECT * FROM submissions WHERE workspace_id = %s AND id = w.id AND received_at = %s OFFSET 0) s
"""
# Tags and notes that were added, and contacts that were joined, stand on the timeline alone. A lead's entries are read
# once, however many rows are its.
ADDITIONS_SQL = f"""
SELECT a.data ->> 'submission_id', a.data ?| ARRAY['tags_added', 'notes_added'], a.data ? 'joined'
FROM unnest(%(leads)s::bigint[]) AS l(id)
CROSS JOIN LATERAL (
    SELECT data FROM activities WHERE workspace_id = %(workspace)s AND lead_id = l.id
    ORDER BY id DESC LIMIT {MAX_READ_ENTRIES}) a
WHERE a.data ->> 'channel' = %(channel)s AND a.data ?| ARRAY['tags_added', 'notes_added', 'joined']
  AND a.data ->> 'submission_id' = ANY(%(ids)s)
"""
# One snapshot: a submission leaves the journal in the transaction that decides it.
IS_UNDER_WAY_SQL = """
SELECT EXISTS (SELECT FROM journal WHERE ids && ARRAY[%(id)s::uuid])
    OR EXISTS (SELECT FROM submissions WHERE workspace_id = %(workspace)s AND id = %(id)s AND received_at = %(at)s)
"""
DEAD_REASON = "The lead could not be stored ({error}). It is kept as submission {id} and can be replayed."
HELD_REASON = "The submission {id} is {state}."
GONE_REASON = "The person was erased."


class RowVerdict(NamedTuple):
    """What became of a row's submission. `has_effect`: a lead that existed was changed.

    `has_joined`: it is known by another contact as well. `warnings` say what of the row was left out.
    """

    state: str
    lead_id: int | None
    is_duplicate: bool
    has_effect: bool
    error: str | None
    warnings: list[str] | None
    has_joined: bool


async def collect_verdicts(connection: Connection, claim: ClaimedImport) -> bool:
    """Settle the next rows that have their verdict. Return whether there were any."""
    last = min(claim.rows_read, claim.rows_settled + ROWS_PER_COLLECTION)
    if last == claim.rows_settled:
        return False
    found = await (await connection.execute(REFUSED_ROWS_SQL, (*claim.key, claim.rows_settled, last))).fetchall()
    refused = {row[0] for row in found}
    numbers = [number for number in range(claim.rows_settled + 1, last + 1) if number not in refused]
    verdicts = await _read_verdicts(connection, claim, numbers)
    settled, records = claim.rows_settled, list[dict[str, Any]]()
    for number in range(claim.rows_settled + 1, last + 1):
        if number not in refused:
            if number not in verdicts:
                break
            records.append(_record_of(claim, number, verdicts[number]))
        settled = number
    if settled == claim.rows_settled and await _is_gone(connection, claim, settled + 1):
        settled += 1
        records.append({"row": settled, "state": "invalid", "reasons": [GONE_REASON]})
    await add_rows(connection, claim, records)
    claim.count(records)
    has_moved, claim.rows_settled = settled > claim.rows_settled, settled
    return has_moved


async def _read_verdicts(connection: Connection, claim: ClaimedImport, numbers: list[int]) -> dict[int, RowVerdict]:
    ids = [submission_id_of(claim, number) for number in numbers]
    rows = await (await connection.execute(VERDICTS_SQL, (ids, claim.workspace_id, claim.accepted_at))).fetchall()
    values = {
        "workspace": claim.workspace_id,
        "leads": list({row[2] for row in rows if row[3]}),
        "channel": f"import:{claim.id}",
        "ids": ids,
    }
    additions = {row[0]: row[1:] for row in await (await connection.execute(ADDITIONS_SQL, values)).fetchall()}
    verdicts = {}
    for place, state, lead_id, is_duplicate, is_changed, error, warnings in rows:
        has_added, has_joined = additions.get(ids[place - 1], (False, False))
        effect = bool(is_changed) or has_added
        verdict = RowVerdict(state, lead_id, bool(is_duplicate), effect, error, warnings, has_joined)
        verdicts[numbers[place - 1]] = verdict
    return verdicts


async def _is_gone(connection: Connection, claim: ClaimedImport, number: int) -> bool:
    """Return whether a row's submission is nowhere any more: its person was erased meanwhile."""
    claim.pause = max(claim.pause, WAIT_SECONDS)
    values = {"id": submission_id_of(claim, number), "workspace": claim.workspace_id, "at": claim.accepted_at}
    row = await (await connection.execute(IS_UNDER_WAY_SQL, values)).fetchone()
    return not (row and row[0])


def _record_of(claim: ClaimedImport, number: int, verdict: RowVerdict) -> dict[str, Any]:
    if verdict.state == "dead":
        error = (verdict.error or "unknown").partition(":")[0]  # the rest of it may quote the person
        return _refused(number, DEAD_REASON.format(error=error, id=submission_id_of(claim, number)))
    if verdict.lead_id is None:
        return _refused(number, HELD_REASON.format(state=verdict.state, id=submission_id_of(claim, number)))
    state = "created" if not verdict.is_duplicate else "merged" if verdict.has_effect else "unchanged"
    record = {"row": number, "state": state, "lead_id": verdict.lead_id, "reasons": verdict.warnings or None}
    return {**record, "has_joined": verdict.has_joined}


def _refused(number: int, reason: str) -> dict[str, Any]:
    return {"row": number, "state": "invalid", "reasons": [reason]}
