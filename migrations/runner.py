"""How migrations run while services work: one migrator at a time, short waits for locks, and another try.

A statement that waits for a lock makes all later ones wait behind it. So none waits for long: it gives up, lets the
others through, and is tried again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared.platform.db.advisory_locks import MIGRATION_LOCK
from shared.platform.db.database_errors import is_contention

LOCK_TIMEOUT = "1s"  # for this long readers and writers may have to wait behind a migration that waits itself
TURN_INTERVAL_SECONDS = 0.2  # seconds between two looks whether another migrator is done
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0  # seconds; the pause doubles with each try
PATIENCE_SECONDS = 900.0  # seconds of tries for one migration

EXPAND, CONTRACT = "expand", "contract"
KINDS = (EXPAND, CONTRACT)

OLDEST_TRANSACTION_SQL = """
SELECT format('%s (process %s, in a transaction for %s s)', coalesce(nullif(application_name, ''), usename::text), pid,
              floor(extract(epoch FROM clock_timestamp() - xact_start)))
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 1
"""
HAS_RUNS_FROM_SQL = """
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'alembic_version'::regclass AND attname = 'runs_from')
"""
ADD_RUNS_FROM_SQL = "ALTER TABLE alembic_version ADD COLUMN runs_from text"
KEEP_RUNS_FROM_SQL = "UPDATE alembic_version SET runs_from = coalesce(runs_from, :number)"
RAISE_RUNS_FROM_SQL = "UPDATE alembic_version SET runs_from = greatest(runs_from, :number)"


@contextmanager
def migration_turn(connection: Connection) -> Iterator[None]:
    """Hold the lock of migrators for as long as the block lasts, and bound waits for other locks.

    It asks again and again: a statement that waits for the lock would be a transaction that an index, which the other
    migrator makes without locks, waits for in its turn.
    """
    asking = text("SELECT pg_try_advisory_lock(:key)")
    while not connection.execute(asking, {"key": MIGRATION_LOCK}).scalar():
        connection.commit()
        time.sleep(TURN_INTERVAL_SECONDS)
    limit_lock_waits(connection)
    connection.commit()
    yield


def limit_lock_waits(connection: Connection, limit: str = LOCK_TIMEOUT) -> None:
    """Bound each wait for a lock in this session. `limit` is in PostgreSQL's units; 0 is none."""
    connection.execute(text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": limit})


def retry_while_locked(connection: Connection, run: Callable[[], object], end: Callable[[], None]) -> None:
    """Call the function, and again after a pause if it met a lock that it did not get, or a deadlock.

    `end` ends the transaction that failed: nothing of it is kept. ClickException after `PATIENCE_SECONDS`.
    """
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        try:
            run()
            return
        except DBAPIError as error:
            end()
            if not is_contention(error):
                raise
        holder = connection.execute(text(OLDEST_TRANSACTION_SQL)).scalar() or "nobody any more"
        end()
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"a table was locked for {PATIENCE_SECONDS / 60:g} minutes; the longest transaction: {holder}. "
                "Nothing of this migration was kept. Run `migrate` again"
            )
        report(f"a table is locked; the longest transaction: {holder}; trying again in {pause:g} s")
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def note_runs_from(*, ctx: Any, step: Any, **_: Any) -> None:
    """Note in the database which versions run on its tables: those that know the migration `runs_from`.

    Alembic calls it in the transaction of each migration. A migration that declares no kind admits no older version.
    """
    script = step.up_revision
    if not ctx.connection.execute(text(HAS_RUNS_FROM_SQL)).scalar():
        ctx.connection.execute(text(ADD_RUNS_FROM_SQL))
    if kind_of(script) == EXPAND:
        ctx.connection.execute(text(KEEP_RUNS_FROM_SQL), {"number": script.down_revision})
    else:
        number = getattr(script.module, "runs_from", script.revision)
        ctx.connection.execute(text(RAISE_RUNS_FROM_SQL), {"number": number})


def kind_of(script: Any) -> str:
    """Return what a migration declares itself to be, `expand` or `contract`; an empty text if it does not."""
    return str(getattr(script.module, "kind", ""))


def report(line: str) -> None:
    """Tell the operator how far it is."""
    click.echo(f"migrate: {line}", err=True)
