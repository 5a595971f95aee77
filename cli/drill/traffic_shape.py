"""The shape of the last hour's traffic: how fast, by which channels, how large. It reads nobody's data.

Counters give the rate, a bounded sample gives channels and sizes, and no payload is read: PostgreSQL knows its size.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from shared.operations.drill_certificates import CodedSentence
from shared.operations.process_liveness import HAS_CONNECTION_SQL
from shared.platform.db.connections import Connection, connect

# A shape is not worth a busy installation: 5 s for each query.
GENTLE_SESSION_SQL = "SET default_transaction_read_only = on; SET statement_timeout = '5s'"
DEFAULT_RATE = 20.0  # leads a second
MIN_RATE, MAX_RATE = 5.0, 500.0  # leads a second; of fewer, too few would be under way while something is killed
BUSIEST_WORKSPACES, SAMPLED_ROWS = 50, 400  # workspaces that are sampled, and the newest submissions of each
CHANNEL_KINDS = ("api", "form", "webhook")

RATE_SQL = """
SELECT coalesce(max(n), 0)::float8 / 60, coalesce(sum(n), 0)::bigint FROM (
    SELECT sum(accepted) AS n FROM minute_statistics
    WHERE step = 60 AND at >= now() - interval '1 hour' GROUP BY at) minutes
"""
# A workspace's sample counts as much as the workspace's traffic. `octet_length` does not unpack a payload.
CHANNELS_SQL = """
WITH busiest AS (
    SELECT workspace_id, sum(accepted) AS n FROM minute_statistics
    WHERE step = 60 AND at >= now() - interval '1 hour' GROUP BY 1 ORDER BY n DESC LIMIT %s
), sample AS (
    SELECT b.n::float8 / count(*) OVER (PARTITION BY b.workspace_id) AS weight, s.*
    FROM busiest b CROSS JOIN LATERAL (
        SELECT channel, octet_length(payload) AS bytes, is_duplicate FROM submissions
        WHERE workspace_id = b.workspace_id AND received_at > now() - interval '1 hour'
        ORDER BY received_at DESC LIMIT %s) s
)
SELECT CASE WHEN starts_with(channel, 'form:') THEN 'form' WHEN starts_with(channel, 'integration:') THEN 'webhook'
            ELSE 'api' END AS kind,
       sum(weight), percentile_disc(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (ORDER BY bytes),
       coalesce(sum(weight) FILTER (WHERE is_duplicate), 0)
FROM sample GROUP BY kind
"""
PROCESSES_SQL = f"""
SELECT count(*) FILTER (WHERE kind = 'worker'), count(*) FILTER (WHERE kind = 'gateway') FROM processes
WHERE seen_at > now() - interval '20 s' AND {HAS_CONNECTION_SQL}
"""


@dataclass(frozen=True)
class ChannelShape:
    """A channel: one of `CHANNEL_KINDS`, its part of all submissions, and sizes of bodies in bytes."""

    kind: str
    share: float
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class TrafficShape:
    """How traffic looks.

    `rate` is leads a second in the busiest minute, `repeat_share` the part about people who are known already.
    `workers` and `gateways` are the processes that were alive; 0 is unknown. `coded_origin` says where all of it is
    from, and `origin` says that in English.
    """

    rate: float
    channels: tuple[ChannelShape, ...]
    repeat_share: float
    workers: int
    gateways: int
    coded_origin: CodedSentence

    @property
    def origin(self) -> str:
        return ORIGINS[self.coded_origin.code].format(**self.coded_origin.values)


USUAL_CHANNELS = (
    ChannelShape("api", 0.6, (150, 250, 400, 700, 1500)),
    ChannelShape("form", 0.25, (120, 200, 350, 600, 1200)),
    ChannelShape("webhook", 0.15, (700, 900, 1100, 1500, 2500)),
)
USUAL_REPEAT_SHARE = 0.2
# By code: where a shape is from. The console has these sentences in its languages.
ORIGINS = {
    "last_hour": "the installation's last hour: {accepted:,} submissions, {rate:.1f} a second in the busiest minute",
    "no_installation": "usual values: no installation ran on the data dir",
    "no_traffic": "usual values: the installation had no traffic in the last hour",
    "unreadable": "usual values: the installation's figures could not be read ({error})",
}


def usual_shape(code: str, workers: int = 0, gateways: int = 0, **values: str) -> TrafficShape:
    """Return the shape for an installation of which nothing is known. `code` says why: a key of `ORIGINS`."""
    origin = CodedSentence(code=code, values={**values})
    return TrafficShape(DEFAULT_RATE, USUAL_CHANNELS, USUAL_REPEAT_SHARE, workers, gateways, origin)


async def read_shape(database_url: str) -> TrafficShape:
    """Return the shape of the last hour of that database. It only reads, and changes nothing."""
    try:
        async with connect(database_url, "leadhub-cli") as connection:
            await connection.execute(GENTLE_SESSION_SQL)
            return await shape_of(connection)
    except psycopg.Error as error:
        return usual_shape("unreadable", error=type(error).__name__)


async def shape_of(connection: Connection) -> TrafficShape:
    """Return the shape of the last hour, read on this connection."""
    [(workers, gateways)] = await _fetch_rows(connection, PROCESSES_SQL)
    [(rate, accepted)] = await _fetch_rows(connection, RATE_SQL)
    rows = await _fetch_rows(connection, CHANNELS_SQL, (BUSIEST_WORKSPACES, SAMPLED_ROWS))
    if not accepted or not rows:
        return usual_shape("no_traffic", workers, gateways)
    total = sum(weight for _, weight, _, _ in rows)
    channels = tuple(ChannelShape(kind, weight / total, tuple(sizes)) for kind, weight, sizes, _ in sorted(rows))
    return TrafficShape(
        rate=min(max(rate, MIN_RATE), MAX_RATE),
        channels=channels,
        repeat_share=sum(repeats for *_, repeats in rows) / total,
        workers=workers,
        gateways=gateways,
        coded_origin=CodedSentence(code="last_hour", values={"accepted": accepted, "rate": rate}),
    )


async def _fetch_rows(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return await (await connection.execute(statement, values)).fetchall()
