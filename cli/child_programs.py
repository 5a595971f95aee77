"""The services as programs: their command lines and environments."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cli.env_file import unknown_names
from embedded.process import PROJECT_ROOT, ChildProgram
from shared.platform.data_dir import DataDir
from shared.platform.settings import LOCAL_VALUE, Settings

LAUNCHER_PATH = PROJECT_ROOT / "leadhub"
WORKER_QUEUES = "ingest,automations,deliveries,bulk"


def service_environment(settings: Settings, name: str) -> dict[str, str]:
    """Return the environment of a service that we start. Passwords are passed here, since a command line is public."""
    home = DataDir(settings.data_dir)
    unknown = unknown_names(os.environ)  # a warning has named them already
    return {
        **{name: value for name, value in os.environ.items() if name not in unknown},
        "LEADHUB_DATA_DIR": str(home.path),
        "LEADHUB_DATABASE_URL": settings.database_url,
        "LEADHUB_BROKER_URL": settings.broker_url,
        "LEADHUB_REDIS_URL": settings.redis_url,
        "LEADHUB_SPOOL_URL": settings.spool_url,
        "LEADHUB_METRICS_DIR": settings.metrics_dir or str(home.run_dir / "metrics"),
        "LEADHUB_METRICS_HOST": settings.metrics_host,
        "LEADHUB_METRICS_PORT": str(settings.metrics_port),
        "LEADHUB_HOST": settings.host,
        "LEADHUB_PORT": str(settings.port),
        "LEADHUB_SECRET_KEY": settings.secret_key.get_secret_value() or LOCAL_VALUE,
        "LEADHUB_PROCESS_NAME": name,
        "PYTHONPATH": str(PROJECT_ROOT),
    }


def gateway_programs(settings: Settings, listeners: Sequence[socket.socket]) -> list[ChildProgram]:
    """Return the processes that share the listening sockets. Each runs gateway and API."""
    place = ("--host", settings.host, "--port", str(settings.port))
    names = [_numbered_name("gateway", index, settings.web) for index in range(1, settings.web + 1)]
    arguments = (str(LAUNCHER_PATH), "gateway", "--with-api", *place)
    numbers = tuple(each.fileno() for each in listeners)
    return [
        replace(
            _service_program(settings, name, arguments, 3),
            has_liveness_pipe=True,
            listeners=numbers,
        )
        for name in names
    ]


def sweeper_program(settings: Settings) -> ChildProgram:
    """Return the sweeper. It serves the metrics of all processes: in a gateway that would delay its responses."""
    return _service_program(settings, "sweeper", (str(LAUNCHER_PATH), "sweeper"), 2, metrics_port=settings.metrics_port)


def worker_programs(settings: Settings) -> list[ChildProgram]:
    """Return the Celery workers."""
    names = [f"worker-{index}" for index in range(1, settings.workers + 1)]
    return [_service_program(settings, name, worker_arguments(name), 2) for name in names]


def worker_arguments(name: str, queues: str = WORKER_QUEUES) -> tuple[str, ...]:
    """Return the Celery arguments of a worker. The pool `solo` has one process, one event loop and one connection.

    Gossip, mingle and heartbeats are off: they only cost messages, since heartbeats are in the database.
    """
    application = ("-m", "celery", "-A", "services.workers.app", "--quiet")  # no banner in the logs, which are JSON
    size = ("--pool=solo", "--concurrency=1")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING")
    return (*application, "worker", *size, "-Q", queues, *quiet, "-n", f"{name}@%h")


def _service_program(
    settings: Settings, name: str, arguments: tuple[str, ...], stage: int, *, metrics_port: int = 0
) -> ChildProgram:
    home = DataDir(settings.data_dir)
    log, pid_file = home.logs_dir / f"{name}.log", home.run_dir / f"{name}.pid"
    env: Mapping[str, str] = {**service_environment(settings, name), "LEADHUB_METRICS_PORT": str(metrics_port)}
    return ChildProgram(
        name=name,
        argv=(sys.executable, *arguments),
        log=log,
        env=env,
        stop_stage=stage,
        is_service=True,
        pid_file=pid_file,
    )


def _numbered_name(kind: str, index: int, count: int) -> str:
    return kind if count == 1 else f"{kind}-{index}"
