"""Pauses of lanes: workers and the sweeper obey them before they take a row.

Each change has a version that rises over all lanes. A process acknowledges with its heartbeat the version that it
obeys, so that a pause can be seen to hold. The end of a pause (`until`) is judged by the database's clock.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.intake.journal import Lane
from shared.operations.lane_names import JOURNAL_LANES, WHOLE_INSTALLATION, LaneName
from shared.platform.db.advisory_locks import LANE_PAUSE_LOCK
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Forbidden, ValidationFailed

OPERATORS_ONLY_MESSAGE = (
    "The lanes waited_for, prompt and bulk are the installation's: only an operator pauses and resumes them."
)
PAST_END_MESSAGE = "The until field must be a time to come."

IS_ACTIVE_SQL = "resumed_at IS NULL AND (until IS NULL OR until > clock_timestamp())"
ACTIVE_PAUSES_SQL = f"""
SELECT coalesce(max(version), 0),
       coalesce(array_agg(lane) FILTER (WHERE {IS_ACTIVE_SQL} AND workspace_id = 0), '{{}}'),
       coalesce(array_agg(workspace_id) FILTER (WHERE {IS_ACTIVE_SQL} AND lane = 'automations'), '{{}}'),
       coalesce(array_agg(workspace_id) FILTER (WHERE {IS_ACTIVE_SQL} AND lane = 'deliveries'), '{{}}')
FROM lane_pauses
"""
# The next version is drawn under a lock: versions commit in their order, so that whoever has read one has read all
# before it.
PAUSE_SQL = """
INSERT INTO lane_pauses (workspace_id, lane, version, reason, paused_by, until)
SELECT %(w)s, %(lane)s, coalesce(max(version), 0) + 1, %(reason)s, %(by)s::jsonb, %(until)s FROM lane_pauses
ON CONFLICT (workspace_id, lane) DO UPDATE
SET version = excluded.version, reason = excluded.reason, paused_by = excluded.paused_by, until = excluded.until,
    since = clock_timestamp(), resumed_at = NULL
"""
RESUME_SQL = f"""
UPDATE lane_pauses SET version = (SELECT max(version) + 1 FROM lane_pauses), resumed_at = clock_timestamp()
WHERE workspace_id = %(w)s AND lane = %(lane)s AND {IS_ACTIVE_SQL}
"""
# A pause is acknowledged by each process that is alive and obeys its version.
PAUSES_SQL = f"""
SELECT p.workspace_id, p.lane, p.reason, p.paused_by, p.since, p.until, p.version,
       (SELECT count(*) FILTER (WHERE pauses_version >= p.version) FROM processes
        WHERE kind IN ('worker', 'sweeper') AND seen_at > now() - interval '10 s'),
       (SELECT count(*) FROM processes WHERE kind IN ('worker', 'sweeper') AND seen_at > now() - interval '10 s')
FROM lane_pauses p WHERE {IS_ACTIVE_SQL} AND (workspace_id = 0 OR workspace_id = %(w)s OR %(w)s = 0)
ORDER BY workspace_id, lane
"""


@dataclass(frozen=True, slots=True)
class LaneActor:
    """The person or key that pauses a lane: its kind (`key`, `user` or `operator`), its id and its name."""

    kind: Literal["key", "user", "operator"]
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ActivePauses:
    """The pauses that hold now: lanes of the journal, and workspaces without automations or deliveries."""

    version: int = 0
    journal_lanes: frozenset[Lane] = frozenset()
    automations: tuple[int, ...] = ()
    deliveries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LanePauseRecord:
    """A pause that holds now. `acknowledged` of `processes` live workers and sweepers obey it."""

    workspace_id: int
    lane: LaneName
    reason: str
    paused_by: dict[str, Any]
    since: datetime
    until: datetime | None
    version: int
    acknowledged: int = field(default=0)
    processes: int = field(default=0)


async def read_active_pauses(connection: Connection) -> ActivePauses:
    """Return the pauses that hold now, in one statement."""
    row = await (await connection.execute(ACTIVE_PAUSES_SQL)).fetchone()
    return pauses_from_row(row)


def pauses_from_row(row: Any) -> ActivePauses:
    """Return the pauses from the row of `ACTIVE_PAUSES_SQL`."""
    version, lanes, automations, deliveries = row
    paused = frozenset(JOURNAL_LANES[name] for name in lanes if name in JOURNAL_LANES)
    return ActivePauses(version, paused, tuple(automations), tuple(deliveries))


async def read_pauses(connection: Connection, workspace_id: int) -> list[LanePauseRecord]:
    """Return the pauses that concern a workspace, or all pauses for `WHOLE_INSTALLATION`."""
    rows = await (await connection.execute(PAUSES_SQL, {"w": workspace_id})).fetchall()
    return [LanePauseRecord(*row) for row in rows]


async def pause_lane(
    connection: Connection,
    lane: LaneName,
    workspace_id: int,
    actor: LaneActor,
    reason: str,
    until: datetime | None = None,
) -> None:
    """Pause a lane in the caller's transaction, or change the reason and end of its pause.

    A lane of the journal is paused for the whole installation, whatever the workspace is. Raises Forbidden for it
    unless the actor is an operator, and ValidationFailed for an end in the past.
    """
    owner = await _lock_pauses(connection, lane, workspace_id, actor)
    if until is not None:
        row = await (await connection.execute("SELECT %s::timestamptz > clock_timestamp()", (until,))).fetchone()
        if not (row and row[0]):
            raise ValidationFailed({"until": [PAST_END_MESSAGE]})
    by = as_json({"kind": actor.kind, "id": actor.id, "name": actor.name})
    arguments = {"w": owner, "lane": lane, "reason": reason, "by": by, "until": until}
    await connection.execute(PAUSE_SQL, arguments)


async def resume_lane(connection: Connection, lane: LaneName, workspace_id: int, actor: LaneActor) -> bool:
    """End the pause of a lane in the caller's transaction. Return whether it was paused.

    Raises Forbidden for a lane of the journal unless the actor is an operator.
    """
    owner = await _lock_pauses(connection, lane, workspace_id, actor)
    return bool((await connection.execute(RESUME_SQL, {"w": owner, "lane": lane})).rowcount)


async def _lock_pauses(connection: Connection, lane: LaneName, workspace_id: int, actor: LaneActor) -> int:
    """Check the right to pause, take the lock of all pauses, and return the workspace id of the pause."""
    if lane in JOURNAL_LANES and actor.kind != "operator":
        raise Forbidden(OPERATORS_ONLY_MESSAGE)
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LANE_PAUSE_LOCK,))
    return WHOLE_INSTALLATION if lane in JOURNAL_LANES else workspace_id
