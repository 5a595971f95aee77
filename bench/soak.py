"""The benchmark of memory under a long, steady load."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.commits import PACE
from bench.figures import Round
from bench.ingest import FEW
from bench.processes import rss
from bench.stack import leadhub

ROLES = ("gateway", "worker", "sweeper", "broker")
SAMPLES = 60
MEBIBYTE = 1 << 20


def measure_soak(folder: Path, seconds: float) -> dict[str, Any]:
    """Return resident MiB by role, sampled evenly over `seconds` of 201s at a steady rate, and the ledger."""
    samples: list[Round] = []
    with leadhub(folder) as running:

        def sample() -> None:
            samples.append({role: rss(running.pid, role) / MEBIBYTE for role in ROLES})

        with every(seconds / SAMPLES, sample):
            running.contestant.load(FEW, seconds, rate=PACE)
        return {"soak": samples, "ledger": running.ledger.totals()}


@contextlib.contextmanager
def every(interval: float, action: Callable[[], None]) -> Iterator[None]:
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
