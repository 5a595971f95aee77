"""`LEADHUB_EMBEDDED_POSTGRES`: the programs of a PostgreSQL of the machine in place of those that come along."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from embedded.postgres_programs import find_postgres_programs
from embedded.servers import ensure_database
from shared.platform.settings import Settings
from tests.support.accounts import opened_door
from tests.support.database import running_databases
from tests.support.stack import running_stack

pytestmark = pytest.mark.integration

INSTALLED = Path("/usr/lib/postgresql/15/bin")  # of Debian 12
needs_installed = pytest.mark.skipif(not (INSTALLED / "postgres").exists(), reason="there is no PostgreSQL 15 here")


def settings(folder: Path, programs: Path | str) -> Settings:
    return Settings(data_dir=folder, embedded_postgres=str(programs), database_url="")


@pytest.fixture
def installed_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A migrated database of the machine's PostgreSQL."""
    monkeypatch.setenv("LEADHUB_EMBEDDED_POSTGRES", str(INSTALLED))
    with running_databases(tmp_path) as databases:
        yield databases.url


@pytest.mark.extended
@needs_installed
@pytest.mark.external
def test_a_lead_is_stored_and_saved_by_the_machines_postgresql(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", {"LEADHUB_EMBEDDED_POSTGRES": str(INSTALLED)}) as stack:
        assert stack.answers_201()
        stack.until_settled()
        stack.run("backup", str(tmp_path / "backup"))
    with ensure_database(settings(tmp_path / "data", INSTALLED)) as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10000 == 15
        assert connection.execute("SELECT count(*), lower('ÄÖ'), 'Z' < 'a' FROM leads").fetchone() == (1, "äö", True)


@pytest.mark.extended
@needs_installed
@pytest.mark.external
async def test_people_sign_in_on_the_machines_postgresql(installed_database: str) -> None:
    async with opened_door(installed_database) as door:
        await door.make_person("ada@example.com")
        await door.sign_in("ada@example.com")
        await door.try_sign_in("ada@example.com", "wrong password")
        await door.sign_in("ada@example.com")


@needs_installed
def test_cluster_of_another_version_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "postgres-18").mkdir()
    with (
        pytest.raises(RuntimeError, match="holds postgres-18, which PostgreSQL 15 cannot read"),
        ensure_database(settings(tmp_path, INSTALLED)),
    ):
        pass


def test_folder_without_postgresql_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=f"{tmp_path} has no program `postgres` that starts"):
        find_postgres_programs(str(tmp_path))
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(RuntimeError, match="PostgreSQL 14 is older than 15"):
        find_postgres_programs(str(tmp_path))
