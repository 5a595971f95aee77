"""`gateway`, `api`, `worker`, `sweeper`: run one service alone, for a deployment on several machines."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cli import child_programs
from cli.common import data_dir_option, expect_shared_settings, make_settings, notify_operator
from cli.external_stores import warn_meanwhile
from cli.files_check import check_files_library
from cli.spool_check import check_spool_durability
from cli.tables_check import await_tables
from embedded.process import PROJECT_ROOT
from embedded.servers import ensure_servers
from embedded.unprivileged import RunAs, guarded_command
from shared.platform.data_dir import SERVICE_KIND, DataDir
from shared.platform.settings import Settings

WORKER_SETTLED_SECONDS = 5.0  # seconds after which a worker's start has succeeded
WORKER_RESTART_PAUSE_SECONDS = 2.0  # seconds before a worker that gave up is restarted

host_option = click.option("--host", help="Address to listen on; 127.0.0.1 unless given.")
port_option = click.option("--port", type=int, help="Port to listen on; 8000 unless given.")


@click.command()
@host_option
@port_option
@click.option("--with-api", is_flag=True, help="Serve the API and the console from the same process, as `up` does.")
@data_dir_option
def gateway(host: str | None, port: int | None, with_api: bool) -> None:
    """Run the gateway alone: it takes leads and stores them.

    Several may share a port of one machine.
    """
    wanted = _service_settings(host=host, port=port)
    from cli import serve

    with _connected_settings(wanted, "gateway") as settings:
        serve.serve_gateway(settings, with_api=with_api)


@click.command()
@host_option
@port_option
@data_dir_option
def api(host: str | None, port: int | None) -> None:
    """Run the API alone: reads and edits, under /api/v1.

    It takes no leads in: what comes for /api/inbound and forms' submissions goes to a gateway. Its /api/v1/health
    answers 200 as long as it reaches the database.
    """
    wanted = _service_settings(host=host, port=port)
    from cli import serve

    with _connected_settings(wanted, "api") as settings:
        serve.serve_api(settings)


@click.command()
@host_option
@port_option
@data_dir_option
def console(host: str | None, port: int | None) -> None:
    """Run the console alone: operators' pages under /console/.

    Put it behind the same address as the gateway and the API: a proxy routes / and /console to it.
    """
    wanted = _service_settings(host=host, port=port)
    from cli import serve

    with _connected_settings(wanted, "console") as settings:
        serve.serve_console(settings)


@click.command()
@click.option("--name", help="Its name in `status`; `sweeper` unless given.")
@data_dir_option
def sweeper(name: str | None) -> None:
    """Run the sweeper alone: it acts on what is overdue.

    It ingests what no worker was told of, moves what was spooled while PostgreSQL was away, and does what is due. One
    is enough; a second shares the work, with a --name of its own on the same machine.
    """
    wanted = _service_settings(process_name=name)
    from cli import serve_sweeper

    with _connected_settings(wanted, "sweeper") as settings:
        serve_sweeper.run_sweeper(settings)


@click.command()
@click.option("--name", help="Its name in `status`; `worker` unless given.")
@click.option("--queues", default=child_programs.WORKER_QUEUES, show_default=True, help="The queues that it serves.")
@data_dir_option
def worker(name: str | None, queues: str) -> None:
    """Run one worker: a Celery process.

    Start as many as wanted, on any machine, each with a --name of its own.
    """
    with _connected_settings(_service_settings(process_name=name), "worker") as settings:
        name = settings.process_name or "worker"
        pooled = os.environ["LEADHUB_METRICS_DIR"]
        environment = {**child_programs.service_environment(settings, name), "LEADHUB_METRICS_DIR": pooled}
        sys.exit(_run_worker([sys.executable, *child_programs.worker_arguments(name, queues)], environment))


def _run_worker(command: list[str], environment: dict[str, str]) -> int:
    """Run the worker and return its exit status.

    Stop signals are passed on, and the worker gets SIGTERM if this process is killed: it finishes its batch, and then
    this process ends. Celery's output goes to stderr, since stdout is for results.

    Celery gives up if a broker refuses it, as a Redis that became a replica does. A worker that worked before is
    restarted, since the broker may recover.
    """
    tied = guarded_command(command, RunAs.NONE, signal.SIGTERM)
    stopping, running = threading.Event(), list[subprocess.Popen[bytes]]()

    def stop(number: int, _: object) -> None:
        stopping.set()
        for process in running:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    has_worked = False
    while True:
        began = time.monotonic()
        with subprocess.Popen(tied, env=environment, cwd=PROJECT_ROOT, stdout=sys.stderr) as process:
            running[:] = [process]
            if stopping.is_set():
                process.terminate()
            status = process.wait()
        has_worked = has_worked or time.monotonic() - began > WORKER_SETTLED_SECONDS
        if stopping.is_set() or status != 1 or not has_worked:
            return _exit_status(status, asked=stopping.is_set())
        notify_operator(f"leadhub: the worker gave up; starting it again in {WORKER_RESTART_PAUSE_SECONDS:g} s")
        if stopping.wait(WORKER_RESTART_PAUSE_SECONDS):
            return 0


def _exit_status(status: int, *, asked: bool) -> int:
    """Return the exit status as a shell does. A worker that a stop signal ended before it had handlers ended well."""
    if asked and -status in (signal.SIGTERM, signal.SIGINT):
        return 0
    return 128 - status if status < 0 else status


def _service_settings(**options: object) -> Settings:
    """Return the settings of a service that runs alone. UsageError if a shared setting is missing.

    Set the folder of the shared metrics in the environment.
    """
    settings = make_settings(**options)
    expect_shared_settings(settings)
    _share_metrics_folder(settings)
    return settings


def _share_metrics_folder(settings: Settings) -> None:
    """Make the folder in which the services of a data dir share their metrics, and put it into the environment.

    Call it before any module with metrics is imported. The variable is empty if the folder cannot be made: the service
    then shows only its own metrics.
    """
    home = DataDir(settings.data_dir)
    folder = Path(settings.metrics_dir) if settings.metrics_dir else home.run_dir / "metrics"
    try:
        if not settings.metrics_dir:
            home.create_folders()  # readable by its owner only
        folder.mkdir(parents=True, exist_ok=True)
        metrics_dir = str(folder) if os.access(folder, os.W_OK) else ""
    except (OSError, RuntimeError):
        metrics_dir = ""
    if settings.metrics_dir and not metrics_dir:
        notify_operator(
            f"leadhub: LEADHUB_METRICS_DIR: {folder} cannot be written; this service shows its own metrics only"
        )
    os.environ["LEADHUB_METRICS_DIR"] = metrics_dir


@contextmanager
def _connected_settings(settings: Settings, service: str) -> Iterator[Settings]:
    """Yield settings with URLs of running servers: those of an `up`, or servers that live as long as this service.

    All services but a gateway wait until the tables are not older than this version.
    """
    check_spool_durability(settings)
    check_files_library(settings)
    warn_meanwhile(settings)
    with ensure_servers(settings, kind=SERVICE_KIND, want=("broker", "spool", "postgres")) as found:
        await_tables(found.database_url, service)
        yield found
