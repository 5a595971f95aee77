"""What an explanation reads: the automation, the lead's timeline, its runs, and whether its event still waits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from shared.automations.past_lead import LeadEntry
from shared.automations.run_limits import LOOP_LIMIT_REASON, entry_trigger_key
from shared.platform.db.connections import Connection

MAX_ENTRIES = 200  # entries of the timeline that are looked at, the newest
MAX_SHOWN_RUNS = 20
LOOKED_THROUGH_EVENTS = 10_000  # waiting events of the workspace among which one is looked for

AUTOMATION_SQL = """
SELECT id, name, is_active, trigger, steps, version, created_at FROM automations WHERE workspace_id = %s AND id = %s
"""
# The version that ran at a time, otherwise the first one that is known.
VERSION_SQL = """
SELECT trigger, steps, version, published_at FROM automation_versions
WHERE workspace_id = %(w)s AND automation_id = %(automation)s
ORDER BY published_at <= %(at)s DESC, CASE WHEN published_at <= %(at)s THEN -version ELSE version END LIMIT 1
"""
ENTRIES_SQL = f"""
SELECT id, type, data, created_at FROM activities
WHERE workspace_id = %(w)s AND lead_id = %(lead)s AND type LIKE 'lead.%%' ORDER BY id DESC LIMIT {MAX_ENTRIES + 1}
"""
ENTRY_SQL = """
SELECT id, type, data, created_at FROM activities
WHERE workspace_id = %(w)s AND lead_id = %(lead)s AND id = %(event)s AND type LIKE 'lead.%%'
"""
RUN_COLUMNS = """id, automation_id, lead_id, state, step, steps, plan, due_at, error, created_at, finished_at,
       trigger_key, attempts"""
RUNS_SQL = f"""
SELECT {RUN_COLUMNS} FROM automation_runs
WHERE workspace_id = %(w)s AND lead_id = %(lead)s AND automation_id = %(automation)s
ORDER BY id DESC LIMIT {MAX_SHOWN_RUNS}
"""
# Runs of earlier releases name the event of the outbox, which is gone: they are told by their time.
EVENT_RUN_SQL = f"""
SELECT {RUN_COLUMNS} FROM automation_runs
WHERE workspace_id = %(w)s AND automation_id = %(automation)s AND trigger_key = %(key)s
UNION ALL
SELECT {RUN_COLUMNS} FROM automation_runs
WHERE workspace_id = %(w)s AND automation_id = %(automation)s AND lead_id = %(lead)s AND trigger_key LIKE 'event:%%'
  AND created_at >= %(at)s AND created_at < %(at)s + interval '1 minute'
ORDER BY id LIMIT 1
"""
LOOP_STOPPED_SQL = """
SELECT EXISTS (SELECT FROM automation_runs WHERE workspace_id = %(w)s AND lead_id = %(lead)s AND chain <> '{}'
    AND error = %(reason)s AND created_at BETWEEN %(at)s - interval '1 minute' AND %(at)s + interval '1 minute')
"""
QUEUED_SQL = f"""
WITH head AS MATERIALIZED (
    SELECT activity_id, occurred_at FROM events WHERE workspace_id = %(w)s ORDER BY id LIMIT {LOOKED_THROUGH_EVENTS}
)
SELECT EXISTS (SELECT FROM head WHERE activity_id = %(event)s)
       OR (SELECT count(*) = {LOOKED_THROUGH_EVENTS} AND max(occurred_at) < %(at)s FROM head)
"""
TIMER_SQL = """
SELECT due_at FROM inactivity_timers WHERE workspace_id = %s AND automation_id = %s AND lead_id = %s
"""


@dataclass(frozen=True)
class ExplainedAutomation:
    """An automation in one of its versions. `published_at` is the time of that version, None if it is not known."""

    id: int
    name: str
    is_active: bool
    trigger: Mapping[str, Any]
    steps: list[Mapping[str, Any]]
    version: int
    created_at: datetime
    published_at: datetime | None = None


@dataclass(frozen=True)
class StoredRun:
    """A run as it is stored, with the outcomes of its steps."""

    id: int
    automation_id: int
    lead_id: int
    state: str
    step: int
    steps: list[dict[str, Any]]
    plan: list[Mapping[str, Any]] | None
    due_at: datetime | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    trigger_key: str
    attempts: int


async def read_automation(connection: Connection, workspace_id: int, id_: int) -> ExplainedAutomation | None:
    """Return an automation of a workspace as it runs now, or None."""
    async with connection.cursor(row_factory=class_row(ExplainedAutomation)) as cursor:
        return await (await cursor.execute(AUTOMATION_SQL, (workspace_id, id_))).fetchone()


async def read_version_at(
    connection: Connection, workspace_id: int, automation: ExplainedAutomation, moment: datetime
) -> ExplainedAutomation:
    """Return an automation as it ran at a moment, or in the first version that is known."""
    values = {"w": workspace_id, "automation": automation.id, "at": moment}
    row = await (await connection.execute(VERSION_SQL, values)).fetchone()
    if row is None:
        return automation
    return replace(automation, trigger=row[0], steps=row[1], version=row[2], published_at=row[3])


async def read_entries(connection: Connection, workspace_id: int, lead_id: int) -> tuple[list[LeadEntry], bool]:
    """Return the newest entries of a lead's timeline, newest first, and whether these are all."""
    values = {"w": workspace_id, "lead": lead_id}
    rows = await (await connection.execute(ENTRIES_SQL, values)).fetchall()
    return [LeadEntry(*row) for row in rows[:MAX_ENTRIES]], len(rows) <= MAX_ENTRIES


async def read_entry(connection: Connection, workspace_id: int, lead_id: int, event_id: int) -> LeadEntry | None:
    """Return an entry of a lead's timeline, or None."""
    values = {"w": workspace_id, "lead": lead_id, "event": event_id}
    row = await (await connection.execute(ENTRY_SQL, values)).fetchone()
    return LeadEntry(*row) if row else None


async def read_runs(connection: Connection, workspace_id: int, automation_id: int, lead_id: int) -> list[StoredRun]:
    """Return the last runs of an automation for a lead, newest first."""
    values = {"w": workspace_id, "automation": automation_id, "lead": lead_id}
    async with connection.cursor(row_factory=class_row(StoredRun)) as cursor:
        return await (await cursor.execute(RUNS_SQL, values)).fetchall()


async def find_event_run(
    connection: Connection, workspace_id: int, automation_id: int, lead_id: int, entry: LeadEntry
) -> StoredRun | None:
    """Return the run that an entry of a timeline has started, or None."""
    values: dict[str, Any] = {"w": workspace_id, "automation": automation_id, "lead": lead_id}
    values |= {"key": entry_trigger_key(entry.id), "at": entry.at}
    async with connection.cursor(row_factory=class_row(StoredRun)) as cursor:
        return await (await cursor.execute(EVENT_RUN_SQL, values)).fetchone()


@dataclass(frozen=True)
class EventObstacles:
    """What may hold an event up: it waits in the queue, or the loop limit of its lead was reached then."""

    is_queued: bool
    hit_loop_limit: bool


async def read_obstacles(connection: Connection, workspace_id: int, lead_id: int, entry: LeadEntry) -> EventObstacles:
    """Return what holds or held an event up. Beyond some thousand waiting events its time decides whether it waits."""
    values = {"w": workspace_id, "lead": lead_id, "event": entry.id, "at": entry.at, "reason": LOOP_LIMIT_REASON}
    obstacles = []
    for statement in (QUEUED_SQL, LOOP_STOPPED_SQL):
        row = await (await connection.execute(statement, values)).fetchone()
        obstacles.append(bool(row and row[0]))
    return EventObstacles(*obstacles)


async def read_timer(connection: Connection, workspace_id: int, automation_id: int, lead_id: int) -> datetime | None:
    """Return when the inactivity timer of an automation ends for a lead, or None if none runs."""
    row = await (await connection.execute(TIMER_SQL, (workspace_id, automation_id, lead_id))).fetchone()
    return row[0] if row else None
