"""Workers that start before `migrate` wait, and say so in a line when they begin and in one when they go on.

What services of HTTP do then is tested in `tests/integration/test_services_alone.py`.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ended, running, started
from tests.support.standby import ReplicaServer, lone_primary
from tests.support.tiers import first_in_tier

pytestmark = [pytest.mark.e2e, pytest.mark.external]


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[ReplicaServer]:
    with lone_primary(tmp_path) as server:
        yield server


@pytest.mark.parametrize("service", first_in_tier("sweeper", "worker"))
def test_a_service_waits_for_its_tables(primary: ReplicaServer, tmp_path: Path, service: str) -> None:
    settings = {"LEADHUB_DATABASE_URL": primary.url, "LEADHUB_METRICS_PORT": "0", "LEADHUB_LOG_LEVEL": "warning"}
    with running(started(tmp_path / "data", service, **settings)) as process:
        waits = f"leadhub: the database has no tables yet: the {service} waits until `leadhub migrate` has run\n"
        assert waits in lines_until(process, waits)
        assert ended(started(tmp_path / "migrated", "migrate", **settings))[0] == 0
        goes_on = f"leadhub: the tables are those that this version needs: the {service} starts\n"
        said = lines_until(process, goes_on)
    assert [line for line in said if "does not take us" not in line] == [goes_on]


def lines_until(process: "subprocess.Popen[str]", last: str) -> list[str]:
    """What it says, up to that line."""
    assert process.stderr is not None
    lines = list[str]()
    for line in process.stderr:
        lines.append(line)
        if line == last:
            return lines
    raise AssertionError(f"it ended without the line: {lines}")
