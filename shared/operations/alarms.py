"""Alarms of the whole installation, as the table `alarms` keeps them.

At most one alarm of a code rings at a time. A unique index sees to that, so of several sweepers one alone raises it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from shared.platform.db.connections import Connection

NOTE_RAISED_SQL = """
INSERT INTO alarms (code, raised_at, details) VALUES (%s, clock_timestamp() - make_interval(secs => %s), %s)
ON CONFLICT (code) WHERE cleared_at IS NULL DO NOTHING
"""
NOTE_CLEARED_SQL = """
UPDATE alarms SET cleared_at = greatest(raised_at, clock_timestamp() - make_interval(secs => %s))
WHERE code = %s AND cleared_at IS NULL
"""
RINGING_ALARMS_SQL = "SELECT code, raised_at, details FROM alarms WHERE cleared_at IS NULL ORDER BY raised_at, code"


class RingingAlarm(NamedTuple):
    """An alarm that was raised and not cleared. `details` has the value that raised it."""

    code: str
    raised_at: datetime
    details: dict[str, Any]


async def note_raised(connection: Connection, code: str, seconds_ago: float, details: Mapping[str, Any]) -> bool:
    """Note an alarm that was raised some seconds ago. Return False if it rings already."""
    noted = await connection.execute(NOTE_RAISED_SQL, (code, seconds_ago, Jsonb(dict(details))))
    return noted.rowcount > 0


async def note_cleared(connection: Connection, code: str, seconds_ago: float) -> bool:
    """Note that an alarm was cleared some seconds ago. Return False if it does not ring."""
    return (await connection.execute(NOTE_CLEARED_SQL, (seconds_ago, code))).rowcount > 0


async def read_ringing_alarms(connection: Connection) -> list[RingingAlarm]:
    """Return the alarms that ring, the oldest first."""
    rows = await (await connection.execute(RINGING_ALARMS_SQL)).fetchall()
    return [RingingAlarm(*row) for row in rows]
