"""Migrations: the first one of the present series, and databases at the end of the earlier series or before it."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import alembic.command
import click
import psycopg
import pytest

from cli import schema
from cli.schema import (
    FIRST_MIGRATION,
    LAST_EARLIER_MIGRATION,
    MIGRATIONS_FOLDER,
    check_models,
    continue_from_earlier,
    database_version,
    head_version,
    stamp_version,
    upgrade_database,
)
from tests.support.database import Databases
from tests.support.stack import Stack

pytestmark = pytest.mark.integration

FUNCTIONS = """
SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = prolang
WHERE pronamespace = 'public'::regnamespace AND lanname IN ('plpgsql', 'sql') ORDER BY 1, 2
"""
RELATIONS = """
SELECT relkind::text, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'p'
UNION ALL SELECT 'constraint', conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
"""
TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"


def renames_back() -> bytes:
    """The script of the upgrade with the names of tables the other way round."""
    script = (MIGRATIONS_FOLDER / "upgrade_from_0021.sql").read_text()
    renaming = script[: script.index("UPDATE background_cleanups")]
    return re.sub(r"\('(\w+)', '(\w+)'\)", r"('\2', '\1')", renaming).encode()


def make_first_tables(url: str) -> None:
    """The tables as the first migration of the present series makes them."""
    alembic.command.upgrade(schema.alembic_config(url), FIRST_MIGRATION)


@pytest.fixture
def earlier_url(databases: Databases) -> Iterator[str]:
    """A database at the last migration of the earlier series, with a function that is not ours yet."""
    with databases.clone("template1") as url:
        make_first_tables(url)
        with psycopg.connect(url) as connection:
            connection.execute("DROP FUNCTION leads_delete CASCADE")
            connection.execute(renames_back())
        stamp_version(url, LAST_EARLIER_MIGRATION)
        yield url


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script that runs in the place of `migrations/upgrade_from_0021.sql`."""
    path = tmp_path / "hook.sql"
    monkeypatch.setattr(schema, "EARLIER_UPGRADE_SCRIPTS", (path, *schema.EARLIER_UPGRADE_SCRIPTS[1:]))
    return path


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def undated_rows(url: str, query: str) -> list[str]:
    """The same in order without the days of partitions: the two databases may have been made in different weeks."""
    return sorted(re.sub(r"_20\d{6}", "_day", repr(row)) for row in rows(url, query))


def test_migrations_make_the_tables_of_the_models(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_models(database_url), capsys.readouterr().err


def test_a_database_at_the_end_of_the_earlier_series_goes_on_in_the_present_one(
    earlier_url: str, databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade_database(earlier_url)
    assert database_version(earlier_url) == head_version()
    assert "bringing the tables from migration 0021 to r0001" in capsys.readouterr().err
    for query in (FUNCTIONS, TRIGGERS, RELATIONS):
        assert undated_rows(earlier_url, query) == undated_rows(databases.url, query)


def test_the_upgrade_script_runs_once_for_two_migrators(earlier_url: str, hook: Path) -> None:
    hook.write_text("CREATE TABLE hooked (); SELECT pg_sleep(0.3)")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: continue_from_earlier(earlier_url, LAST_EARLIER_MIGRATION), range(2)))
    upgrade_database(earlier_url)  # apart, since Alembic takes no two threads of one process
    assert database_version(earlier_url) == head_version()
    assert rows(earlier_url, "SELECT to_regclass('hooked')::text") == [("hooked",)]


def test_an_upgrade_script_that_fails_leaves_the_database_as_it_was(earlier_url: str, hook: Path) -> None:
    hook.write_text("CREATE TABLE hooked (); SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        upgrade_database(earlier_url)
    assert database_version(earlier_url) == LAST_EARLIER_MIGRATION
    assert rows(earlier_url, "SELECT to_regclass('hooked')::text") == [(None,)]


@pytest.mark.parametrize("number", ["0001", "0020"])
def test_a_database_in_the_midst_of_the_earlier_series_is_refused_with_the_remedy(
    database_url: str, number: str
) -> None:
    stamp_version(database_url, number)
    with pytest.raises(click.ClickException, match="git checkout") as caught:
        upgrade_database(database_url)
    assert f"at migration {number}" in caught.value.message
    assert "\n" not in caught.value.message
    assert database_version(database_url) == number


def test_functions_and_triggers_are_the_same_after_another_run_of_their_file(database_url: str) -> None:
    before = [rows(database_url, query) for query in (FUNCTIONS, TRIGGERS)]
    assert ("leads_insert" in str(before), "rules_changed" in str(before)) == (True, True)
    with psycopg.connect(database_url) as connection:
        connection.execute((MIGRATIONS_FOLDER / "functions.sql").read_bytes())
    assert [rows(database_url, query) for query in (FUNCTIONS, TRIGGERS)] == before


@pytest.mark.extended
def test_a_backup_at_the_end_of_the_earlier_series_is_restored_and_an_older_one_is_not(
    databases: Databases, tmp_path: Path
) -> None:
    """With a database of one's own: of the embedded one `backup` makes the tables up to date first."""
    with databases.clone("template1") as url:
        stack, file = Stack(tmp_path / "data", env={"LEADHUB_DATABASE_URL": url}), tmp_path / "saved.tar"
        make_first_tables(url)
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO workspaces (slug, name) VALUES ('main', 'Main')")
        stamp_version(url, "0020")
        stack.run("backup", str(file))
        stamp_version(url, LAST_EARLIER_MIGRATION)
        with pytest.raises(subprocess.CalledProcessError) as caught:
            stack.run("restore", str(file))
        assert "git checkout" in caught.value.stderr
        assert caught.value.stderr.rstrip().endswith("nothing was changed")
        with psycopg.connect(url) as connection:
            connection.execute(renames_back())
        stack.run("backup", str(file), "--force")
        stack.run("restore", str(file))
        assert database_version(url) == head_version()
        assert "Main" in stack.run("workspace", "list").stdout


def test_continuing_twice_changes_nothing(earlier_url: str) -> None:
    continue_from_earlier(earlier_url, LAST_EARLIER_MIGRATION)
    continue_from_earlier(earlier_url, LAST_EARLIER_MIGRATION)
    assert database_version(earlier_url) == FIRST_MIGRATION
