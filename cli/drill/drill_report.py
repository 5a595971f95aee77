"""What a drill says of itself: a line for each phase, and each second a file for the console, which may stop it."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cli.common import notify_operator
from cli.drill.drill_ledger import DrillLedger
from shared.operations.drill_progress import ENDED_PHASE, STARTING_PHASE, DrillProgress, note_progress
from shared.operations.drill_requests import DrillStop, read_requested_drill, read_stop

NOTE_INTERVAL_SECONDS = 1.0
START_SECONDS, COUNT_SECONDS = 20.0, 20.0  # what the start of a copy usually takes, and its count and end


class DrillReport:
    """The phase, the time and the counts of a drill. Use it from the main thread, inside `telling`."""

    def __init__(self, data_dir: Path, load_seconds: float) -> None:
        self._data_dir = data_dir
        self._started, self._started_at = time.monotonic(), datetime.now(UTC)
        self._expected = START_SECONDS + load_seconds + COUNT_SECONDS
        self._phase, self._round, self._rounds = STARTING_PHASE, 1, 1
        self._posts = DrillLedger()
        self._ended = threading.Event()
        self._stopping, self._is_stoppable = threading.Lock(), True
        requested = read_requested_drill(data_dir)
        is_requested = requested is not None and requested.is_under_way
        self._stoppable_since = requested.asked_at if requested and is_requested else self._started_at
        self.stop: DrillStop | None = None

    def enter(self, phase: str, line: str, remaining: float | None = None) -> None:
        """Begin a phase, and print its line. `remaining` is what the drill takes from now on, in seconds."""
        now = self._elapsed
        if remaining is not None:
            self._expected = now + remaining
        self._phase = phase
        notify_operator(f"{line} [{self._figures(now)}]")
        self._note()

    def begin_round(self, number: int, rounds: int) -> None:
        """Begin a round of faults."""
        self._round, self._rounds = number, rounds

    def count(self, posts: DrillLedger) -> None:
        """Tell the counts of this ledger from now on."""
        self._posts = posts

    def accept_no_stop(self) -> None:
        """Let the drill end by itself, since it does so already."""
        with self._stopping:
            self._is_stoppable = False

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Write the progress each second, and raise KeyboardInterrupt in this thread if somebody stops the drill.

        It needs a handler of SIGTERM that raises that.
        """
        thread = threading.Thread(target=self._tell, args=(threading.get_ident(),), name="drill report", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._phase = ENDED_PHASE
            self._note()

    def _tell(self, main_thread: int) -> None:
        while not self._ended.is_set():
            self._note()
            self._heed_stop(main_thread)
            self._ended.wait(NOTE_INTERVAL_SECONDS)

    def _heed_stop(self, main_thread: int) -> None:
        with self._stopping:
            if self._is_stoppable and (stop := read_stop(self._data_dir, self._stoppable_since)):
                self.stop, self._is_stoppable = stop, False
                signal.pthread_kill(main_thread, signal.SIGTERM)

    def _note(self) -> None:
        progress = DrillProgress(
            started_at=self._started_at,
            noted_at=datetime.now(UTC),
            phase=self._phase,
            round=self._round,
            rounds=self._rounds,
            elapsed=self._elapsed,
            expected=self._expected,
            accepted=self._posts.acknowledged,
            sent_again=len(self._posts.lost_tries),
        )
        with suppress(OSError):  # such as a full disk, or no data dir: the drill goes on without its page
            note_progress(self._data_dir, progress)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _figures(self, now: float) -> str:
        times = f"{_clock(now)} of about {_clock(self._expected)}"
        if not self._posts.records:
            return times
        return f"{times}; accepted {self._posts.acknowledged:,}, sent again {len(self._posts.lost_tries):,}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
