"""Record the outcomes of a batch of attempts in one transaction, with a few statements for any number of outcomes.

An outcome counts only while the delivery belongs to its sender. An outcome that came after the lease ended is recorded
as an attempt and changes nothing else.
"""

from collections.abc import Sequence
from typing import Any

from services.workers.deliveries.circuits import Circuit
from services.workers.deliveries.outcomes import Outcome
from services.workers.deliveries.silence import silence
from shared.db import Connection, as_json

ATTEMPTS = """
UPDATE delivery_attempts a
SET finished_at = clock_timestamp(), duration_ms = o.ms, request = o.request, status = o.status, headers = o.headers,
    body = o.body, error = o.error
FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, number smallint, ms bigint, request jsonb, status smallint,
                                      headers jsonb, body text, error text)
WHERE a.workspace_id = o.w AND a.delivery_id = o.id AND a.number = o.number
"""
# A lead's timeline gets one entry for each final state of a delivery. Deleted leads get none.
STATES = """
WITH outcomes AS (
    SELECT * FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, number smallint, state text, wait float,
                                                   error text)
), changed AS (
    UPDATE deliveries d
    SET state = o.state, error = o.error, sending_since = NULL,
        due_at = CASE WHEN o.state = 'pending' THEN clock_timestamp() + o.wait * interval '1 second' ELSE d.due_at END,
        finished_at = CASE WHEN o.state <> 'pending' THEN clock_timestamp() END
    FROM outcomes o
    WHERE d.workspace_id = o.w AND d.id = o.id AND d.state = 'pending' AND d.attempts = o.number
    RETURNING d.*
), told AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT c.workspace_id, c.lead_id, 'delivery.' || c.state,
           jsonb_strip_nulls(jsonb_build_object('delivery_id', c.id, 'kind', c.kind, 'event', c.event,
                                                'subscription_id', c.subscription_id, 'attempts', c.attempts,
                                                'integration_id', c.integration_id, 'user_id', c.user_id))
    FROM changed c JOIN leads l ON l.workspace_id = c.workspace_id AND l.id = c.lead_id
    WHERE c.state <> 'pending' ORDER BY c.id
)
SELECT workspace_id, id FROM changed
"""
KNOWN = """
SELECT e.workspace_id, e.endpoint, failures, slots, extract(epoch FROM open_until - clock_timestamp())::float,
       coalesce(succeeded_at > clock_timestamp() - interval '1 minute', false)
FROM endpoints e JOIN json_to_recordset(%s::json) AS k(w bigint, endpoint text)
    ON e.workspace_id = k.w AND e.endpoint = k.endpoint
ORDER BY 1, 2 FOR UPDATE OF e
"""
CIRCUITS = """
INSERT INTO endpoints (workspace_id, endpoint, failures, slots, open_until, succeeded_at)
SELECT w, endpoint, failures, slots, clock_timestamp() + open_for * interval '1 second',
       CASE WHEN succeeded THEN clock_timestamp() END
FROM json_to_recordset(%s::json) AS c(w bigint, endpoint text, failures bigint, slots smallint, open_for float,
                                      succeeded boolean)
ORDER BY 1, 2
ON CONFLICT (workspace_id, endpoint) DO UPDATE
SET failures = excluded.failures, slots = excluded.slots, open_until = excluded.open_until,
    succeeded_at = coalesce(excluded.succeeded_at, endpoints.succeeded_at)
"""
# An integration shows the error of its last message.
ERRORS = """
UPDATE integrations i SET last_error = o.error
FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, error text)
WHERE i.workspace_id = o.w AND i.id = o.id AND i.last_error IS DISTINCT FROM o.error
"""


async def record(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Record the outcomes, and disable subscriptions whose receiver is gone or has failed for too long. Committed."""
    async with connection.transaction():
        await connection.execute(ATTEMPTS, (as_json([_attempt(one) for one in outcomes]),))
        rows = await connection.execute(STATES, (as_json([_state(one) for one in outcomes]),))
        kept = set(await rows.fetchall())
        ours = [one for one in outcomes if (one.claimed.workspace_id, one.claimed.id) in kept]
        await _note_circuits(connection, ours)
        if errors := _errors(ours):
            await connection.execute(ERRORS, (as_json(errors),))
        await silence(connection, ours)


async def _note_circuits(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    asked = [one for one in outcomes if one.well is not None]
    if not asked:
        return
    keys = sorted({(one.claimed.workspace_id, one.claimed.endpoint) for one in asked})
    wanted = as_json([{"w": workspace_id, "endpoint": endpoint} for workspace_id, endpoint in keys])
    rows = await (await connection.execute(KNOWN, (wanted,))).fetchall()
    before = {(row[0], row[1]): Circuit(*row[2:5]) for row in rows}
    recent = {(row[0], row[1]) for row in rows if row[5]}
    after, succeeded = _after(before, asked)
    changed = [
        {
            "w": key[0],
            "endpoint": key[1],
            "failures": circuit.failures,
            "slots": circuit.slots,
            "open_for": circuit.open_for,
            "succeeded": key in succeeded,
        }
        for key, circuit in sorted(after.items())
        if circuit != before.get(key) or (key in succeeded and key not in recent)
    ]
    if changed:
        await connection.execute(CIRCUITS, (as_json(changed),))


def _after(
    before: dict[tuple[int, str], Circuit], outcomes: Sequence[Outcome]
) -> tuple[dict[tuple[int, str], Circuit], set[tuple[int, str]]]:
    """Return the circuits after these outcomes, and the keys of those with a success."""
    after: dict[tuple[int, str], Circuit] = {}
    succeeded = set()
    for one in outcomes:
        key = (one.claimed.workspace_id, one.claimed.endpoint)
        circuit = after.get(key) or before.get(key) or Circuit()
        after[key] = circuit.succeeded() if one.well else circuit.failed(one.answer.retry_after)
        if one.well:
            succeeded.add(key)
    return after, succeeded


def _attempt(one: Outcome) -> dict[str, Any]:
    answer = one.answer
    return {
        "w": one.claimed.workspace_id,
        "id": one.claimed.id,
        "number": one.claimed.number,
        "ms": answer.ms,
        "request": answer.request,
        "status": answer.status,
        "headers": answer.headers if answer.status is not None else None,
        "body": answer.body,
        "error": answer.error,
    }


def _state(one: Outcome) -> dict[str, Any]:
    return {
        "w": one.claimed.workspace_id,
        "id": one.claimed.id,
        "number": one.claimed.number,
        "state": one.state,
        "wait": one.wait,
        "error": one.answer.error,
    }


def _errors(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the error of each integration's last outcome in the batch, or None after a success."""
    found = {
        (one.claimed.workspace_id, one.claimed.integration_id): one.answer.error
        for one in outcomes
        if one.claimed.integration_id is not None and one.state not in ("cancelled", "suppressed")
    }
    return [{"w": workspace_id, "id": id_, "error": error} for (workspace_id, id_), error in found.items()]
