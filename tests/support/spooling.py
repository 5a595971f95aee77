"""A Redis of a test's own, such as a spool lies in, with whatever settings."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from embedded.valkey import valkey_binary
from shared.platform.data_dir import free_port
from tests.support.waiting import until

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@contextmanager
def spooling(folder: Path) -> Iterator[str]:
    """The URL of one that keeps what it takes."""
    port = free_port("127.0.0.1")
    with server(folder, port, *DURABLE):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def server(folder: Path, port: int, *options: str) -> Iterator[None]:
    command = [str(valkey_binary()), "--port", str(port), "--dir", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process, redis.Redis(port=port) as client:
        try:
            until(lambda: answers(client))
            yield
        finally:
            process.kill()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
