"""What `migrate` would do: the missing migrations, run on an empty database, and the sizes of the real tables.

Locks are read from PostgreSQL while the statements run, and so are rewrites and scans: no table of rules can be wrong
about them. The empty database is on a server of its own, which is removed afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import psycopg

from cli.lock_watch import SeenStatement, StatementWatch
from cli.schema import (
    HALF_RESTORED_MESSAGE,
    RESTORING_VERSION,
    alembic_config,
    head_version,
    tables_state,
)
from embedded.servers import ensure_servers
from shared.platform.db.connections import connection_parameters
from shared.platform.settings import Settings

# Bytes a second of a small machine with an SSD whose cache holds little of the table (docs/operations/upgrade.md).
# Below the rates that docs/performance-notes.md has: a plan that is too long harms nobody.
SCAN_RATE, INDEX_RATE, REWRITE_RATE = 150e6, 25e6, 20e6
UPDATE_RATE = 10_000  # rows a second of a backfill, with their indexes and triggers
SHORTEST_SECONDS = 0.1  # below it nobody needs to know

EARLIER_SERIES_MESSAGE = (
    "the tables are at migration {found} of the earlier series: there is no plan for those. `leadhub migrate` takes "
    "them over in one transaction, while no service runs"
)
BLOCKING_WORDS = {"AccessExclusiveLock": "reads and writes wait"} | dict.fromkeys(
    ("ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"), "writes wait"
)
SIZES_SQL = """
SELECT coalesce(parent.relname, c.relname), sum(greatest(c.reltuples, 0))::bigint,
       sum(pg_relation_size(c.oid))::bigint, sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace(current_schema()) GROUP BY 1
"""


@dataclass(frozen=True)
class TableExtent:
    """A table with its partitions: an estimate of its rows, its bytes, and those with its indexes."""

    rows: int = 0
    bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True)
class PlannedLock:
    """A lock on a table that is there. `waits` says who waits for it to end, or is empty."""

    table: str
    mode: str
    waits: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class PlannedStatement:
    """A statement, the locks that it is the first of its transaction to take, what it does to tables, its seconds."""

    sql: str
    locks: list[PlannedLock]
    rewrites: list[str]
    scans: list[str]
    indexes: list[str]
    seconds: float


@dataclass(frozen=True)
class PlannedMigration:
    """A migration. `waiting_seconds` is for how long readers or writers of one of its tables wait, once it has locks.

    `kind` is empty where none is declared: older versions do not run on its tables.
    """

    number: str
    name: str
    kind: str
    statements: list[PlannedStatement]
    seconds: float
    waiting_seconds: float


@dataclass(frozen=True)
class MigrationPlan:
    """All missing migrations, in order."""

    found: str
    head: str
    migrations: list[PlannedMigration]


def make_plan(url: str) -> MigrationPlan:
    """Return what `migrate` would do to the database. Only its sizes are read.

    ClickException for tables that `migrate` refuses, and for those of the earlier series.
    """
    state = tables_state(url)
    if state.version == RESTORING_VERSION:
        raise click.ClickException(HALF_RESTORED_MESSAGE)
    if state.version.isdecimal():
        raise click.ClickException(EARLIER_SERIES_MESSAGE.format(found=state.version))
    state.refuse_too_new()
    if state.is_newer or state.version == head_version():
        return MigrationPlan(state.version, head_version(), [])
    sizes = _read_sizes(url)
    with _empty_database() as empty_url:
        watch = _run_missing(empty_url, state.version)
    migrations = [
        _planned_migration(seen.number, seen.name, seen.kind, seen.statements, sizes) for seen in watch.migrations
    ]
    return MigrationPlan(state.version, head_version(), migrations)


def plan_document(plan: MigrationPlan) -> dict[str, Any]:
    """Return the plan as a JSON document. Times are in seconds."""
    return asdict(plan) | {"seconds": _total(plan), "waiting_seconds": _longest_wait(plan)}


def plan_text(plan: MigrationPlan) -> str:
    """Return the plan for an operator to read."""
    if not plan.migrations:
        return f"The tables are at migration {plan.found}; this version has nothing to add to them."
    found = f"at migration {plan.found}" if plan.found else "not there yet"
    lines = [f"The tables are {found}; `migrate` brings them to {plan.head}."]
    for migration in plan.migrations:
        lines += ["", f"{migration.number} {migration.name} ({migration.kind or 'no kind: older versions must stop'})"]
        for statement in migration.statements:
            lines += _statement_lines(statement)
    lines += ["", f"In all {_duration(_total(plan))}. Reads or writes of a table wait {_duration(_longest_wait(plan))}"]
    lines[-1] += ", and for a second at most while a migration itself waits for a lock."
    rates = (
        f"{SCAN_RATE / 1e6:g} MB/s scanned, {INDEX_RATE / 1e6:g} MB/s indexed, {REWRITE_RATE / 1e6:g} MB/s rewritten"
    )
    return "\n".join([*lines, f"Estimated with {rates}, {UPDATE_RATE:,} rows/s set."])


def _statement_lines(statement: PlannedStatement) -> list[str]:
    lines = [f"  {statement.sql}"]
    locks = {lock.table: lock for lock in statement.locks}
    work = {"rewrites it": statement.rewrites, "scans it": statement.scans, "indexes it": statement.indexes}
    for table in sorted({*locks, *(table for tables in work.values() for table in tables)}):
        words = [verb for verb, tables in work.items() if table in tables]
        if lock := locks.get(table):
            size = f"{lock.rows:,} rows, {lock.bytes / 1e6:,.1f} MB"
            words = [lock.mode, lock.waits or "nobody waits", *words, size]
        lines.append(f"      {table}: {', '.join(words)}")
    return [*lines, f"      {_duration(statement.seconds)}"] if statement.seconds else lines


def _duration(seconds: float) -> str:
    if seconds < SHORTEST_SECONDS:
        return f"less than {SHORTEST_SECONDS:g} s"
    return f"about {seconds:,.1f} s" if seconds < 120 else f"about {seconds / 60:,.0f} min"


def _planned_migration(
    number: str, name: str, kind: str, seen: list[SeenStatement], sizes: dict[str, TableExtent]
) -> PlannedMigration:
    statements = [_planned_statement(each, sizes) for each in seen]
    waiting, is_blocking = 0.0, False
    for each in statements:  # a transaction keeps its locks to its end
        is_blocking = is_blocking or any(lock.waits for lock in each.locks)
        waiting += each.seconds if is_blocking else 0.0
    seconds = round(sum(each.seconds for each in statements), 1)
    return PlannedMigration(number, name, kind, statements, seconds, round(waiting, 1))


def _planned_statement(seen: SeenStatement, sizes: dict[str, TableExtent]) -> PlannedStatement:
    def size(table: str) -> TableExtent:
        return sizes.get(table, TableExtent())

    locks = [
        PlannedLock(table, _mode_name(mode), BLOCKING_WORDS.get(mode, ""), size(table).rows, size(table).bytes)
        for table, mode in sorted(seen.locks.items())
    ]
    seconds = sum(size(table).total_bytes / REWRITE_RATE for table in seen.rewrites)
    seconds += sum(size(table).bytes / SCAN_RATE for table in seen.scans - seen.rewrites)
    seconds += sum(size(table).bytes / INDEX_RATE for table in seen.indexed)
    seconds += sum(size(table).rows / UPDATE_RATE for table in seen.updated)
    rewrites, scans, indexes = (sorted(tables) for tables in (seen.rewrites, seen.scans, seen.indexed))
    return PlannedStatement(seen.sql, locks, rewrites, scans, indexes, round(seconds, 1))


def _mode_name(mode: str) -> str:
    """Return PostgreSQL's own name of a lock in words, such as SHARE UPDATE EXCLUSIVE."""
    spaced = "".join(f" {char}" if char.isupper() else char for char in mode.removesuffix("Lock"))
    return spaced.strip().upper()


def _total(plan: MigrationPlan) -> float:
    return round(sum(each.seconds for each in plan.migrations), 1)


def _longest_wait(plan: MigrationPlan) -> float:
    return max((each.waiting_seconds for each in plan.migrations), default=0.0)


def _read_sizes(url: str) -> dict[str, TableExtent]:
    with psycopg.connect(url, **connection_parameters("leadhub-cli")) as connection:
        return {name: TableExtent(*counts) for name, *counts in connection.execute(SIZES_SQL)}


@contextmanager
def _empty_database() -> Iterator[str]:
    """Yield the URL of an empty database on a server that is there for this block."""
    with TemporaryDirectory(prefix="leadhub-plan-") as folder:
        settings = Settings(data_dir=Path(folder) / "data", database_url="", broker_url="", redis_url="", spool_url="")
        with ensure_servers(settings) as found:
            yield found.database_url


def _run_missing(url: str, version: str) -> StatementWatch:
    """Make the tables of a version, then run the migrations after it under a watch."""
    import alembic.command

    if version:
        alembic.command.upgrade(alembic_config(url), version)
    config = alembic_config(url)
    watch = StatementWatch()
    config.attributes["watch"] = watch.begin
    config.attributes["on_migration"] = watch.end_migration
    alembic.command.upgrade(config, "head")
    return watch
