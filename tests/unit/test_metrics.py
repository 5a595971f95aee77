"""What is observed at every request is counted as if each had been observed by itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from shared.metrics import FAST, Gathered
from shared.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

seconds = st.one_of(st.sampled_from(FAST), st.floats(0, 20))


@given(st.lists(st.lists(seconds, max_size=5), max_size=3))
def test_what_is_handed_over_together_is_what_was_observed(rounds: list[list[float]]) -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    one_by_one, together = (Histogram("a", "b", buckets=FAST, registry=registry) for registry in registries)
    gathered = Gathered(together)
    for observed in rounds:
        for value in observed:
            one_by_one.observe(value)
            gathered.observe(value)
        gathered.hand_over()
    first, second = (generate_latest(registry).decode().splitlines() for registry in registries)
    assert [line for line in first if "_bucket" in line] == [line for line in second if "_bucket" in line]
    assert together._sum.get() == pytest.approx(one_by_one._sum.get())


LIFE = """
import os, sys
from shared import metrics
metrics.REFUSED.inc(2)
metrics.WAITING.inc(20)
print(metrics.exposition().decode(), flush=True)
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


def test_what_cannot_be_read_any_more_is_counted_anew(tmp_path: Path) -> None:
    life_of(tmp_path, "gateway")
    (tmp_path / "counter_gateway.db").write_bytes(os.urandom(1 << 20))
    assert "leadhub_refused_total 2.0" in life_of(tmp_path, "gateway")
