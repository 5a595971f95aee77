"""The benchmark of memory under a long, steady load."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.commits import PACED_RATE
from bench.ingest import FEW_CONNECTIONS
from bench.measures import RoundFigures
from bench.processes import resident_bytes
from bench.stack import running_leadhub

SAMPLED_ROLES = ("gateway", "worker", "sweeper", "broker")
SAMPLE_COUNT = 60
BYTES_PER_MIB = 1 << 20


def measure_soak(folder: Path, seconds: float) -> dict[str, Any]:
    """Return resident MiB by role, sampled evenly over `seconds` of 201s at a steady rate, and the ledger."""
    samples: list[RoundFigures] = []
    with running_leadhub(folder) as running:

        def sample() -> None:
            samples.append({role: resident_bytes(running.root_pid, role) / BYTES_PER_MIB for role in SAMPLED_ROLES})

        with repeating_every(seconds / SAMPLE_COUNT, sample):
            running.target.run_load(FEW_CONNECTIONS, seconds, rate=PACED_RATE)
        return {"soak": samples, "ledger": running.ledger.fault_totals()}


@contextlib.contextmanager
def repeating_every(interval: float, action: Callable[[], None]) -> Iterator[None]:
    """Call `action` every `interval` seconds, in a thread, for the length of the block."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(interval):
            action()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
