"""What the installation runs: its processes, database, disk and workspaces, as operators look at them.

No query counts rows of large tables: leads and submissions have exact counters, and tables say how many rows they hold
about.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from shared.operations.alarms import RingingAlarm, read_ringing_alarms
from shared.operations.process_liveness import HAS_CONNECTION_SQL
from shared.operations.settings_mismatch import SettingsMismatches, find_mismatches
from shared.platform.db.connections import Connection

MAX_LISTED_TABLES = 12
MAX_LISTED_WORKSPACES = 1000

# Web processes report less often than workers.
PROCESSES_SQL = f"""
SELECT name, kind, host, pid, started_at, seen_at, seen_at > now() - interval '20 s' AND {HAS_CONNECTION_SQL},
       memory_bytes, restarts, activity
FROM processes ORDER BY kind, name
"""
DATABASE_SQL = """
SELECT split_part(current_setting('server_version'), ' ', 1), current_database(), pg_database_size(current_database()),
       pg_postmaster_start_time(), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int, (SELECT version_num FROM alembic_version)
"""
# Partitions count as their table.
TABLES_SQL = """
SELECT coalesce(p.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint AS bytes,
       sum(greatest(c.reltuples, 0))::bigint, count(*)
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
GROUP BY 1 ORDER BY bytes DESC NULLS LAST, 1 LIMIT %s
"""
# The counters with their unfolded changes, in one statement, so that a fold is seen completely or not at all.
WORKSPACES_SQL = """
WITH leads AS (
    SELECT workspace_id, sum(n) AS n FROM (
        SELECT workspace_id, n FROM lead_counts_by_field WHERE field = '' AND value = ''
        UNION ALL SELECT workspace_id, n FROM lead_count_deltas) counts
    GROUP BY 1
), accepted AS (
    SELECT workspace_id, sum(n) AS n FROM (
        SELECT workspace_id, n FROM ledger WHERE state = 'accepted'
        UNION ALL SELECT workspace_id, n FROM ledger_deltas WHERE state = 'accepted') counts
    GROUP BY 1
)
SELECT w.slug, w.name, w.created_at, coalesce(leads.n, 0)::bigint, coalesce(accepted.n, 0)::bigint, (
           SELECT count(*) FROM users u WHERE u.workspace_id = w.id AND u.is_active)
FROM workspaces w LEFT JOIN leads ON leads.workspace_id = w.id LEFT JOIN accepted ON accepted.workspace_id = w.id
ORDER BY w.name, w.id LIMIT %s
"""


class SystemProcess(NamedTuple):
    """A process of the installation, dead ones of the last day too. Web processes do not tell their memory."""

    name: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    is_alive: bool
    memory_bytes: int | None
    restarts: int
    activity: str


class DatabaseState(NamedTuple):
    """The server of the database. `schema` is the revision of the tables."""

    version: str
    name: str
    size: int
    started_at: datetime
    connections: int
    max_connections: int
    schema: str


class TableSize(NamedTuple):
    """A table with its indexes and partitions, in bytes. `rows` is an estimate of the server's statistics."""

    name: str
    size: int | None
    rows: int
    partitions: int


class WorkspaceCounts(NamedTuple):
    """A workspace with its exact number of leads, and of submissions that it ever accepted."""

    slug: str
    name: str
    created_at: datetime
    leads: int
    submissions: int
    users: int


class DiskState(NamedTuple):
    """The disk of the data dir, in bytes."""

    total: int
    used: int
    free: int


@dataclass(frozen=True, slots=True)
class SystemReport:
    """The installation at a moment. `mismatches` names processes that use different spools, brokers or keys."""

    processes: list[SystemProcess]
    database: DatabaseState
    tables: list[TableSize]
    workspaces: list[WorkspaceCounts]
    alarms: list[RingingAlarm]
    mismatches: SettingsMismatches

    @property
    def alive(self) -> list[SystemProcess]:
        """The processes that report."""
        return [process for process in self.processes if process.is_alive]


async def read_system_report(connection: Connection) -> SystemReport:
    """Return what the database knows of the installation."""
    database = await _rows(connection, DATABASE_SQL)
    return SystemReport(
        [SystemProcess(*row) for row in await _rows(connection, PROCESSES_SQL)],
        DatabaseState(*database[0]),
        [TableSize(*row) for row in await _rows(connection, TABLES_SQL, MAX_LISTED_TABLES)],
        [WorkspaceCounts(*row) for row in await _rows(connection, WORKSPACES_SQL, MAX_LISTED_WORKSPACES)],
        await read_ringing_alarms(connection),
        await find_mismatches(connection),
    )


def read_disk(data_dir: Path) -> DiskState | None:
    """Return the disk of the data dir; None if there is none here."""
    try:
        return DiskState(*shutil.disk_usage(data_dir))
    except OSError:
        return None


async def _rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(statement.encode(), values, prepare=False)).fetchall()
