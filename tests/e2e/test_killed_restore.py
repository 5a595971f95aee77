"""A restore that was killed leaves databases behind. The next `up` removes them."""

from pathlib import Path

import pytest

from cli.dump import maintenance_connection
from tests.support.backups import databases_of, started
from tests.support.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.extended]


def test_up_removes_the_databases_of_a_killed_restore(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    with started(stack), maintenance_connection(stack.database_url) as server:
        for name in ("leadhub_before_restore", "leadhub_restoring"):
            server.execute(f"CREATE DATABASE {name}")
    with started(stack):
        pass
    assert databases_of(stack) == {"leadhub", "postgres"}
