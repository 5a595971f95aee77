"""Record the outcomes of a batch of attempts in one transaction, with a few statements for any number of outcomes.

An outcome counts only while the delivery belongs to its sender. An outcome that came after the lease ended is recorded
as an attempt and changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.workers.conversions.conversion_batches import FinishedDelivery, divide_batch, record_conversions
from services.workers.deliveries.auto_disable import disable_failing_subscriptions
from services.workers.deliveries.circuits import Circuit
from services.workers.deliveries.outcomes import DeliveryOutcome
from services.workers.failure_causes import add_failures, delivery_cause
from shared.operations.fingerprint import FailureCause
from shared.platform.db.connections import Connection, as_json

DIVIDED_MESSAGE = "The two halves of the batch are sent by themselves."

UPDATE_ATTEMPTS_SQL = """
UPDATE delivery_attempts a
SET finished_at = clock_timestamp(), duration_ms = o.ms, request = o.request, status = o.status, headers = o.headers,
    body = o.body, error = o.error
FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, number smallint, ms bigint, request jsonb, status smallint,
                                      headers jsonb, body text, error text)
WHERE a.workspace_id = o.w AND a.delivery_id = o.id AND a.number = o.number
"""
# A lead's timeline gets one entry for each final state of a delivery. Deleted leads get none.
UPDATE_STATES_SQL = """
WITH outcomes AS (
    SELECT * FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, number smallint, state text, wait float,
                                                   error text, cause bigint)
), changed AS (
    UPDATE deliveries d
    SET state = o.state, error = o.error, cause_id = o.cause, sending_since = NULL,
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
LOCK_CIRCUITS_SQL = """
SELECT e.workspace_id, e.endpoint, failures, slots, extract(epoch FROM open_until - clock_timestamp())::float,
       coalesce(succeeded_at > clock_timestamp() - interval '1 minute', false)
FROM endpoints e JOIN json_to_recordset(%s::json) AS k(w bigint, endpoint text)
    ON e.workspace_id = k.w AND e.endpoint = k.endpoint
ORDER BY 1, 2 FOR UPDATE OF e
"""
UPSERT_CIRCUITS_SQL = """
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
UPDATE_LAST_ERRORS_SQL = """
UPDATE integrations i SET last_error = o.error
FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, error text)
WHERE i.workspace_id = o.w AND i.id = o.id AND i.last_error IS DISTINCT FROM o.error
"""


async def record_outcomes(connection: Connection, outcomes: Sequence[DeliveryOutcome]) -> None:
    """Record the outcomes, and disable subscriptions whose receiver is gone or has failed for too long. Committed."""
    async with connection.transaction():
        outcomes = [await _divide_refused(connection, one) for one in outcomes]
        await connection.execute(UPDATE_ATTEMPTS_SQL, (as_json([_attempt_row(one) for one in outcomes]),))
        rows = await connection.execute(UPDATE_STATES_SQL, (as_json([_state_row(one) for one in outcomes]),))
        kept = set(await rows.fetchall())
        ours = [one for one in outcomes if (one.claimed.workspace_id, one.claimed.id) in kept]
        await _update_circuits(connection, ours)
        await record_conversions(connection, _finished_conversions(ours))
        if errors := _last_error_rows(ours):
            await connection.execute(UPDATE_LAST_ERRORS_SQL, (as_json(errors),))
        await add_failures(connection, [(one.claimed.workspace_id, cause) for one in ours if (cause := _cause_of(one))])
        await disable_failing_subscriptions(connection, ours)


async def _divide_refused(connection: Connection, outcome: DeliveryOutcome) -> DeliveryOutcome:
    """Return the outcome of a batch of which one event is at fault: its halves go on, and it ends."""
    claimed, answer = outcome.claimed, outcome.answer
    if not answer.is_divisible:
        return outcome
    if not await divide_batch(connection, claimed.workspace_id, claimed.id, claimed.attempt_number):
        return outcome
    return replace(outcome, state="cancelled", answer=replace(answer, error=f"{answer.error} {DIVIDED_MESSAGE}"))


def _finished_conversions(outcomes: Sequence[DeliveryOutcome]) -> list[FinishedDelivery]:
    return [
        FinishedDelivery(one.claimed.workspace_id, one.claimed.id, one.state)
        for one in outcomes
        if one.claimed.kind == "conversion" and one.state != "pending"
    ]


async def _update_circuits(connection: Connection, outcomes: Sequence[DeliveryOutcome]) -> None:
    judgements = [one for one in outcomes if one.is_receiver_well is not None]
    if not judgements:
        return
    keys = sorted({(one.claimed.workspace_id, one.claimed.endpoint) for one in judgements})
    wanted = as_json([{"w": workspace_id, "endpoint": endpoint} for workspace_id, endpoint in keys])
    rows = await (await connection.execute(LOCK_CIRCUITS_SQL, (wanted,))).fetchall()
    before = {(row[0], row[1]): Circuit(*row[2:5]) for row in rows}
    recent = {(row[0], row[1]) for row in rows if row[5]}
    after, succeeded = _circuits_after(before, judgements)
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
        await connection.execute(UPSERT_CIRCUITS_SQL, (as_json(changed),))


def _circuits_after(
    before: dict[tuple[int, str], Circuit], outcomes: Sequence[DeliveryOutcome]
) -> tuple[dict[tuple[int, str], Circuit], set[tuple[int, str]]]:
    """Return the circuits after these outcomes, and the keys of those with a success."""
    after: dict[tuple[int, str], Circuit] = {}
    succeeded = set()
    for outcome in outcomes:
        key = (outcome.claimed.workspace_id, outcome.claimed.endpoint)
        circuit = after.get(key) or before.get(key) or Circuit()
        after[key] = (
            circuit.after_success() if outcome.is_receiver_well else circuit.after_failure(outcome.answer.retry_after)
        )
        if outcome.is_receiver_well:
            succeeded.add(key)
    return after, succeeded


def _attempt_row(outcome: DeliveryOutcome) -> dict[str, Any]:
    answer = outcome.answer
    return {
        "w": outcome.claimed.workspace_id,
        "id": outcome.claimed.id,
        "number": outcome.claimed.attempt_number,
        "ms": answer.ms,
        "request": answer.request,
        "status": answer.status,
        "headers": answer.headers if answer.status is not None else None,
        "body": answer.body,
        "error": answer.error,
    }


def _cause_of(one: DeliveryOutcome) -> FailureCause | None:
    return delivery_cause(one.claimed.kind, one.answer.error or "") if one.state == "failed" else None


def _state_row(outcome: DeliveryOutcome) -> dict[str, Any]:
    cause = _cause_of(outcome)
    return {
        "w": outcome.claimed.workspace_id,
        "id": outcome.claimed.id,
        "number": outcome.claimed.attempt_number,
        "state": outcome.state,
        "wait": outcome.retry_in_seconds,
        "error": outcome.answer.error,
        "cause": cause and cause.id,
    }


def _last_error_rows(outcomes: Sequence[DeliveryOutcome]) -> list[dict[str, Any]]:
    """Return the error of each integration's last outcome in the batch, or None after a success."""
    errors = {
        (one.claimed.workspace_id, one.claimed.integration_id): one.answer.error
        for one in outcomes
        if one.claimed.integration_id is not None and one.state not in ("cancelled", "suppressed")
    }
    return [{"w": workspace_id, "id": id_, "error": error} for (workspace_id, id_), error in errors.items()]
