"""What the pages of conversions read: each connection with what became of its newest events, and its deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row

from services.console.webhooks.delivery_reads import (
    DELIVERY_COLUMNS,
    DELIVERY_JOINS,
    AttemptRow,
    DeliveryRow,
    read_attempts,
)
from shared.integrations.conversion_check import RECENT_EVENTS
from shared.integrations.conversion_settings import CONVERSION_TYPES
from shared.integrations.integration_management import IntegrationRow, find_integration
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID

LISTED: Final = 200  # connections on the page
ALL_LISTED_EVENTS: Final = 20_000  # of all connections together
LOOKED_AT: Final = 50  # newest deliveries among which the last answer is looked for
ROWS_SHOWN: Final = 25
UNSENT_SHOWN: Final = 20  # events of a delivery

COUNT_SQL = "SELECT count(*) FROM integrations WHERE workspace_id = %s AND type = ANY(%s)"
REPORTS_SQL = """
SELECT i.id, i.type, i.name, i.is_active, i.settings, i.last_error, recent.*, last.status, last.error, last.answered_at
FROM (SELECT * FROM integrations WHERE workspace_id = %(workspace)s AND type = ANY(%(types)s)
      ORDER BY id DESC LIMIT %(listed)s) i
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'sent') AS sent, count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'pending') AS waiting
    FROM (SELECT state FROM conversions c WHERE c.workspace_id = i.workspace_id AND c.integration_id = i.id
          ORDER BY id DESC LIMIT %(events)s) newest
) recent
LEFT JOIN LATERAL (
    SELECT a.status, a.error, a.finished_at AS answered_at
    FROM (SELECT workspace_id, id FROM deliveries
          WHERE workspace_id = i.workspace_id AND integration_id = i.id AND kind = 'conversion'
          ORDER BY id DESC LIMIT %(deliveries)s) d
    JOIN delivery_attempts a ON a.workspace_id = d.workspace_id AND a.delivery_id = d.id
    WHERE a.finished_at IS NOT NULL ORDER BY a.finished_at DESC LIMIT 1
) last ON true
ORDER BY i.id DESC
"""
_PAYLOAD = "substring(d.payload FROM 1 FOR 1000) AS payload"
LIST_SQL = f"""
SELECT {DELIVERY_COLUMNS}, {_PAYLOAD}
FROM (SELECT * FROM deliveries
      WHERE workspace_id = %(workspace)s AND integration_id = %(integration)s AND kind = 'conversion'
        AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s) d
{DELIVERY_JOINS} ORDER BY d.id DESC
"""
ONE_SQL = f"""
SELECT {DELIVERY_COLUMNS}, {_PAYLOAD}
FROM deliveries d {DELIVERY_JOINS}
WHERE d.workspace_id = %(workspace)s AND d.integration_id = %(integration)s AND d.kind = 'conversion' AND d.id = %(id)s
"""
UNSENT_SQL = """
SELECT lead_id, event, state, reason FROM conversions
WHERE workspace_id = %s AND delivery_id = %s AND state <> 'sent' ORDER BY id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """A connection as the list shows it: how many of its newest events are in which state, and the last answer."""

    id: int
    type: str
    name: str
    is_active: bool
    settings: dict[str, Any]
    last_error: str | None
    sent: int
    failed: int
    skipped: int
    waiting: int
    status: int | None
    error: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventDelivery(DeliveryRow):
    """A delivery of events. Its payload says how many they are, or that it is a test."""

    payload: bytes


class UnsentEvent(NamedTuple):
    """An event of a delivery that was not sent, with the reason if it was skipped."""

    lead_id: int
    event: str
    state: str
    reason: str | None


class OpenEventDelivery(NamedTuple):
    """A delivery that is looked at, with its attempts, newest first, and those of its events that were not sent."""

    row: EventDelivery
    attempts: Sequence[AttemptRow]
    unsent: Sequence[UnsentEvent]


async def find_conversion(connection: Connection, workspace_id: int, id_: int) -> IntegrationRow:
    """Return the integration's row. Raises NotFound, also for one that tells an ad platform nothing."""
    row = await find_integration(connection, workspace_id, id_)
    if row["type"] not in CONVERSION_TYPES:
        raise NotFound
    return row


async def read_reports(connection: Connection, workspace_id: int) -> list[ConversionReport]:
    """Return the connections of a workspace, newest first."""
    types = list(CONVERSION_TYPES)
    [(count,)] = await (await connection.execute(COUNT_SQL, (workspace_id, types))).fetchall()
    values = {
        "workspace": workspace_id,
        "types": types,
        "listed": LISTED,
        "events": min(RECENT_EVENTS, ALL_LISTED_EVENTS // min(max(count, 1), LISTED)),
        "deliveries": LOOKED_AT,
    }
    async with connection.cursor(row_factory=class_row(ConversionReport)) as cursor:
        await cursor.execute(REPORTS_SQL, values)
        return await cursor.fetchall()


async def read_deliveries(
    connection: Connection, workspace_id: int, integration_id: int, before: int = MAX_ID
) -> tuple[list[EventDelivery], int | None]:
    """Return a page of a connection's deliveries, newest first, and where the next page begins."""
    values = {
        "workspace": workspace_id,
        "integration": integration_id,
        "before": before,
        "limit": ROWS_SHOWN + 1,
    }
    async with connection.cursor(row_factory=class_row(EventDelivery)) as cursor:
        await cursor.execute(LIST_SQL, values)
        rows = await cursor.fetchall()
    return rows[:ROWS_SHOWN], rows[ROWS_SHOWN - 1].id if len(rows) > ROWS_SHOWN else None


async def read_delivery(
    connection: Connection, workspace_id: int, integration_id: int, delivery_id: int
) -> OpenEventDelivery:
    """Return a delivery of a connection. Raises NotFound."""
    values = {"workspace": workspace_id, "integration": integration_id, "id": delivery_id}
    async with connection.cursor(row_factory=class_row(EventDelivery)) as cursor:
        await cursor.execute(ONE_SQL, values)
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    unsent = await connection.execute(UNSENT_SQL, (workspace_id, delivery_id, UNSENT_SHOWN))
    return OpenEventDelivery(
        row,
        await read_attempts(connection, workspace_id, delivery_id),
        [UnsentEvent(*event) for event in await unsent.fetchall()],
    )
