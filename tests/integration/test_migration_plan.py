"""`migrate --plan`, and how migrations behave while others use the tables. The migrations are the test's own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import psycopg
import pytest

from cli import schema
from cli.migration_plan import MigrationPlan, PlannedStatement, make_plan, plan_text
from cli.schema import TablesState, head_version, tables_state, upgrade_database
from tests.support.next_version import MigrationsOfTest
from tests.support.waiting import until

pytestmark = pytest.mark.integration

FILL_SQL = """
INSERT INTO tags (workspace_id, name) SELECT w.id, 'tag ' || n FROM workspaces w, generate_series(1, 5000) n;
ANALYZE tags
"""
WAITING_SQL = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'tags'::regclass"
COLUMNS_SQL = """
SELECT attname FROM pg_attribute WHERE attrelid = 'tags'::regclass AND attname IN ('place', 'other')
"""
Written = Callable[..., str]


@pytest.fixture
def written(migrations_of_test: MigrationsOfTest) -> Written:
    """`written(lines, declared)`: a migration after the last one, seen by this test alone. Returns its number."""
    return migrations_of_test.write


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def the_statement(plan: MigrationPlan, words: str) -> PlannedStatement:
    [found] = [each for migration in plan.migrations for each in migration.statements if words in each.sql]
    return found


def locks_of(statement: PlannedStatement) -> dict[str, tuple[str, str]]:
    return {lock.table: (lock.mode, lock.waits) for lock in statement.locks}


@pytest.mark.extended
def test_a_plan_names_locks_rewrites_and_scans_and_changes_nothing(database_url: str, written: Written) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(FILL_SQL)
    before = head_version()
    first = written("""
op.execute("ALTER TABLE tags ADD COLUMN place integer")
op.execute("ALTER TABLE tags ADD COLUMN noted timestamptz DEFAULT clock_timestamp()")
op.execute("ALTER TABLE tags ADD CONSTRAINT ck_place CHECK (place > 0)")
op.execute("CREATE TABLE shelves (id bigint PRIMARY KEY)")
op.execute("CREATE INDEX ix_tags_noted ON tags (noted)")
""")
    second = written("""
create_index_concurrently("ix_tags_place", "tags", ["workspace_id", "place"])
backfill_rows("tags", "place = 1", "place IS NULL")
""")
    third = written('op.execute("ALTER TABLE tags DROP COLUMN noted")', f'kind = "contract"\nruns_from = "{first}"')
    plan = make_plan(database_url)
    assert [(each.number, each.kind) for each in plan.migrations] == [
        (first, "expand"),
        (second, "expand"),
        (third, "contract"),
    ]
    added = the_statement(plan, "ADD COLUMN place")
    assert locks_of(added) == {"tags": ("ACCESS EXCLUSIVE", "reads and writes wait")}
    assert added.locks[0].rows == 5000
    assert (added.rewrites, added.scans, added.seconds) == ([], [], 0)
    assert the_statement(plan, "clock_timestamp").rewrites == ["tags"]
    assert the_statement(plan, "ck_place").scans == ["tags"]
    assert locks_of(the_statement(plan, "CREATE TABLE shelves")) == {}
    assert the_statement(plan, "INDEX ix_tags_noted").indexes == ["tags"]
    index = the_statement(plan, "CONCURRENTLY")
    assert (locks_of(index), index.indexes) == ({"tags": ("SHARE UPDATE EXCLUSIVE", "")}, ["tags"])
    backfill = the_statement(plan, "SET place = 1")
    assert (locks_of(backfill), backfill.seconds) == ({"tags": ("ROW EXCLUSIVE", "")}, 0.5)
    assert plan.migrations[1].waiting_seconds == 0
    assert "tags: ACCESS EXCLUSIVE, reads and writes wait, 5,000 rows" in plan_text(plan)
    assert tables_state(database_url).version == before


def test_an_index_is_made_anew_where_a_try_left_half_of_it(database_url: str, written: Written) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL_SQL)
        with pytest.raises(psycopg.errors.UniqueViolation):  # leaves an index that is not valid
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_tags_place ON tags (workspace_id)")
    written("""
with outside_transaction():
    op.execute("ALTER TABLE tags ADD COLUMN IF NOT EXISTS place integer")
create_index_concurrently("ix_tags_place", "tags", ["workspace_id", "place"])
backfill_rows("tags", "place = id", "place IS NULL", rows=700)
""")
    upgrade_database(database_url)
    assert rows(database_url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_tags_place'::regclass") == [
        (True,)
    ]
    assert rows(database_url, "SELECT count(*), count(*) FILTER (WHERE place = id) FROM tags") == [(5000, 5000)]
    assert tables_state(database_url).version == head_version()


@pytest.mark.extended
def test_a_migration_lets_others_through_while_it_waits_for_a_lock(
    database_url: str, written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    written('op.execute("ALTER TABLE tags ADD COLUMN place integer")')
    waits: list[float] = []
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor() as pool:
        holder.execute("SELECT count(*) FROM tags")  # a reader that stays: the ALTER cannot have its lock
        migrating = pool.submit(upgrade_database, database_url)
        with psycopg.connect(database_url, autocommit=True) as reader:
            until(lambda: reader.execute(WAITING_SQL).fetchone(), what="a migration that waits")
            while len(waits) < 40 or max(waits) < 0.2:
                began = time.monotonic()
                reader.execute("SELECT count(*) FROM tags")
                waits.append(time.monotonic() - began)
                time.sleep(0.05)
        assert not migrating.done()
        holder.commit()
        migrating.result(60)
    assert 0.2 <= max(waits) < 3, max(waits)  # a second by the lock's limit; without one it would never end
    assert "a table is locked; the longest transaction: " in capsys.readouterr().err
    assert tables_state(database_url).version == head_version()


def test_a_failed_migration_keeps_those_before_it(database_url: str, written: Written) -> None:
    first = written('op.execute("ALTER TABLE tags ADD COLUMN place integer")')
    written('op.execute("ALTER TABLE tags ADD COLUMN other integer")\nop.execute("SELECT 1 / 0")')
    with pytest.raises(Exception, match="division by zero"):
        upgrade_database(database_url)
    assert tables_state(database_url).version == first
    columns = rows(database_url, COLUMNS_SQL)
    assert columns == [("place",)]


def test_an_expand_carries_older_versions_and_a_contract_does_not(
    database_url: str, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = head_version()
    first = written('op.execute("ALTER TABLE tags ADD COLUMN place integer")')
    upgrade_database(database_url)
    assert tables_state(database_url) == TablesState(first, before)
    with monkeypatch.context() as older:
        older.setattr(schema, "head_version", lambda: before)
        upgrade_database(database_url)  # as the version before does it
        assert tables_state(database_url).newer_note().endswith("and runs on them")
    second = written('op.execute("ALTER TABLE tags DROP COLUMN color")', f'kind = "contract"\nruns_from = "{first}"')
    upgrade_database(database_url)
    assert tables_state(database_url) == TablesState(second, first)
    with monkeypatch.context() as older:
        older.setattr(schema, "head_version", lambda: before)
        with pytest.raises(click.ClickException, match=f"for versions that know {first}"):
            upgrade_database(database_url)


def test_a_migration_of_no_kind_carries_no_older_version(database_url: str, written: Written) -> None:
    number = written('op.execute("ALTER TABLE tags ADD COLUMN place integer")', "")
    upgrade_database(database_url)
    assert tables_state(database_url) == TablesState(number, number)
