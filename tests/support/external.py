"""Servers that the machine runs itself, on their standard ports: what proves that external ones work."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

POSTGRES = "postgresql://postgres@127.0.0.1:5432"


def listens(port: int) -> bool:
    """Whether something takes connections on that port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def scratch_database() -> Iterator[str]:
    """A database of its own on the machine's PostgreSQL; skips the test where there is none to use."""
    if not listens(5432):
        pytest.skip("no PostgreSQL on its standard port")
    name = f"leadhub_test_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(f"{POSTGRES}/postgres", autocommit=True)
    except psycopg.OperationalError:
        pytest.skip("the PostgreSQL on the standard port is not for tests")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"{POSTGRES}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
