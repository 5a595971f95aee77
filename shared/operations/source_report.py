"""The sources of a workspace: integrations, forms and API keys, with what came from each and what was refused.

Counts of the last hour are by the minute, older ones by half hours. They are about a second old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg.rows import dict_row

from shared.operations.source_habit import HABIT_STEP_SECONDS, judge_source
from shared.platform.db.connections import Connection

SourceKind = Literal["integration", "form", "key"]

REJECTED_PREFIX = "rejected:"  # of outcomes, before the reason
HANDSHAKE_REASON = "handshake"  # the reason of a refused handshake, which brings no lead
HANDSHAKE_OUTCOME = "handshake"  # one that was answered
REFUSING_COUNT = 3  # rejected deliveries within a day from which on a source refuses what comes
HABIT_HALF_HOURS = 96  # two days
HOURS_SHOWN = 24
MAX_KEYS = 200  # keys that were used last

# Half hours are counted back from the present one (place 0).
RECEIVED_SQL = f"""
WITH seen AS (
    SELECT channel, CASE WHEN channel = 'inbound' THEN key_id ELSE 0 END AS key_id, at, step, received, duplicates,
           last_received_at,
           (extract(epoch FROM date_bin('30 minutes', clock_timestamp(), 'epoch')
                               - date_bin('30 minutes', at, 'epoch')) / {HABIT_STEP_SECONDS:g})::int AS place
    FROM source_statistics WHERE workspace_id = %(w)s
), halves AS (
    SELECT channel, key_id, place, sum(received)::bigint AS n, sum(duplicates)::bigint AS twice,
           max(last_received_at) AS last,
           coalesce(sum(received) FILTER (WHERE step = 60 AND at >= clock_timestamp() - interval '1 h'), 0)::bigint
               AS hour
    FROM seen GROUP BY 1, 2, 3
)
SELECT channel, key_id, max(last) AS last_received_at, sum(hour)::bigint AS received_1h,
       coalesce(sum(n) FILTER (WHERE place < 48), 0)::bigint AS received_24h,
       coalesce(sum(n) FILTER (WHERE place < 336), 0)::bigint AS received_7d,
       coalesce(sum(twice) FILTER (WHERE place < 48), 0)::bigint AS duplicates_24h,
       json_agg(json_build_array(place, n)) FILTER (WHERE place < {HABIT_HALF_HOURS}) AS places
FROM halves GROUP BY 1, 2
"""
HELD_SQL = """
SELECT channel, CASE WHEN channel = 'inbound' THEN coalesce(key_id, 0) ELSE 0 END, count(*) FROM submissions
WHERE workspace_id = %(w)s AND state = 'quarantined' AND received_at > now() - interval '24 h' GROUP BY 1, 2
"""
REJECTED_SQL = """
SELECT integration_id, outcome, coalesce(sum(n) FILTER (WHERE hour > now() - interval '24 h'), 0)::bigint AS n,
       sum(n)::bigint AS n_7d, max(last_at) AS last_at
FROM integration_counts WHERE workspace_id = %(w)s AND hour > now() - interval '7 days' GROUP BY 1, 2
"""
NAMED_SQL = f"""
SELECT 'integration' AS kind, id, name, type, is_active, created_at, last_received_at AS seen_at,
       settings->'silence_after_minutes' AS silence_after_minutes
FROM integrations WHERE workspace_id = %(w)s
UNION ALL
SELECT 'form', id, name, NULL, is_active, created_at, NULL, settings->'silence_after_minutes'
FROM forms WHERE workspace_id = %(w)s
UNION ALL
(SELECT 'key', id, name, NULL, revoked_at IS NULL AND coalesce(expires_at > now(), true), created_at, NULL, NULL
 FROM api_keys WHERE workspace_id = %(w)s ORDER BY last_used_at DESC NULLS LAST, id DESC LIMIT {MAX_KEYS})
"""


@dataclass(frozen=True, slots=True)
class LastOutcome:
    """How often requests to an integration's address ended in one way, and when the last one did."""

    count_24h: int
    count_7d: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source. `type` is an integration's. `outcomes` are those of an integration's address, by name.

    `sparkline` are the submissions of the last 24 hours, the oldest first. `is_silent` follows
    `silence_after_minutes` where it is set, otherwise the source's own habit.
    """

    kind: SourceKind
    id: int
    name: str
    type: str | None
    is_active: bool
    created_at: datetime
    last_received_at: datetime | None
    received_1h: int
    received_24h: int
    received_7d: int
    duplicates_24h: int
    held_24h: int
    silence_after_minutes: int | None
    is_silent: bool
    sparkline: list[int]
    outcomes: dict[str, LastOutcome] = field(default_factory=dict)

    @property
    def rejected_24h(self) -> dict[str, int]:
        """The rejected requests of 24 hours, by reason."""
        return {reason: one.count_24h for reason, one in self.rejections.items() if one.count_24h}

    @property
    def rejections(self) -> dict[str, LastOutcome]:
        """The rejected requests within a week, by reason."""
        return {
            name.removeprefix(REJECTED_PREFIX): one
            for name, one in self.outcomes.items()
            if name.startswith(REJECTED_PREFIX)
        }

    @property
    def last_rejection(self) -> tuple[str, LastOutcome] | None:
        """The reason of the last rejected delivery within a week, and its count. Handshakes are no deliveries."""
        rejected = [pair for pair in self.rejections.items() if pair[0] != HANDSHAKE_REASON]
        return max(rejected, key=lambda pair: pair[1].last_at, default=None)

    @property
    def answered_handshake(self) -> LastOutcome | None:
        """The handshakes within a week that were answered."""
        return self.outcomes.get(HANDSHAKE_OUTCOME)

    @property
    def refused_handshake(self) -> LastOutcome | None:
        """The handshakes within a week that were refused, unless a later one was answered or a lead came since."""
        refused, answered = self.rejections.get(HANDSHAKE_REASON), self.answered_handshake
        later = [at for at in (answered and answered.last_at, self.last_received_at) if at]
        return refused if refused and not any(at > refused.last_at for at in later) else None

    @property
    def is_refusing(self) -> bool:
        """Whether deliveries are rejected: several within a day, and none was taken after the last one.

        One alone may be anybody's, as a wrong signature is. A handshake says nothing about deliveries.
        """
        last = self.last_rejection
        rejected = sum(n for reason, n in self.rejected_24h.items() if reason != HANDSHAKE_REASON)
        if not self.is_active or last is None or rejected < REFUSING_COUNT:
            return False
        return self.last_received_at is None or self.last_received_at <= last[1].last_at


async def read_source_reports(connection: Connection, workspace_id: int) -> list[SourceReport]:
    """Return all integrations and forms, and the keys that ever sent a lead. Integrations come first."""
    arguments = {"w": workspace_id}
    async with connection.cursor(row_factory=dict_row) as cursor:
        named = await (await cursor.execute(NAMED_SQL, arguments)).fetchall()
        received = await (await cursor.execute(RECEIVED_SQL.encode(), arguments)).fetchall()
        rejected = await (await cursor.execute(REJECTED_SQL, arguments)).fetchall()
    held_rows = await (await connection.execute(HELD_SQL, arguments)).fetchall()
    seen = {(row["channel"], row["key_id"]): row for row in received}
    held = {(channel, key_id): n for channel, key_id, n in held_rows}
    outcomes: dict[int, dict[str, LastOutcome]] = {}
    for row in rejected:
        outcomes.setdefault(row["integration_id"], {})[row["outcome"]] = LastOutcome(
            row["n"], row["n_7d"], row["last_at"]
        )
    reports = [
        _report_of(row, seen.get(place), held.get(place, 0), outcomes.get(row["id"], {}))
        for row in named
        if (place := _place_of(row))
    ]
    return [one for one in reports if one.kind != "key" or one.last_received_at]


async def find_source_report(
    connection: Connection, workspace_id: int, kind: SourceKind, id_: int
) -> SourceReport | None:
    """Return one source, or None."""
    reports = await read_source_reports(connection, workspace_id)
    return next((one for one in reports if one.kind == kind and one.id == id_), None)


def _place_of(named: Mapping[str, Any]) -> tuple[str, int]:
    if named["kind"] == "key":
        return "inbound", named["id"]
    return f"{named['kind']}:{named['id']}", 0


def _report_of(
    named: Mapping[str, Any], seen: Mapping[str, Any] | None, held: int, outcomes: dict[str, LastOutcome]
) -> SourceReport:
    received_at = seen["last_received_at"] if seen else None
    times = [at for at in (received_at, named["seen_at"]) if at]
    last = max(times) if times else None
    halves = _half_hours(seen["places"] if seen else None)
    day = halves[-2 * HOURS_SHOWN :]
    is_integration = named["kind"] == "integration"
    return SourceReport(
        named["kind"],
        named["id"],
        named["name"],
        named["type"],
        named["is_active"],
        named["created_at"],
        last,
        seen["received_1h"] if seen else 0,
        seen["received_24h"] if seen else 0,
        seen["received_7d"] if seen else 0,
        seen["duplicates_24h"] if seen else 0,
        held,
        named["silence_after_minutes"],
        named["is_active"] and _is_silent(named, last, halves),
        [day[place] + day[place + 1] for place in range(0, 2 * HOURS_SHOWN, 2)],
        outcomes if is_integration else {},
    )


def _half_hours(places: list[list[int]] | None) -> list[int]:
    """Return the submissions of the last two days by half hours, the oldest first."""
    counts = [0] * HABIT_HALF_HOURS
    for place, n in places or ():
        counts[max(place, 0)] += n
    return counts[::-1]


def _is_silent(named: Mapping[str, Any], last: datetime | None, halves: list[int]) -> bool:
    seconds = (datetime.now(UTC) - (last or named["created_at"])).total_seconds()
    if named["silence_after_minutes"]:
        return bool(seconds > named["silence_after_minutes"] * 60)
    return last is not None and judge_source(halves, seconds).is_silent
