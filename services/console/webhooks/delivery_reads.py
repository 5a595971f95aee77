"""What the page of a webhook reads of deliveries: a page of them, and one with its request and its attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row

from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound

ROWS_SHOWN: Final = 25
LOOKED_AT: Final = 10_000  # deliveries that are looked through for a state, the newest first
ATTEMPTS_SHOWN: Final = 20  # of one delivery, the newest first
SHOWN_PAYLOAD_BYTES: Final = 64 << 10
MAX_ID: Final = 2**63 - 1

DELIVERY_COLUMNS = """
d.id, d.message_id, d.event, d.lead_id, d.state, d.attempts, d.attempts - d.attempts_before AS tries, d.error,
d.created_at, d.finished_at, d.due_at, d.sending_since, last.status, last.duration_ms, last.started_at,
l.first_name, l.last_name, l.email
"""
DELIVERY_JOINS = """
LEFT JOIN LATERAL (
    SELECT a.status, a.duration_ms, a.started_at FROM delivery_attempts a
    WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1
) last ON true
LEFT JOIN leads l ON l.workspace_id = d.workspace_id AND l.id = d.lead_id
"""
LIST_SQL = f"""
SELECT {DELIVERY_COLUMNS}
FROM (SELECT * FROM (SELECT * FROM deliveries
                     WHERE workspace_id = %(workspace)s AND subscription_id = %(subscription)s AND id < %(before)s
                     ORDER BY id DESC LIMIT %(looked_at)s) newest
      WHERE %(state)s::text IS NULL OR state = %(state)s ORDER BY id DESC LIMIT %(limit)s) d
{DELIVERY_JOINS} ORDER BY d.id DESC
"""
# Where the deliveries that were looked through end, if there are more.
END_SQL = """
SELECT id FROM deliveries WHERE workspace_id = %(workspace)s AND subscription_id = %(subscription)s
    AND id < %(before)s ORDER BY id DESC OFFSET %(looked_at)s LIMIT 1
"""
ONE_SQL = f"""
SELECT {DELIVERY_COLUMNS}, octet_length(d.payload) AS size, substring(d.payload FROM 1 FOR %(bytes)s) AS payload
FROM deliveries d {DELIVERY_JOINS}
WHERE d.workspace_id = %(workspace)s AND d.subscription_id = %(subscription)s AND d.id = %(id)s
"""
ATTEMPTS_SQL = """
SELECT number, started_at, finished_at, duration_ms, request, status, headers, body, error FROM delivery_attempts
WHERE workspace_id = %s AND delivery_id = %s ORDER BY number DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery with its last attempt and its lead. `tries` are those since it was last sent again by hand."""

    id: int
    message_id: str
    event: str | None
    lead_id: int | None
    state: str
    attempts: int
    tries: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    due_at: datetime
    sending_since: datetime | None
    status: int | None
    duration_ms: int | None
    started_at: datetime | None
    first_name: str | None
    last_name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class DeliveryWithPayload(DeliveryRow):
    """A delivery with the beginning of its body, whose `size` is in bytes."""

    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt. `duration_ms` is None while it is under way."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    request: dict[str, Any] | None
    status: int | None
    headers: dict[str, str] | None
    body: str | None
    error: str | None


class DeliveryPage(NamedTuple):
    """Deliveries, newest first. `older_than` is where the next page begins, `is_end_of_look` that more may be there."""

    rows: Sequence[DeliveryRow]
    older_than: int | None = None
    is_end_of_look: bool = False


class OpenDelivery(NamedTuple):
    """A delivery that is looked at, with its attempts, newest first."""

    row: DeliveryWithPayload
    attempts: Sequence[AttemptRow]


async def read_deliveries(
    connection: Connection, workspace_id: int, subscription_id: int, state: str | None, before: int = MAX_ID
) -> DeliveryPage:
    """Return a page of a subscription's deliveries, with a `state` those among the newest `LOOKED_AT`."""
    values = {
        "workspace": workspace_id,
        "subscription": subscription_id,
        "state": state,
        "before": before,
        "looked_at": LOOKED_AT,
        "limit": ROWS_SHOWN + 1,
    }
    async with connection.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        await cursor.execute(LIST_SQL, values)
        rows = await cursor.fetchall()
    if len(rows) > ROWS_SHOWN:
        return DeliveryPage(rows[:ROWS_SHOWN], rows[ROWS_SHOWN - 1].id)
    end = await (await connection.execute(END_SQL, values)).fetchone() if state else None
    return DeliveryPage(rows, end[0] + 1 if end else None, is_end_of_look=end is not None)


async def read_delivery(
    connection: Connection, workspace_id: int, subscription_id: int, delivery_id: int
) -> OpenDelivery:
    """Return a delivery of a subscription. Raises NotFound."""
    values = {
        "workspace": workspace_id,
        "subscription": subscription_id,
        "id": delivery_id,
        "bytes": SHOWN_PAYLOAD_BYTES,
    }
    async with connection.cursor(row_factory=class_row(DeliveryWithPayload)) as cursor:
        await cursor.execute(ONE_SQL, values)
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return OpenDelivery(row, await read_attempts(connection, workspace_id, delivery_id))


async def read_attempts(connection: Connection, workspace_id: int, delivery_id: int) -> Sequence[AttemptRow]:
    """Return the attempts at a delivery, newest first."""
    async with connection.cursor(row_factory=class_row(AttemptRow)) as cursor:
        await cursor.execute(ATTEMPTS_SQL, (workspace_id, delivery_id, ATTEMPTS_SHOWN))
        return await cursor.fetchall()
