"""The events of deliveries: read with their leads, judged, divided, and recorded with what became of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.workers.conversions.conversion_queue import send_in_batches
from services.workers.conversions.conversion_types import ConversionPerson, JudgedConversions, LeadConversion
from services.workers.conversions.person_hashes import sha256_hex
from shared.platform.db.connections import Connection, as_json

DeliveryKey = tuple[int, int]  # workspace, id
STATES_BY_DELIVERY = {"sent": "sent", "failed": "failed"}  # other final states: the events are skipped
EVENT_ID_LENGTH = 32

# Skipped events are read too: a lead may have agreed by the next attempt, or the settings may have changed.
LOAD_CONVERSIONS_SQL = """
SELECT k.w, k.id, c.id, c.lead_id, c.event, c.occurred_at, c.value, c.currency, c.conversion_action,
       c.state = 'skipped', l.created_at, l.email, l.phone, l.first_name, l.last_name, l.country, a.last, a.first
FROM json_to_recordset(%s::json) AS k(w bigint, id bigint)
JOIN conversions c ON c.workspace_id = k.w AND c.delivery_id = k.id AND c.state <> 'sent'
LEFT JOIN leads l ON l.workspace_id = c.workspace_id AND l.id = c.lead_id
LEFT JOIN lead_attributions a ON a.workspace_id = c.workspace_id AND a.lead_id = c.lead_id
ORDER BY c.id
"""
TIMELINE_SQL = """
INSERT INTO activities (workspace_id, lead_id, type, data)
SELECT c.workspace_id, c.lead_id, 'conversion.' || c.state,
       jsonb_strip_nulls(jsonb_build_object('integration_id', c.integration_id, 'event', c.event, 'reason', c.reason,
                                            'delivery_id', c.delivery_id))
FROM changed c JOIN leads l ON l.workspace_id = c.workspace_id AND l.id = c.lead_id
WHERE c.state <> 'pending' ORDER BY c.id
"""
RECORD_JUDGED_SQL = f"""
WITH changed AS (
    UPDATE conversions c
    SET state = CASE WHEN j.reason IS NULL THEN 'pending' ELSE 'skipped' END, reason = j.reason,
        finished_at = CASE WHEN j.reason IS NOT NULL THEN clock_timestamp() END
    FROM json_to_recordset(%s::json) AS j(w bigint, id bigint, reason text)
    WHERE c.workspace_id = j.w AND c.id = j.id AND c.state <> 'sent' AND c.reason IS DISTINCT FROM j.reason
    RETURNING c.*
)
{TIMELINE_SQL}
"""
RECORD_OUTCOMES_SQL = f"""
WITH changed AS (
    UPDATE conversions c SET state = o.state, reason = o.reason, finished_at = clock_timestamp()
    FROM json_to_recordset(%s::json) AS o(w bigint, id bigint, state text, reason text)
    WHERE c.workspace_id = o.w AND c.delivery_id = o.id AND c.state <> 'sent' AND c.state <> 'skipped'
    RETURNING c.*
)
{TIMELINE_SQL}
"""
LOCK_DELIVERY_SQL = """
SELECT integration_id FROM deliveries
WHERE workspace_id = %s AND id = %s AND state = 'pending' AND attempts = %s FOR UPDATE
"""
DIVISIBLE_EVENTS_SQL = """
SELECT id FROM conversions
WHERE workspace_id = %s AND delivery_id = %s AND state <> 'sent' AND state <> 'skipped' ORDER BY id
"""


class FinishedDelivery(NamedTuple):
    """A delivery of events in its final state: `sent`, `failed`, `cancelled` or `suppressed`."""

    workspace_id: int
    id: int
    state: str


async def load_conversions(
    connection: Connection, deliveries: Iterable[DeliveryKey]
) -> dict[DeliveryKey, list[LeadConversion]]:
    """Return the events of deliveries that are not sent yet, with what the leads are now."""
    keys = [{"w": workspace_id, "id": id_} for workspace_id, id_ in deliveries]
    conversions: dict[DeliveryKey, list[LeadConversion]] = defaultdict(list)
    if keys:
        for workspace_id, delivery_id, *row in await (
            await connection.execute(LOAD_CONVERSIONS_SQL, (as_json(keys),))
        ).fetchall():
            conversions[workspace_id, delivery_id].append(_conversion_from_row(workspace_id, *row))
    return conversions


async def record_judged(connection: Connection, judged: Iterable[JudgedConversions]) -> None:
    """Record which events are skipped and why, on the timelines of their leads too, before the others are sent."""
    rows = [
        {"w": batch.workspace_id, "id": id_, "reason": reason}
        for batch in judged
        for id_, reason in (
            *((skip.id, skip.reason) for skip in batch.skipped),
            *((one.id, None) for one in batch.sendable if one.was_skipped),
        )
    ]
    if rows:
        await connection.execute(RECORD_JUDGED_SQL, (as_json(rows),))


async def record_conversions(connection: Connection, finished: Sequence[FinishedDelivery]) -> None:
    """Record what became of the events of deliveries, in the caller's transaction."""
    rows = [
        {
            "w": conversion.workspace_id,
            "id": conversion.id,
            "state": STATES_BY_DELIVERY.get(conversion.state, "skipped"),
            "reason": None if conversion.state in STATES_BY_DELIVERY else "integration_off",
        }
        for conversion in finished
    ]
    if rows:
        await connection.execute(RECORD_OUTCOMES_SQL, (as_json(rows),))


async def divide_batch(connection: Connection, workspace_id: int, delivery_id: int, attempt_number: int) -> bool:
    """Give the halves of a refused batch to two deliveries, in the caller's transaction.

    Return False for an event that stands alone, and for a delivery that another sender has by now.
    """
    locked = await connection.execute(LOCK_DELIVERY_SQL, (workspace_id, delivery_id, attempt_number))
    delivery = await locked.fetchone()
    if delivery is None:
        return False
    rows = await (await connection.execute(DIVISIBLE_EVENTS_SQL, (workspace_id, delivery_id))).fetchall()
    ids = [row[0] for row in rows]
    if len(ids) < 2:
        return False
    middle = len(ids) // 2
    await send_in_batches(connection, [(workspace_id, delivery[0], part) for part in (ids[:middle], ids[middle:])])
    return True


def _conversion_from_row(
    workspace_id: int,
    id_: int,
    lead_id: int,
    event: str,
    occurred_at: datetime,
    value: float | None,
    currency: str | None,
    action: str | None,
    was_skipped: bool,
    created_at: datetime | None,
    *known: Any,
) -> LeadConversion:
    *person, last, first = known
    at = created_at.astimezone(UTC).isoformat() if created_at else ""
    return LeadConversion(
        id_,
        event,
        # By its lead's time of creation too: the ids of another LeadHub that sends there are not the same.
        sha256_hex(f"{workspace_id}:{lead_id}:{at}:{event}")[:EVENT_ID_LENGTH],
        occurred_at,
        value,
        currency,
        action,
        created_at,
        ConversionPerson(*person) if created_at else None,
        [one for one in (last, first) if one],
        was_skipped,
    )
