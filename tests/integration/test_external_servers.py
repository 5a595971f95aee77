"""Servers and rights that are not as LeadHub needs them: it says so in a line, and names the setting."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from cli.schema import refuse_old_server
from cli.spool_check import check_spool_durability
from embedded.valkey import valkey_binary
from shared.platform.data_dir import free_port
from shared.platform.settings import Settings
from tests.support.commands import HOST, NOWHERE, ended, silent, started
from tests.support.database import Databases
from tests.support.external import scratch_database
from tests.support.waiting import until

pytestmark = pytest.mark.integration


def test_a_spool_that_does_not_answer_is_warned_of(capfd: pytest.CaptureFixture[str]) -> None:
    with silent() as port:
        check_spool_durability(Settings(spool_url=f"redis://{HOST}:{port}"))
    check_spool_durability(Settings(spool_url=NOWHERE))
    assert capfd.readouterr().err.count("the spool does not answer") == 2


@pytest.mark.parametrize("password", ["", ":wrong@"])
def test_a_spool_that_wants_another_password_is_refused(tmp_path: Path, password: str) -> None:
    port = free_port(HOST)
    options = ("--requirepass", "right", "--appendonly", "yes", "--appendfsync", "always")
    command = [str(valkey_binary()), "--port", str(port), "--dir", str(tmp_path), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: not socket.socket().connect_ex((HOST, port)))
            check_spool_durability(Settings(spool_url=f"redis://:right@{HOST}:{port}"))
            with pytest.raises(click.UsageError, match="LEADHUB_SPOOL_URL") as refused:
                check_spool_durability(Settings(spool_url=f"redis://{password}{HOST}:{port}"))
        finally:
            server.kill()
    assert "user or password" in refused.value.message


@pytest.mark.extended
def test_a_postgresql_that_does_not_answer_is_named_within_seconds(tmp_path: Path) -> None:
    with silent() as port:
        url = f"postgresql://leadhub@{HOST}:{port}/leadhub"
        for command in ("migrate", "up"):
            status, said = ended(started(tmp_path, command, LEADHUB_DATABASE_URL=url))
            assert status == 1
            assert "LEADHUB_DATABASE_URL: connection timeout expired" in said


@pytest.mark.extended
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_waits_for_postgresql_can_be_stopped(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server((HOST, 0)) as server:
        url = f"postgresql://leadhub@{HOST}:{server.getsockname()[1]}/leadhub"
        starting = started(tmp_path, "up", "--port", "0", LEADHUB_DATABASE_URL=url)
        connection, _ = server.accept()
        with connection:
            starting.send_signal(number)
            status, said = ended(starting)
    # A start that had waited until its patience ended would have failed.
    assert (status, [line.split()[-1] for line in said.splitlines()[-2:]]) == (0, ["stopping", "stopped"])


@pytest.fixture
def plain_url(databases: Databases) -> Iterator[str]:
    """An empty database, for a role that may do nothing but come in."""
    role = sql.Identifier("plain")
    with databases.clone("template1") as url, psycopg.connect(url, autocommit=True) as database:
        database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'plain'").format(role))
        yield make_url(url).set(username="plain", password="plain").render_as_string(hide_password=False)
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


@pytest.mark.extended
def test_the_rights_that_are_missing_are_named_and_are_enough(
    tmp_path: Path, databases: Databases, plain_url: str
) -> None:
    status, said = ended(started(tmp_path, "migrate", LEADHUB_DATABASE_URL=plain_url))
    assert status == 1
    assert "permission denied" in said
    rights = ("DATABASE", "SCHEMA")
    name = make_url(plain_url).database
    assert all(f"GRANT CREATE ON {right}" in said for right in rights)
    with psycopg.connect(make_url(databases.url).set(database=name).render_as_string(hide_password=False)) as database:
        database.execute(f"GRANT CREATE ON DATABASE {name} TO plain; GRANT CREATE ON SCHEMA public TO plain")
    assert ended(started(tmp_path, "migrate", LEADHUB_DATABASE_URL=plain_url)) == (0, "the database is up to date\n")


def test_backup_of_an_unmigrated_database_names_migrate(tmp_path: Path, plain_url: str) -> None:
    urls = {"LEADHUB_DATABASE_URL": plain_url, "LEADHUB_SPOOL_URL": ""}
    status, said = ended(started(tmp_path, "backup", str(tmp_path / "b.tar"), **urls))
    assert status == 1
    assert "`leadhub migrate` makes them" in said


@pytest.mark.extended
@pytest.mark.parametrize("part", ["database", "username", "port"])
def test_a_database_that_cannot_be_reached_is_named_by_its_setting(
    tmp_path: Path, database_url: str, part: str
) -> None:
    url = make_url(database_url)
    others = {
        "database": url.set(database="nowhere"),
        "username": url.set(username="nobody"),
        "port": make_url(f"postgresql://leadhub@{HOST}:1/leadhub"),
    }
    given = others[part].render_as_string(hide_password=False)
    status, said = ended(started(tmp_path, "migrate", LEADHUB_DATABASE_URL=given))
    assert status == 1
    assert "leadhub: LEADHUB_DATABASE_URL: connection" in said


@pytest.mark.parametrize(("number", "refused"), [(140_005, True), (150_000, False), (180_001, False)])
def test_a_server_that_is_too_old_is_refused_by_its_version(number: int, refused: bool) -> None:
    with pytest.raises(click.ClickException, match=r"14\.5") if refused else nullcontext():
        refuse_old_server(number)


POOLER = """
[databases]
* = host=127.0.0.1 port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = session
ignore_startup_parameters = options
"""


@contextmanager
def pooled(url: str, folder: Path) -> Iterator[str]:
    """The database behind a pooler that ignores the settings of sessions."""
    pooler = shutil.which("pgbouncer")
    if pooler is None:
        pytest.skip("there is no pgbouncer here")
    port = free_port(HOST)
    (folder / "pooler.ini").write_text(POOLER.format(port=port), encoding="utf-8")
    with (folder / "pooler.ini").open() as settings:  # by its descriptor: `nobody` cannot look into the folder
        command = [pooler, f"/dev/fd/{settings.fileno()}"]
        user = "nobody" if os.geteuid() == 0 else None  # it refuses root
        with subprocess.Popen(command, user=user, pass_fds=[settings.fileno()], stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: not socket.socket().connect_ex((HOST, port)))
                yield make_url(url).set(port=port).render_as_string(hide_password=False)
            finally:
                process.kill()


@pytest.mark.extended
def test_a_pooler_that_drops_session_settings_is_warned_of(tmp_path: Path) -> None:
    with scratch_database() as direct, pooled(direct, tmp_path) as url:
        status, said = ended(started(tmp_path, "migrate", LEADHUB_DATABASE_URL=url))
        assert (status, "drops the session settings" in said) == (0, True)
        status, said = ended(started(tmp_path, "migrate", LEADHUB_DATABASE_URL=direct))
        assert (status, "drops the session settings" in said) == (0, False)
