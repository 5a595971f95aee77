"""The embedded servers: they keep what they hold, take any path, and never outlive who started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from embedded import unprivileged
from embedded.postgres import EmbeddedPostgres
from embedded.postgres_programs import find_postgres_programs
from embedded.process import PROJECT_ROOT, find_processes, spawn_program, stop_process, wait_ready
from embedded.servers import ensure_database, ensure_servers
from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import COMMAND_KIND, SERVICE_KIND, DataDir, DataDirInUse
from shared.platform.settings import Settings
from tests.support.waiting import until

pytestmark = pytest.mark.integration
ALL = ("broker", "spool", "postgres")
INSTALLED = Settings().embedded_postgres  # if the environment names it: these tests are for any PostgreSQL

PARENT = """
import sys, time
from pathlib import Path
from embedded.servers import ensure_servers
from shared.platform.settings import Settings
with ensure_servers(Settings(data_dir=Path(sys.argv[1]), database_url=""), kind="service", want=("spool", "postgres")):
    print("ready", flush=True)
    time.sleep(600)
"""


def settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, database_url="", broker_url="", redis_url="", spool_url="")


def cluster_of(folder: Path) -> Path:
    return EmbeddedPostgres(DataDir(folder), INSTALLED).data_folder


def servers_of(folder: Path) -> list[int]:
    config = str(folder / "run" / "spool.conf")
    return find_processes("postgres", str(cluster_of(folder))) + find_processes("valkey-server", config)


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another leadhub, which runs the servers of `tmp_path`."""
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()
    until(lambda: not servers_of(tmp_path), what="their end")


@pytest.fixture
def stranger() -> Iterator[int]:
    """The id of a process that is neither a server's nor an ancestor of one: to those PostgreSQL pays no attention."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_embedded_servers_answer_and_durable_ones_keep_their_data(tmp_path: Path) -> None:
    with ensure_servers(settings(tmp_path), want=ALL) as found:
        with psycopg.connect(found.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        with redis.Redis.from_url(found.spool_url) as spool, redis.Redis.from_url(found.redis_url) as broker:
            assert spool.config_get("appendfsync") == {"appendfsync": "always"}
            assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            spool.set("kept", 1)
            broker.set("counted", 7)
    assert not servers_of(tmp_path)
    with ensure_servers(settings(tmp_path), want=ALL) as found:
        with psycopg.connect(found.database_url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        with redis.Redis.from_url(found.spool_url) as spool:
            assert spool.get("kept") == b"1"
        with redis.Redis.from_url(found.redis_url) as broker:
            assert broker.get("counted") == b"7"


@pytest.mark.extended
@pytest.mark.parametrize("name", ["with space", "it's", 'quo"te', "per%cent", "$x`y`", "päth", "x" * 120])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """The last one is too long for a unix socket, so TCP stands in."""
    with ensure_servers(settings(tmp_path / name), want=ALL) as found:
        with psycopg.connect(found.database_url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1" if len(name) > 100 else "",)
        for url in (found.redis_url, found.spool_url):
            with redis.Redis.from_url(url) as client:
                assert client.ping()


def test_a_password_is_needed_and_files_are_private(tmp_path: Path) -> None:
    with ensure_database(settings(tmp_path)) as url:
        stranger = url.replace(DataDir(tmp_path).get_or_create_secret("postgres"), "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(stranger)
    files = [path for folder in ("secrets", "logs", "run") for path in (tmp_path / folder).iterdir()]
    assert files
    assert [path for path in files if path.stat().st_mode & 0o077] == []


@pytest.mark.extended
def test_a_killed_parent_leaves_nothing_and_the_next_start_finds_all(
    tmp_path: Path, parent: subprocess.Popen[bytes]
) -> None:
    with ensure_database(settings(tmp_path)) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    assert len(servers_of(tmp_path)) == 2
    parent.kill()
    parent.wait()
    with ensure_database(settings(tmp_path)) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    until(lambda: not servers_of(tmp_path), what="their end")


@pytest.mark.extended
def test_a_second_starter_is_told_who_holds_the_data_dir(tmp_path: Path, parent: subprocess.Popen[bytes]) -> None:
    with pytest.raises(DataDirInUse, match=str(parent.pid)), DataDir(tmp_path).hold_lock(SERVICE_KIND):
        pass


@pytest.mark.extended
def test_a_short_command_is_waited_for(tmp_path: Path) -> None:
    home = DataDir(tmp_path)
    with home.hold_lock(COMMAND_KIND):
        assert home.lock_owner() == (os.getpid(), COMMAND_KIND)
        with pytest.raises(DataDirInUse), home.hold_lock(COMMAND_KIND, patience=0.1):
            pass
    assert home.lock_owner() is None


@pytest.mark.extended
def test_a_crashed_server_starts_again_although_its_pid_was_reused(tmp_path: Path, stranger: int) -> None:
    home = DataDir(tmp_path)
    with home.hold_lock(COMMAND_KIND):
        program = EmbeddedPostgres(home, INSTALLED).child_program()
        process = spawn_program(program)
        wait_ready(program, process)
        process.kill()
        process.wait()
        for left in (cluster_of(tmp_path) / "postmaster.pid", tmp_path / "run" / ".s.PGSQL.5432.lock"):
            left.write_text(f"{stranger}\n" + left.read_text().partition("\n")[2])
        process = spawn_program(program)
        wait_ready(program, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.extended
@pytest.mark.parametrize("name", ["postgres", "spool"])
def test_stray_server_is_ended_before_another_starts_on_its_folder(tmp_path: Path, name: str) -> None:
    """As after a supervisor that was killed: two on one folder would destroy what it holds."""
    home = DataDir(tmp_path)
    with home.hold_lock(COMMAND_KIND):
        server = EmbeddedPostgres(home, INSTALLED) if name == "postgres" else EmbeddedValkey(home, name, durable=True)
        program = server.child_program()
        first = spawn_program(program)
        wait_ready(program, first)
        second = spawn_program(program)
        try:
            assert first.wait(60) == 0  # its guard may end a moment after it
            wait_ready(program, second)
        finally:
            first.kill()
            stop_process(second, program.stop_signal, 20)


@pytest.mark.extended
def test_an_unfinished_first_start_is_made_anew(tmp_path: Path) -> None:
    half = cluster_of(tmp_path).with_suffix(".new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    with ensure_database(settings(tmp_path)) as url:
        psycopg.connect(url).close()
    assert not half.exists()


@pytest.mark.extended
def test_a_password_that_is_gone_is_made_anew_at_the_next_start(tmp_path: Path) -> None:
    password = tmp_path / "secrets" / "postgres"
    with ensure_database(settings(tmp_path)) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept ()")
        password.unlink()
        with pytest.raises(RuntimeError, match="secrets/postgres is gone"):
            _ = EmbeddedPostgres(DataDir(tmp_path), INSTALLED).database_url
    with ensure_database(settings(tmp_path)) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('kept') IS NOT NULL").fetchone() == (True,)
    with ensure_database(settings(tmp_path)) as again:
        assert (again, password.stat().st_mode & 0o777) == (url, 0o600)


@pytest.mark.extended
def test_only_a_spool_with_a_log_holds_data(tmp_path: Path) -> None:
    spool = EmbeddedValkey(DataDir(tmp_path), "spool", durable=True)
    assert not spool.has_data
    with ensure_servers(settings(tmp_path), want=("spool",)):
        assert spool.has_data


@pytest.mark.extended
@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a disguise")
@pytest.mark.parametrize("disguise", [unprivileged.RunAs.NAMESPACE, unprivileged.RunAs.NOBODY])
def test_root_wears_either_disguise_below_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disguise: unprivileged.RunAs
) -> None:
    postgres = find_postgres_programs(INSTALLED).path("postgres")
    tmp_path.chmod(0o700)
    with ensure_database(settings(tmp_path)):
        first_choice = unprivileged.choose_run_as(tmp_path, postgres)
    if not unprivileged._can_run_as(disguise, tmp_path, postgres):
        pytest.skip(f"this machine forbids {disguise}")
    assert first_choice is not unprivileged.RunAs.NONE
    monkeypatch.setattr(unprivileged, "choose_run_as", lambda *_: disguise)  # as on a machine that forbids the other
    with ensure_database(settings(tmp_path)) as url:
        psycopg.connect(url).close()
        (pid,) = find_processes("postgres", str(cluster_of(tmp_path)))
        owner = Path(f"/proc/{pid}").stat().st_uid
        assert (owner == 0) == (disguise is unprivileged.RunAs.NAMESPACE)
