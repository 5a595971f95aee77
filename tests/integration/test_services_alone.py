"""One service alone: it says what it cannot have, and ends or goes on without."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis

from cli.schema import upgrade_database
from cli.services import WORKER_SETTLED_SECONDS
from embedded.valkey import EmbeddedValkey
from shared.auth.key_format import generate_key
from shared.intake import hints
from shared.platform.data_dir import DataDir, free_port
from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import LOCAL_VALUE
from tests.support.commands import HOST, all_said_by, ended, running, said_by, silent, started
from tests.support.database import Databases
from tests.support.waiting import DEADLINE_SECONDS, until

pytestmark = pytest.mark.integration


@pytest.mark.extended
@pytest.mark.parametrize("command", ["gateway", "api", "worker", "sweeper"])
def test_a_service_that_is_not_told_what_it_shares_does_not_start(
    tmp_path: Path, database_url: str, command: str
) -> None:
    shared = ("LEADHUB_SPOOL_URL", "LEADHUB_BROKER_URL", "LEADHUB_SECRET_KEY")
    env = {"LEADHUB_DATABASE_URL": database_url, **dict.fromkeys(shared, LOCAL_VALUE)}
    for missing in (shared, shared[1:2]):
        status, said = ended(started(tmp_path, command, **env | dict.fromkeys(missing, "")))
        assert (status, list(tmp_path.iterdir())) == (2, []), said
        assert [name for name in shared if f"  {name}: " in said] == list(missing)
        assert f"`{LOCAL_VALUE}`" in said


@pytest.mark.extended
@pytest.mark.parametrize("command", ["gateway", "api"])
@pytest.mark.parametrize("host", [HOST, "192.0.2.1"])
def test_a_port_that_cannot_be_had_is_named(tmp_path: Path, database_url: str, command: str, host: str) -> None:
    with silent() as port:
        place = ("--host", host, "--port", str(port))
        status, said = ended(started(tmp_path, command, *place, LEADHUB_DATABASE_URL=database_url))
    assert status == 1
    assert f"port {port} of {host} cannot be listened on" in said
    assert "--port" in said


def status_of(url: str) -> int:
    """Of the answer to a GET; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.mark.extended
def test_an_api_alone_tells_its_own_health(tmp_path: Path, databases: Databases) -> None:
    health = f"http://{HOST}:{(port := free_port(HOST))}/api/v1/health"
    with databases.clone() as url, running(started(tmp_path, "api", "--port", str(port), LEADHUB_DATABASE_URL=url)):
        until(lambda: status_of(health) == 200, what="health")
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("ALTER TABLE workspaces RENAME TO elsewhere")  # as where nobody has run `migrate`
            until(lambda: status_of(health) == 503, what="503 without the database's tables")
            database.execute("ALTER TABLE elsewhere RENAME TO workspaces")
        until(lambda: status_of(health) == 200, what="health again")


@pytest.mark.extended
@pytest.mark.parametrize("command", ["gateway", "api", "worker", "sweeper"])
def test_every_service_shows_its_metrics_at_an_address_of_their_own(
    tmp_path: Path, database_url: str, command: str
) -> None:
    port, public = free_port(HOST), free_port(HOST)
    env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_METRICS_PORT": str(port), "LEADHUB_PORT": str(public)}
    with running(started(tmp_path, command, **env)):
        until(lambda: status_of(f"http://{HOST}:{port}/metrics") == 200, what="its metrics")
        if command in ("gateway", "api"):
            until(lambda: status_of(f"http://{HOST}:{public}/metrics") == 401, what="its own address, without them")


@pytest.mark.extended
def test_a_worker_says_what_it_lacks_as_json(tmp_path: Path) -> None:
    with silent() as port:
        env = {"LEADHUB_DATABASE_URL": f"postgresql://leadhub@{HOST}:1/leadhub", "LEADHUB_METRICS_PORT": str(port)}
        with running(started(tmp_path, "worker", **env)) as worker:
            said = all_said_by(worker, "metrics.unavailable", "worker.database_away")
    assert said["metrics.unavailable"]["port"] == port
    assert said["worker.database_away"]["service"] == "worker"


@pytest.mark.extended
def test_a_worker_that_is_killed_leaves_no_celery_behind(tmp_path: Path, database_url: str) -> None:
    with (
        silent() as port,
        psycopg.connect(database_url, autocommit=True) as database,
        running(
            started(tmp_path, "worker", LEADHUB_DATABASE_URL=database_url, LEADHUB_METRICS_PORT=str(port))
        ) as worker,
    ):
        said_by(worker, "metrics.unavailable")
        process = "SELECT pid FROM processes WHERE kind = 'worker'"
        until(lambda: database.execute(process).fetchone() is not None, what="its report")
        (celery,) = database.execute(process).fetchone() or (0,)
        assert celery != worker.pid
        worker.kill()
        until(lambda: not Path(f"/proc/{celery}").exists(), what="its end")


@pytest.mark.extended
def test_a_worker_that_is_asked_to_end_while_it_starts_ends_well(tmp_path: Path, database_url: str) -> None:
    with running(started(tmp_path, "worker", LEADHUB_DATABASE_URL=database_url)) as worker:
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        until(lambda: children.read_text() != "", what="Celery, which has no handlers yet")
        worker.terminate()
        assert worker.wait(DEADLINE_SECONDS) == 0


@pytest.mark.extended
@pytest.mark.parametrize(
    ("words", "variable", "name"),
    [(["--name", "second"], "other", "second"), (["--name", "second"], "", "second"), ([], "other", "other")],
)
def test_a_workers_name_is_that_of_the_option_else_of_the_variable(
    tmp_path: Path, database_url: str, words: list[str], variable: str, name: str
) -> None:
    env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_PROCESS_NAME": variable}
    found = "SELECT split_part(name, '@', 1) FROM processes WHERE kind = 'worker'"
    with (
        running(started(tmp_path, "worker", *words, **env)),
        psycopg.connect(database_url, autocommit=True) as database,
    ):
        until(lambda: database.execute(found).fetchall() != [], what="its report")
        assert database.execute(found).fetchall() == [(name,)]


@pytest.mark.extended
def test_two_sweepers_on_one_machine_have_names_and_stop_at_once(tmp_path: Path, database_url: str) -> None:
    with silent() as port, psycopg.connect(database_url, autocommit=True) as database:
        env = {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_METRICS_PORT": str(port)}

        def names() -> list[str]:
            rows = database.execute("SELECT name FROM processes WHERE kind = 'sweeper' ORDER BY name").fetchall()
            return [name.partition("@")[0] for (name,) in rows]

        with (
            running(started(tmp_path / "a", "sweeper", **env)) as first,
            running(started(tmp_path / "b", "sweeper", "--name", "second", **env)) as second,
        ):
            for sweeper in (first, second):
                assert said_by(sweeper, "metrics.unavailable")["setting"] == "LEADHUB_METRICS_PORT"
            until(lambda: names() == ["second", "sweeper"], what="both")
            for sweeper in (second, first):
                sweeper.terminate()
                assert sweeper.wait(DEADLINE_SECONDS) == 0


@pytest.mark.extended
def test_worker_survives_a_read_only_broker(tmp_path: Path, database_url: str) -> None:
    """As a Redis that became a replica: Celery gives up for good where it may not write."""
    broker = EmbeddedValkey(DataDir(tmp_path), "broker", durable=False)
    env = dict.fromkeys(("LEADHUB_BROKER_URL", "LEADHUB_SPOOL_URL"), LOCAL_VALUE)
    env |= {"LEADHUB_DATABASE_URL": database_url, "LEADHUB_REDIS_URL": ""}
    with (
        running(started(tmp_path, "worker", **env)) as worker,
        psycopg.connect(database_url, autocommit=True) as database,
    ):
        until(lambda: database.execute("SELECT FROM processes").fetchone() is not None, what="its report")
        time.sleep(WORKER_SETTLED_SECONDS)
        with redis.Redis.from_url(broker.redis_url) as client:
            client.replicaof(HOST, 1)
            assert worker.stderr is not None
            assert any("the worker gave up" in line for line in worker.stderr)
            client.replicaof("NO", "ONE")
            send = hints.HintSender(broker.broker_url)

            def is_heard() -> bool:
                return send() and client.llen(hints.INGEST_HINT.queue) == 0

            until(is_heard, what="a worker that hears hints again")


@pytest.mark.extended
@pytest.mark.parametrize(
    ("name", "url"),
    [("LEADHUB_REDIS_URL", "redis://127.0.0.1:secret"), ("LEADHUB_DATABASE_URL", "postgressql://u:secret@127.0.0.1/x")],
)
@pytest.mark.parametrize("command", ["gateway", "api", "worker", "sweeper"])
def test_a_url_that_cannot_be_meant_ends_the_start(
    tmp_path: Path, database_url: str, command: str, name: str, url: str
) -> None:
    status, said = ended(started(tmp_path, command, **{"LEADHUB_DATABASE_URL": database_url, name: url}))
    assert (status, name in said, "secret" in said) == (2, True, False), said


@pytest.mark.extended
def test_gateway_without_tables_answers_503_and_names_migrate(tmp_path: Path, databases: Databases) -> None:
    port = free_port(HOST)
    base = f"http://{HOST}:{port}"

    def asked(path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"{base}{path}", b"{}" if headers else None, headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    key = {"Authorization": f"Bearer {generate_key().secret}", "Content-Type": "application/json"}
    with databases.clone("template1") as url:
        env = {"LEADHUB_DATABASE_URL": url, "LEADHUB_HOST": HOST}
        with running(started(tmp_path, "gateway", "--with-api", "--port", str(port), **env)):
            until(lambda: asked("/api/v1/health")[0] == 503, what="its start")
            assert "leadhub migrate" in asked("/api/v1/health")[1]
            for path in ("/api/inbound/leads?tenant=main", "/api/v1/tasks"):
                status, said = asked(path, **key)
                assert (status, "SERVICE_UNAVAILABLE" in said) == (503, True), said
            upgrade_database(url)
            until(lambda: asked("/api/v1/tasks", **key)[0] == 401, what="the knowledge of keys")


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=sys.argv[2] or str(os.getpid()))
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""


@pytest.mark.extended
@pytest.mark.parametrize(("for_whom", "kind"), [("", "tcp"), ("1", "tcp"), ("", "unix")])
def test_api_serves_on_a_systemd_socket(tmp_path: Path, database_url: str, for_whom: str, kind: str) -> None:
    """Not one that is meant for another process; and no socket that is not for TCP."""
    urls = dict.fromkeys(("LEADHUB_BROKER_URL", "LEADHUB_REDIS_URL", "LEADHUB_SPOOL_URL"), "redis://127.0.0.1:1")
    env = {
        "PATH": "/usr/bin:/bin",
        "LEADHUB_ENV_FILE": "/dev/null",
        "LEADHUB_DATABASE_URL": database_url,
        **urls,
        "LEADHUB_SECRET_KEY": LOCAL_VALUE,
    }
    place = ["--port", str(free_port(HOST)), "--data-dir", str(tmp_path)]
    with socket.socket(socket.AF_INET if kind == "tcp" else socket.AF_UNIX) as listener:
        listener.bind((HOST, 0) if kind == "tcp" else str(tmp_path / "socket"))
        listener.listen()
        words = [str(listener.fileno()), for_whom, str(PROJECT_ROOT / "leadhub"), "api", *place]
        process = subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, *words],
            env=env,
            pass_fds=(listener.fileno(),),
            stderr=subprocess.PIPE,
            text=True,
        )
        with running(process):
            if kind == "unix":
                status, said = ended(process)
                assert (status, "is no listening TCP socket" in said) == (1, True), said
                return
            said_by(process, "server.listening")
            port = listener.getsockname()[1] if not for_whom else int(place[1])
            assert status_of(f"http://{HOST}:{port}/api/v1/openapi.json") == 200
