"""Run the ordinary stack: uvicorn, a Celery worker, a Redis of its own, and an existing database."""

import contextlib
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import redis

from bench.naive.store import create_table
from bench.servers import running_command
from bench.targets import Target
from embedded.servers import run_program as running_server
from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import DataDir, free_port
from shared.platform.db.connections import sqlalchemy_url

CELERY_QUEUE = "celery"
UNACKNOWLEDGED_KEY = "unacked"  # kombu's key of messages that a worker has fetched and not yet begun
NAIVE_DRAIN_TIMEOUT_SECONDS = 300.0


def wait_until_tasks_begun(broker: redis.Redis) -> float:
    """Wait until the worker has begun every task and return CLOCK_MONOTONIC. TimeoutError after five minutes."""
    deadline = time.monotonic() + NAIVE_DRAIN_TIMEOUT_SECONDS
    while broker.llen(CELERY_QUEUE) or broker.hlen(UNACKNOWLEDGED_KEY):
        if time.monotonic() > deadline:
            raise TimeoutError("the ordinary stack's queue does not empty")
        time.sleep(0.02)
    return time.monotonic()


@contextlib.contextmanager
def running_naive_stack(database_url: str, folder: Path) -> Iterator[Target]:
    """Run the stack with the defaults of its tools. Its Redis is a server of its own, apart from LeadHub's."""
    home = DataDir(folder)
    home.create_folders()
    valkey = EmbeddedValkey(home, "broker", durable=False)
    env = {"NAIVE_DATABASE_URL": sqlalchemy_url(database_url), "NAIVE_BROKER_URL": valkey.broker_url}
    create_table(env["NAIVE_DATABASE_URL"])
    base = f"http://127.0.0.1:{(port := free_port('127.0.0.1'))}"
    web = [sys.executable, "-m", "uvicorn", "bench.naive.app:app", "--port", str(port), "--no-access-log"]
    worker = [sys.executable, "-m", "celery", "-A", "bench.naive.tasks", "worker", "--loglevel", "warning"]
    with (
        running_server(valkey.child_program()),
        running_command(worker, home.logs_dir / "worker.log", "", env) as worker_pid,
        running_command(web, home.logs_dir / "web.log", f"{base}/health", env) as web_pid,
        redis.Redis.from_url(valkey.redis_url) as broker,
    ):
        drained = partial(wait_until_tasks_begun, broker)
        yield Target(f"{base}/api/inbound/leads", (web_pid, worker_pid), wait_drained=drained)
