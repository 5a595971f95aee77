"""`status` says what it knows, at once, and what it could not ask; it also says where processes differ."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from cli.main import command_line
from shared.files.folder_id import FolderIdReader
from shared.intake.journal import NewJournalRow
from shared.intake.spool import Spool, open_spool_client
from shared.operations.settings_mismatch import THIS_COMMAND
from shared.platform.crypto.settings_fingerprints import fingerprint_reader
from shared.platform.data_dir import free_port
from shared.platform.settings import LOCAL_VALUE, Settings
from tests.support.commands import HOST, NOWHERE, running, silent, started
from tests.support.spooling import spooling
from tests.support.tiers import first_in_tier
from tests.support.timing import best_within
from tests.support.waiting import DEADLINE_SECONDS, until

pytestmark = pytest.mark.integration

KEY = "a key that all of them have"
STAYS = -3600  # seconds since a row was written that is fresh for as long as the test takes
AWAY = f"postgresql://leadhub:hidden@{HOST}:1/leadhub"


PROCESS = """
INSERT INTO processes (name, kind, host, pid, fingerprints, seen_at)
VALUES (%s, %s, 'here', 1, %s, now() - make_interval(secs => %s))
"""


def status(folder: Path, **settings: str) -> Result:
    env: dict[str, str | None] = {"LEADHUB_SPOOL_URL": NOWHERE, **settings}
    return CliRunner().invoke(command_line, ["status", "--json", "--data-dir", str(folder)], env=env)


def known(folder: Path, **settings: str) -> dict[str, Any]:
    """What it says once PostgreSQL answers: on a slow machine that may take over a second."""

    def told() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(status(folder, **settings).stdout)
        return {} if "postgresql" in found["unavailable"] else found

    return until(told, what="a status with PostgreSQL")


def differing(folder: Path, **settings: str) -> dict[str, list[list[str]]]:
    """The processes that differ, whatever the time is by now."""
    found = json.dumps(known(folder, **settings)["differing"])
    return dict(json.loads(re.sub(r"seen \d+ s", "seen … s", found)))


@pytest.fixture
def frozen_url() -> Iterator[str]:
    """A database that takes connections and never answers."""
    with silent() as port:
        yield f"postgresql://leadhub:hidden@{HOST}:{port}/leadhub"


@pytest.mark.parametrize("is_frozen", [False, True])
async def test_without_postgresql_it_shows_the_spool_within_two_seconds(
    tmp_path: Path, frozen_url: str, is_frozen: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    with spooling(tmp_path) as spool_url:
        client = open_spool_client(spool_url)
        await Spool(client).append_row(NewJournalRow(0, 3, "", "[[1, 3]]", b"{}"))
        await client.aclose()
        url = frozen_url if is_frozen else AWAY
        told: list[Result] = []

        def seconds_of_status() -> float:
            began = time.monotonic()
            told[:] = [status(tmp_path, LEADHUB_DATABASE_URL=url, LEADHUB_SPOOL_URL=spool_url)]
            return time.monotonic() - began

        best_within(2, seconds_of_status)
    said = capfd.readouterr().err
    assert (told[0].exit_code, "PostgreSQL does not answer" in said, "hidden" in said) == (0, True, False)
    found = json.loads(told[0].stdout)
    assert (found["spooled"], found["unavailable"]) == (3, ["postgresql"])
    assert found["oldest_waiting_s"] > 0
    unknown = ("accepted", "pending", "done", "dead", "quarantined", "workers", "queues", "differing")
    assert {name: found[name] for name in unknown} == dict.fromkeys(unknown)


def test_status_without_any_store_says_so(tmp_path: Path, frozen_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with silent() as port:
        told = status(tmp_path, LEADHUB_DATABASE_URL=frozen_url, LEADHUB_SPOOL_URL=f"redis://{HOST}:{port}")
    assert (told.exit_code, json.loads(told.stdout)["unavailable"]) == (0, ["postgresql", "spool"])
    assert "the spool does not answer" in capfd.readouterr().err


def test_a_spool_that_nobody_told_is_unknown_and_not_empty(
    tmp_path: Path, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert known(tmp_path, LEADHUB_DATABASE_URL=database_url, LEADHUB_SPOOL_URL="")["spooled"] is None
    assert "LEADHUB_SPOOL_URL is not set" in capfd.readouterr().err
    assert known(tmp_path, LEADHUB_DATABASE_URL=database_url, LEADHUB_SPOOL_URL=LOCAL_VALUE)["spooled"] == 0
    assert "LEADHUB_SPOOL_URL is not set" not in capfd.readouterr().err


def test_processes_that_use_different_things_are_named(tmp_path: Path, database_url: str) -> None:
    env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_SECRET_KEY": KEY, "LEADHUB_BROKER_URL": NOWHERE}
    same = fingerprint_reader(Settings(spool_url=NOWHERE, broker_url=NOWHERE, secret_key=SecretStr(KEY)))()
    with psycopg.connect(database_url, autocommit=True) as database:
        for name, age, others in (
            ("gateway", STAYS, {}),
            ("worker", STAYS, {"broker": "other"}),
            ("api", 60, {"spool": "other"}),
        ):
            database.execute(PROCESS, (name, name, Jsonb({**same, **others}), age))
        database.execute(PROCESS, ("gone", "gateway", Jsonb({"spool": "third"}), 601))
        database.execute(PROCESS, ("old", "worker", Jsonb({}), 0))
    assert differing(tmp_path, **env) == {
        "broker": [["api (last seen … s ago)", "gateway", THIS_COMMAND], ["worker"]],
        "spool": [["gateway", "worker", THIS_COMMAND], ["api (last seen … s ago)"]],
    }

    def is_shown() -> bool:
        table = CliRunner().invoke(
            command_line, ["status", "--data-dir", str(tmp_path)], env={"LEADHUB_SPOOL_URL": NOWHERE, **env}
        )
        return "differing         broker: 3 processes / worker\n" in table.stdout

    until(is_shown, what="the odd one by name")
    told = differing(tmp_path, **env | {"LEADHUB_SECRET_KEY": ""})
    assert "secret_key" not in told  # it is not known
    told = differing(tmp_path, **env | {"LEADHUB_SECRET_KEY": "a key that nobody else has"})
    assert told["secret_key"] == [["api (last seen … s ago)", "gateway", "worker"], [THIS_COMMAND]]


@pytest.mark.extended
@pytest.mark.parametrize("command", first_in_tier("gateway", "api", "worker", "sweeper"))
def test_a_service_notes_what_it_uses_but_not_in_plain_text(tmp_path: Path, database_url: str, command: str) -> None:
    spool_url = f"redis://:hidden@{HOST}:2"
    env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_SECRET_KEY": KEY, "LEADHUB_SPOOL_URL": spool_url}
    env["LEADHUB_PORT"] = str(free_port(HOST))
    settings = Settings(spool_url=spool_url, broker_url=NOWHERE, secret_key=SecretStr(KEY), data_dir=tmp_path)
    wanted = fingerprint_reader(settings, None if command == "worker" else FolderIdReader(settings.files_folder))()
    with psycopg.connect(database_url, autocommit=True) as database:

        def noted() -> list[tuple[str, dict[str, str]]]:
            found = "SELECT kind, fingerprints FROM processes WHERE fingerprints <> '{}'"
            return database.execute(found).fetchall()

        with running(started(tmp_path, command, **env)) as service:
            until(noted, what="its row")
            assert noted() == [(command, wanted)]
            service.terminate()
            service.wait(DEADLINE_SECONDS)
        assert noted() == []
    assert not any(secret in str(wanted) for secret in ("hidden", KEY, HOST))
