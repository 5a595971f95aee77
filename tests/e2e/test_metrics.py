"""The metrics of `up`: beside the service's address, and no condition of the service."""

import re
import subprocess
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from shared.platform.installation import PROJECT_ROOT
from tests.support.commands import HOST, silent
from tests.support.stack import LAUNCHER, Stack, running_stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e


async def test_metrics_are_absent_from_the_public_port(stack: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/metrics", "/%6detrics"):
            for headers, status in (({}, 401), (stack.headers, 404)):
                async with session.get(f"{stack.base}{path}", headers=headers) as answer:
                    assert (answer.status, "leadhub_" in await answer.text()) == (status, False)


def test_metrics_cover_all_processes(stack: Stack) -> None:
    def shown() -> str:
        with urllib.request.urlopen(stack.metrics, timeout=20) as answer:
            return str(answer.read().decode())

    def counted(name: str) -> float:
        found = re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", shown(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    assert stack.answers_201()
    for name in ("leadhub_accepted_total", "leadhub_ingested_total"):  # the gateway's, a worker's
        until(lambda name=name: counted(name) > 0, what=name)  # type: ignore[misc]


@pytest.mark.extended
def test_a_port_that_is_taken_costs_no_service(tmp_path: Path) -> None:
    with silent() as port, running_stack(tmp_path / "data", {"LEADHUB_METRICS_PORT": str(port)}) as stack:
        assert stack.answers_201()
        said = (tmp_path / "data.log").read_text()
        assert f"port {port} of {HOST} cannot be listened on" in said
        assert "LEADHUB_METRICS_PORT" in said


@pytest.mark.extended
def test_any_port_is_any_for_the_metrics_too_and_up_says_which(tmp_path: Path) -> None:
    command = [LAUNCHER, "up", "--port", "0", "--data-dir", str(tmp_path / "data")]
    env = {"PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as up:
        try:
            assert up.stderr is not None
            said = next(line for line in up.stderr if "metrics: http://" in line)
            assert any("LeadHub is ready" in line for line in up.stderr)
            url = said.split()[-1]

            def answers() -> bool:
                try:
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        return bool(answer.status == 200)
                except OSError:
                    return False

            until(answers, what="the metrics")
        finally:
            up.terminate()
            up.wait(60)
