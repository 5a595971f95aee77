"""Find processes that live but do nothing, and kill them with SIGKILL. The supervisor restarts them.

Workers and the sweeper have a heartbeat in the table `processes`; web processes send a liveness signal into a pipe.
"""

import signal
import socket
import threading
import time
from collections.abc import Sequence

import psycopg

from cli.common import say
from cli.supervisor import Child

STALE = 30.0  # seconds without a sign of life
EVERY = 5.0  # seconds between two checks

QUERY = """
SELECT pid FROM processes
WHERE kind IN ('worker', 'sweeper') AND host = %s AND pid = ANY(%s) AND seen_at < now() - make_interval(secs => %s)
"""


class HeartbeatWatch:
    """Checks the heartbeats.

    A thread of its own sends the query, since a frozen database would block the supervisor. A process cannot write its
    heartbeat while the database is down: it is judged only when the database has answered for as long as a heartbeat
    may be late.
    """

    def __init__(self, url: str, beating: list[Child]) -> None:
        self._url = url
        self._beating = beating
        self._stale: set[int] = set()
        self._answers_since: float | None = None
        threading.Thread(target=self._ask_for_ever, name="heartbeats", daemon=True).start()

    def kill_stale(self) -> None:
        """Kill stale processes. Only the supervisor's main thread may call it: it knows which process has a pid."""
        stale, self._stale = self._stale, set()
        for child in self._beating:
            if child.process and child.process.pid in stale and child.age > STALE:
                _kill(child)

    def _ask_for_ever(self) -> None:
        while True:
            try:
                stale = self._ask()
            except psycopg.Error:
                self._answers_since, stale = None, set()
            self._stale = stale
            time.sleep(EVERY)

    def _ask(self) -> set[int]:
        pids = [child.process.pid for child in self._beating if child.process]
        with psycopg.connect(self._url, connect_timeout=2, options="-c statement_timeout=2000") as connection:
            rows = connection.execute(QUERY, (socket.gethostname(), pids, STALE)).fetchall()
        self._answers_since = self._answers_since or time.monotonic()
        return {pid for (pid,) in rows} if time.monotonic() - self._answers_since > STALE else set()


class PulseWatch:
    """Checks the liveness signals."""

    def __init__(self, beating: Sequence[Child]) -> None:
        self._beating = beating
        self._looked = time.monotonic()

    def kill_still(self) -> None:
        """Kill silent processes. If the supervisor itself was suspended, as with its machine, all get more time."""
        now = time.monotonic()
        slept, self._looked = now - self._looked > STALE / 2, now
        for child in self._beating:
            if child.felt() or slept:
                child.beat = now
            elif child.runs and now - child.beat > STALE:
                _kill(child)


def _kill(child: Child) -> None:
    say(f"{child.program.name} gave no sign of life for {STALE:.0f} s; killing it")
    child.signal(signal.SIGKILL)
