"""Steps of migrations that run while leads come in: an index without a lock, a backfill in small transactions.

They run outside the migration's transaction, so a migration that is cut short repeats them. Each can be repeated. A
migration that has one has nothing before it that could not.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from alembic import op
from sqlalchemy import Connection, text

from migrations.runner import LOCK_TIMEOUT, limit_lock_waits, report, retry_while_locked

BACKFILL_ROWS = 2_000  # rows of a batch, which are locked together for some milliseconds
REPORT_INTERVAL_SECONDS = 10.0

INDEX_STATE_SQL = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
INDEX_PROGRESS_SQL = """
SELECT format('%s, %s %%', phase, coalesce(100 * blocks_done / nullif(blocks_total, 0), 0))
FROM pg_stat_progress_create_index WHERE pid = :pid
"""
ROW_ESTIMATE_SQL = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass(:name)"


def create_index_concurrently(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """Make an index while the table is read and written. `options` are those of Alembic's `create_index`.

    An earlier try leaves an index that is not valid: it is dropped first. A valid one stays. The table must not be
    partitioned: PostgreSQL takes no such index there.
    """
    with outside_transaction() as connection:
        is_valid = connection.execute(text(INDEX_STATE_SQL), {"name": name}).scalar()
        if is_valid:
            return
        # Nobody waits behind this statement, but it waits for all transactions that are under way, a backup's too.
        with _unlimited_lock_waits(connection):
            if is_valid is not None:
                report(f"dropping {name}, which an earlier try left behind")
                op.drop_index(name, table, postgresql_concurrently=True)
            with _reporting_index(connection, name):
                op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def backfill_rows(
    table: str,
    assignments: str,
    condition: str,
    *,
    key: Sequence[str] = ("workspace_id", "id"),
    rows: int = BACKFILL_ROWS,
) -> None:
    """Set columns of all rows that fulfil a condition, a few at a time, each batch in a transaction of its own.

    `assignments` and `condition` are SQL of the migration, such as `place = 0` and `place IS NULL`. The condition
    must not hold any more for a row that was set. `key` is the primary key. Writers wait for a batch at most.
    """
    progress = _RowProgress(table)
    with outside_transaction() as connection:
        total = connection.execute(text(ROW_ESTIMATE_SQL), {"name": table}).scalar() or 0
        bounds: dict[str, Any] = {}
        while last_key := connection.execute(text(_last_key_sql(table, key, rows, bounds)), bounds).fetchone():
            batch = _batch_sql(table, assignments, condition, key, bounds)
            values = {**bounds, **{f"upper{number}": value for number, value in enumerate(last_key)}}
            retry_while_locked(connection, partial(connection.execute, text(batch), values), no_transaction)
            bounds = {f"lower{number}": value for number, value in enumerate(last_key)}
            progress.note(rows, total)
        if not bounds:  # for `migrate --plan`, which sees what runs on empty tables
            nothing = {f"upper{number}": None for number in range(len(key))}
            connection.execute(text(_batch_sql(table, assignments, condition, key, bounds)), nothing)


def _last_key_sql(table: str, key: Sequence[str], rows: int, bounds: dict[str, Any]) -> str:
    """Return the statement for the key of the last row of a batch that begins after the bounds."""
    names, downwards = ", ".join(key), ", ".join(f"{name} DESC" for name in key)
    where = f"WHERE ({names}) > ({_parameters('lower', key)})" if bounds else ""
    return (
        f"SELECT {names} FROM (SELECT {names} FROM {table} {where} ORDER BY {names} LIMIT {rows}) batch "
        f"ORDER BY {downwards} LIMIT 1"
    )


def _batch_sql(table: str, assignments: str, condition: str, key: Sequence[str], bounds: dict[str, Any]) -> str:
    names = ", ".join(key)
    lower = f"({names}) > ({_parameters('lower', key)}) AND " if bounds else ""
    upper = f"({names}) <= ({_parameters('upper', key)})"
    return f"UPDATE {table} SET {assignments} WHERE {lower}{upper} AND ({condition})"


def _parameters(name: str, key: Sequence[str]) -> str:
    return ", ".join(f":{name}{number}" for number in range(len(key)))


class _RowProgress:
    """Says every few seconds how many rows of a table were seen."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._done = 0
        self._reported_at = time.monotonic()

    def note(self, rows: int, total: int) -> None:
        self._done += rows
        if time.monotonic() - self._reported_at > REPORT_INTERVAL_SECONDS:
            self._reported_at = time.monotonic()
            report(f"{self._table}: about {self._done:,} of {max(self._done, total):,} rows")


def no_transaction() -> None:
    """End nothing: a statement outside transactions has ended with its error."""


@contextmanager
def outside_transaction() -> Iterator[Connection]:
    """End the migration's transaction for the length of the block: each statement in it commits by itself."""
    with op.get_context().autocommit_block():
        yield op.get_bind()


@contextmanager
def _unlimited_lock_waits(connection: Connection) -> Iterator[None]:
    limit_lock_waits(connection, "0")
    try:
        yield
    finally:
        limit_lock_waits(connection, LOCK_TIMEOUT)


@contextmanager
def _reporting_index(connection: Connection, name: str) -> Iterator[None]:
    """Say every few seconds how far the index is that this connection makes."""
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(REPORT_INTERVAL_SECONDS):
            with connection.engine.connect() as other, other.execution_options(isolation_level="AUTOCOMMIT"):
                report(f"{name}: {other.execute(text(INDEX_PROGRESS_SQL), {'pid': pid}).scalar() or 'begins'}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
