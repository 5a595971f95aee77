"""What is observed at every request is counted as if each had been observed by itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from shared.platform.installation import PROJECT_ROOT
from shared.platform.observability.metrics import LATENCY_BUCKETS, BufferedHistogram
from shared.platform.observability.metrics_files import METRIC_FILE_BYTES
from shared.service_app.access_log import MAX_METRIC_SERIES

pytestmark = pytest.mark.unit

seconds = st.one_of(st.sampled_from(LATENCY_BUCKETS), st.floats(0, 20))


@given(st.lists(st.lists(seconds, max_size=5), max_size=3))
def test_buffered_histogram_equals_single_observations(rounds: list[list[float]]) -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    one_by_one, together = (Histogram("a", "b", buckets=LATENCY_BUCKETS, registry=registry) for registry in registries)
    gathered = BufferedHistogram(together)
    for observed in rounds:
        for value in observed:
            one_by_one.observe(value)
            gathered.observe(value)
        gathered.flush()
    first, second = (generate_latest(registry).decode().splitlines() for registry in registries)
    assert [line for line in first if "_bucket" in line] == [line for line in second if "_bucket" in line]
    assert together._sum.get() == pytest.approx(one_by_one._sum.get())


LIFE = """
import os, sys
from shared.platform.observability import metrics
metrics.REFUSED_SUBMISSIONS.inc(2)
metrics.WAITING_CALLERS.inc(20)
print(metrics.render_metrics().decode(), flush=True)
os.kill(os.getpid(), 9)
"""


def life_of(folder: Path, name: str) -> list[str]:
    """What a process of that name shows before it is killed."""
    environment = {**os.environ, "LEADHUB_METRICS_DIR": str(folder), "LEADHUB_PROCESS_NAME": name}
    done = subprocess.run(
        [sys.executable, "-c", LIFE], cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout.splitlines()


def test_a_process_that_is_started_again_counts_on_and_forgets_who_waited(tmp_path: Path) -> None:
    for lives in (1, 2, 3):
        shown = life_of(tmp_path, "gateway-1")
        assert f"leadhub_refused_total {2.0 * lives}" in shown
        assert "leadhub_waiting_callers 20.0" in shown
    files = {path.name for path in tmp_path.iterdir()}
    assert "leadhub_refused_total 8.0" in life_of(tmp_path, "gateway-2")
    assert len({*tmp_path.iterdir()}) == 2 * len(files)


def test_unreadable_metrics_file_starts_from_zero(tmp_path: Path) -> None:
    life_of(tmp_path, "gateway")
    (tmp_path / "counter_gateway.db").write_bytes(os.urandom(1 << 20))
    assert "leadhub_refused_total 2.0" in life_of(tmp_path, "gateway")


NAMELESS = """
import sys
from shared.platform.observability import metrics
metrics.REFUSED_SUBMISSIONS.inc(2)
print(metrics.render_metrics().decode().split("\\nleadhub_refused_total ")[1].split()[0], flush=True)
sys.stdin.read()
"""


def test_processes_without_a_name_take_the_first_number_that_no_living_one_has(tmp_path: Path) -> None:
    environment = {**os.environ, "LEADHUB_METRICS_DIR": str(tmp_path), "LEADHUB_PROCESS_NAME": ""}

    def begun() -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", NAMELESS]
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        shown.append(process.stdout.readline().strip())
        return process

    shown: list[str] = []
    with begun() as first, begun() as second:
        first.kill()
        first.wait()
        with begun() as third:
            third.kill()
        second.kill()
    assert shown == ["2.0", "4.0", "6.0"]  # the third counts on where the first ended
    assert {path.name for path in tmp_path.glob("counter_*")} == {"counter_1.db", "counter_2.db"}


MANY = """
import asyncio, sys
from shared.platform.observability import metrics
from shared.service_app.access_log import AccessLog

async def main():
    log = AccessLog("gateway", lines=False)
    for number in range(2000):
        route = f"/api/v1/pipelines/{{pipeline_id}}/stages/{{stage_id}}/{sys.argv[1]}/{number}"
        log.record_request(f"METHOD{number}", route, 200 + number % 10, 0.01, None, {})
    log.write_buffered()
    print(metrics.render_metrics().decode().count("leadhub_request_seconds_count"))
asyncio.run(main())
"""


def test_the_series_of_requests_are_bounded_and_fit_in_the_file(tmp_path: Path) -> None:
    """Whatever methods and addresses come. What former lives left is dropped where it would take up the room."""
    environment = {**os.environ, "LEADHUB_METRICS_DIR": str(tmp_path), "LEADHUB_PROCESS_NAME": "gateway"}
    bounded = range(MAX_METRIC_SERIES, MAX_METRIC_SERIES + 11)  # and one for each status beyond it
    for life in range(4):
        command = [sys.executable, "-c", MANY, str(life)]
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
        assert int(done.stdout) in bounded if life == 0 else int(done.stdout) <= 2 * bounded[-1]
        assert (tmp_path / "histogram_gateway.db").stat().st_size == METRIC_FILE_BYTES
