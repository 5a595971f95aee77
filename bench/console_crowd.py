"""Ten open consoles: the cost of a lead, and how many are taken, with live pages and without, in turn."""

import asyncio
import contextlib
import statistics
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.console_client import ConsoleReader
from bench.ingest import FEW_CONNECTIONS, cpu_figures_of
from bench.measures import RoundFigures
from bench.stack import BENCH_WORKSPACE, RunningLeadHub
from bench.targets import LoadResult, Target

OPEN_CONSOLES = 10
LIVE_PATHS = (f"/console/{BENCH_WORKSPACE}/now/live", f"/console/{BENCH_WORKSPACE}/queues/live")
TURN_COUNT, QUICK_TURN_COUNT = 7, 3
TURN_SECONDS, QUICK_TURN_SECONDS = 5.0, 2.0
MAX_CHANGE = 0.05  # share by which a figure may be worse with the consoles
FIRST_EVENT_SECONDS = 20.0
READ_BYTES = 1 << 18  # bytes


@dataclass
class OpenConsoles:
    """Streams of live pages that are read as they come. `failures` are those that ended or were refused."""

    reader: ConsoleReader
    received_bytes: int = 0
    failures: list[str] = field(default_factory=list)
    _started: set[int] = field(default_factory=set)
    _all_started: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def open_all(self) -> Iterator[None]:
        """Hold the streams open for the length of the block, from a thread. RuntimeError if they do not start."""
        loop = asyncio.new_event_loop()
        self._started.clear()
        self._all_started.clear()
        task = loop.create_task(self._read_all())
        thread = threading.Thread(target=lambda: self._run_until_cancelled(loop, task))
        thread.start()
        try:
            if not self._all_started.wait(FIRST_EVENT_SECONDS):
                raise RuntimeError(f"{OPEN_CONSOLES - len(self._started)} live pages sent nothing; {self.failures}")
            yield
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()

    def _run_until_cancelled(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    async def _read_all(self) -> None:
        connector = aiohttp.TCPConnector(limit=OPEN_CONSOLES)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            self.reader.base, headers=self.reader.headers, connector=connector, timeout=timeout, read_bufsize=READ_BYTES
        ) as session:
            await asyncio.gather(*(self._read_stream(session, number) for number in range(OPEN_CONSOLES)))

    async def _read_stream(self, session: aiohttp.ClientSession, number: int) -> None:
        path = LIVE_PATHS[number % len(LIVE_PATHS)]
        try:
            async with session.get(path, allow_redirects=False) as response:
                if response.status != 200:
                    self.failures.append(f"{path} answered {response.status}")
                    return
                async for part in response.content.iter_any():
                    self.received_bytes += len(part)
                    self._note_start(number)
        except aiohttp.ClientError as error:
            self.failures.append(f"{path}: {error}")
        else:
            self.failures.append(f"{path} ended")

    def _note_start(self, number: int) -> None:
        if number not in self._started:
            self._started.add(number)
            if len(self._started) == OPEN_CONSOLES:
                self._all_started.set()


def measure_crowd(running: RunningLeadHub, reader: ConsoleReader, *, quick: bool) -> dict[str, Any]:
    """Return the medians of leads taken a second and of CPU a lead, without consoles and with ten, and their ratios."""
    seconds, turns = (QUICK_TURN_SECONDS, QUICK_TURN_COUNT) if quick else (TURN_SECONDS, TURN_COUNT)
    consoles = OpenConsoles(reader)
    alone: list[RoundFigures] = []
    watched: list[RoundFigures] = []
    _load_once(running.target, seconds)  # warms up
    for turn in range(turns):
        print(f"consoles, turn {turn + 1} of {turns}", file=sys.stderr)
        if turn % 2:
            watched.append(_load_watched(running.target, consoles, seconds))
        alone.append(_load_once(running.target, seconds))
        if not turn % 2:
            watched.append(_load_watched(running.target, consoles, seconds))
    return {
        "consoles": OPEN_CONSOLES,
        "turns": turns,
        "stream_bytes": consoles.received_bytes,
        "failures": consoles.failures,
        "figures": [
            compare_crowd("leads taken", "/s", "accepted", alone, watched, more_is_better=True),
            compare_crowd("end to end", "/s", "end_to_end", alone, watched, more_is_better=True),
            compare_crowd("CPU a lead", "µs", "cpu", alone, watched, more_is_better=False),
        ],
    }


def compare_crowd(
    label: str, unit: str, name: str, alone: list[RoundFigures], watched: list[RoundFigures], *, more_is_better: bool
) -> dict[str, Any]:
    """Return both medians, the ratio of these, and the ratios of the turns. The target is the ratio of the medians."""
    ratios = [after[name] / before[name] for before, after in zip(alone, watched, strict=True)]
    medians = [statistics.median(figures[name] for figures in each) for each in (alone, watched)]
    ratio = medians[1] / medians[0]
    return {
        "label": label,
        "unit": unit,
        "alone": medians[0],
        "watched": medians[1],
        "ratio": ratio,
        "turn_ratios": ratios,
        "target": f"≥ {1 - MAX_CHANGE:g}" if more_is_better else f"≤ {1 + MAX_CHANGE:g}",
        "met": ratio >= 1 - MAX_CHANGE if more_is_better else ratio <= 1 + MAX_CHANGE,
    }


def _load_watched(target: Target, consoles: OpenConsoles, seconds: float) -> RoundFigures:
    with consoles.open_all():
        return _load_once(target, seconds)


def _load_once(target: Target, seconds: float) -> RoundFigures:
    loaded: LoadResult = target.run_load(FEW_CONNECTIONS, seconds, wait=False)
    return {
        "accepted": loaded.outcome.rate_of(202),
        "end_to_end": loaded.end_to_end,
        "cpu": cpu_figures_of(loaded)["cpu"],
    }
