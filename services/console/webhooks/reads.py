"""What the pages of webhooks read of subscriptions: each with what became of its newest deliveries.

A subscription may have any number of deliveries, so all figures are of its newest ones, within a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg.rows import class_row

from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID

LISTED: Final = 200  # subscriptions on the page
LISTED_DELIVERIES: Final = 200  # at most of each, whose attempts are measured for the list
ALL_LISTED_DELIVERIES: Final = 4_000  # of all together
MEASURED_DELIVERIES: Final = 2_000  # of the one that is shown
COUNTED_WAITING: Final = 10_000  # more are not counted
LISTED_WAITING: Final = 2_000  # at most of each for the list
ALL_LISTED_WAITING: Final = 20_000
CHART_MINUTES: Final = 60

# Attempts that sent nothing, such as those to a subscription that is disabled, say nothing about the receiver.
MEASURES = """
SELECT count(*) AS tried,
       count(*) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299) AS failed,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95,
       max(finished_at) AS last_at
"""
IS_MEASURED = "finished_at IS NOT NULL AND request IS NOT NULL AND started_at > now() - interval '1 day'"
REPORTS_SQL = f"""
SELECT s.id, s.url, s.events, s.description, s.is_active, s.disabled_reason, s.disabled_at,
       recent.*, waiting.n AS waiting, waiting.n >= %(waiting)s AS is_waiting_cut, coalesce(e.failures, 0) AS failures
FROM (SELECT * FROM webhook_subscriptions WHERE workspace_id = %(workspace)s ORDER BY id DESC LIMIT %(listed)s) s
LEFT JOIN endpoints e ON e.workspace_id = s.workspace_id AND e.endpoint = 'subscription:' || s.id
CROSS JOIN LATERAL (
    {MEASURES}
    FROM (SELECT workspace_id, id FROM deliveries
          WHERE workspace_id = s.workspace_id AND subscription_id = s.id ORDER BY id DESC LIMIT %(deliveries)s) d
    JOIN LATERAL (SELECT * FROM delivery_attempts a
                  WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id AND {IS_MEASURED}) a ON true
) recent
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT FROM deliveries w WHERE w.workspace_id = s.workspace_id AND w.endpoint = 'subscription:' || s.id
            AND w.state = 'pending' LIMIT %(waiting)s) counted
) waiting
"""
COUNT_SQL = "SELECT count(*) FROM webhook_subscriptions WHERE workspace_id = %s"
NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT workspace_id, id, state FROM deliveries
    WHERE workspace_id = %(workspace)s AND subscription_id = %(id)s ORDER BY id DESC LIMIT %(deliveries)s
), attempt AS MATERIALIZED (
    SELECT a.* FROM newest d JOIN LATERAL (
        SELECT started_at, finished_at, status, duration_ms FROM delivery_attempts a
        WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id AND {is_measured}) a ON true
)
""".replace("{is_measured}", IS_MEASURED)
FIGURES_SQL = f"""
{NEWEST}
SELECT m.*, n.deliveries, n.given_up FROM ({MEASURES} FROM attempt) m,
    (SELECT count(*) AS deliveries, count(*) FILTER (WHERE state = 'failed') AS given_up FROM newest) n
"""
MINUTES_SQL = f"""
{NEWEST}
SELECT date_trunc('minute', finished_at), percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms),
       percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms),
       count(*) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299)
FROM attempt WHERE finished_at > now() - interval '{CHART_MINUTES} minutes' GROUP BY 1
"""
WAITING_SQL = """
SELECT count(*), max(id) FROM (
    SELECT id FROM deliveries WHERE workspace_id = %s AND endpoint = %s AND state = 'pending' AND id <= %s
    LIMIT %s) counted
"""
LAST_DELIVERY_SQL = "SELECT max(id) FROM deliveries WHERE workspace_id = %s AND subscription_id = %s"


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """A subscription as the list shows it. `tried`, `failed` and durations (ms) are of its newest attempts of a day.

    `waiting` is counted up to a bound, and `is_waiting_cut` beyond it. `failures` are those in a row.
    """

    id: int
    url: str
    events: list[str]
    description: str | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    tried: int
    failed: int
    p50: int | None
    p95: int | None
    last_at: datetime | None
    waiting: int
    is_waiting_cut: bool
    failures: int


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    """What became of the newest `deliveries` of a subscription."""

    tried: int
    failed: int
    p50: int | None
    p95: int | None
    last_at: datetime | None
    deliveries: int
    given_up: int


@dataclass(frozen=True, slots=True)
class AnswerMinute:
    """What a receiver answered within a minute: durations in ms, None if nothing was tried."""

    p50: int | None = None
    p95: int | None = None
    failed: int = 0


async def read_reports(connection: Connection, workspace_id: int) -> list[WebhookReport]:
    """Return the subscriptions of a workspace: those that fail or wait come first."""
    [(count,)] = await (await connection.execute(COUNT_SQL, (workspace_id,))).fetchall()
    shown = min(max(count, 1), LISTED)
    values = {
        "workspace": workspace_id,
        "listed": LISTED,
        "deliveries": min(LISTED_DELIVERIES, ALL_LISTED_DELIVERIES // shown),
        "waiting": min(LISTED_WAITING, ALL_LISTED_WAITING // shown),
    }
    async with connection.cursor(row_factory=class_row(WebhookReport)) as cursor:
        await cursor.execute(REPORTS_SQL, values)
        reports = await cursor.fetchall()
    return sorted(reports, key=lambda one: (not one.is_active, -one.failures, -one.waiting, -one.id))


async def read_figures(connection: Connection, workspace_id: int, id_: int) -> WebhookFigures:
    """Return the figures of a subscription."""
    async with connection.cursor(row_factory=class_row(WebhookFigures)) as cursor:
        await cursor.execute(FIGURES_SQL, _newest_of(workspace_id, id_))
        [figures] = await cursor.fetchall()
    return figures


async def read_minutes(connection: Connection, workspace_id: int, id_: int) -> Sequence[AnswerMinute]:
    """Return the answers of the last hour by the minute, the oldest first."""
    rows = await (await connection.execute(MINUTES_SQL, _newest_of(workspace_id, id_))).fetchall()
    by_minute = {minute.astimezone(UTC): AnswerMinute(*rest) for minute, *rest in rows}
    this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
    minutes = [this_minute - timedelta(minutes=back) for back in reversed(range(CHART_MINUTES))]
    return [by_minute.get(minute, AnswerMinute()) for minute in minutes]


async def count_waiting(
    connection: Connection, workspace_id: int, id_: int, most: int = COUNTED_WAITING, last: int = MAX_ID
) -> tuple[int, int]:
    """Return how many deliveries up to `last` wait, up to a bound, and the highest id of those that were counted."""
    values = (workspace_id, f"subscription:{id_}", last, most)
    row = await (await connection.execute(WAITING_SQL, values)).fetchone()
    return (row[0], row[1] or 0) if row else (0, 0)


async def read_last_delivery(connection: Connection, workspace_id: int, id_: int) -> int:
    """Return the id of the newest delivery of a subscription, 0 if there is none."""
    row = await (await connection.execute(LAST_DELIVERY_SQL, (workspace_id, id_))).fetchone()
    return (row[0] or 0) if row else 0


def _newest_of(workspace_id: int, id_: int) -> dict[str, int]:
    return {"workspace": workspace_id, "id": id_, "deliveries": MEASURED_DELIVERIES}
