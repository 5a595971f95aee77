"""Backups that released versions made, with data: each later version restores them, and goes on from there."""

import json
from pathlib import Path

import psycopg
import pytest

from cli.schema import head_version, tables_state
from embedded.servers import ensure_servers
from shared.platform.settings import Settings
from tests.support.backups import make_workspace, started
from tests.support.corpus_backups import BACKUPS_FOLDER, count_rows
from tests.support.stack import Stack

pytestmark = pytest.mark.e2e

MAX_BYTES = 400_000  # of a file, since each clone has all of them
BACKUPS = sorted(BACKUPS_FOLDER.glob("*.tar"), key=lambda path: path.name)


def counts_of(folder: Path) -> dict[str, int]:
    """The rows of each table of a data dir on which nothing runs, whose tables must be those of this version."""
    settings = Settings(data_dir=folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found, psycopg.connect(found.database_url) as connection:
        assert tables_state(found.database_url).version == head_version()
        return count_rows(connection)


def test_each_backup_has_its_counts() -> None:
    assert BACKUPS
    assert [path.with_suffix(".json").is_file() for path in BACKUPS] == [True] * len(BACKUPS)


@pytest.mark.parametrize("file", BACKUPS, ids=lambda path: path.stem)
def test_a_backup_of_an_older_version_is_restored_with_every_row(file: Path, tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    said = stack.run("restore", str(file))
    assert "its ledger equals the backup's" in said.stderr
    expected = json.loads(file.with_suffix(".json").read_text())
    found = counts_of(stack.folder)
    assert {name: found.get(name) for name in expected} == expected
    make_workspace(stack)
    with started(stack):
        state = stack.status()
        assert state["accepted"] == expected["submissions"] > 0
        leads = "SELECT count(*) FROM leads"
        with stack.database() as database:
            assert database.execute(leads).fetchone() == (expected["leads"],)
            assert stack.answers_201()
            assert database.execute(leads).fetchone() == (expected["leads"] + 1,)


def test_backups_are_small() -> None:
    assert max(path.stat().st_size for path in BACKUPS) < MAX_BYTES
