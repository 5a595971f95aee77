"""Find processes that live but do nothing, and kill them with SIGKILL. The supervisor restarts them.

Workers and the sweeper have a heartbeat in the table `processes`; web processes send a liveness signal into a pipe.
"""

import signal
import socket
import threading
import time
from collections.abc import Sequence

import psycopg

from cli.common import notify_operator
from cli.supervisor import SupervisedChild

HEARTBEAT_STALE_SECONDS = 30.0  # seconds without a sign of life
HEARTBEAT_CHECK_INTERVAL_SECONDS = 10.0  # seconds between two checks, each of which takes a new connection

STALE_PROCESSES_SQL = """
SELECT pid FROM processes
WHERE kind IN ('worker', 'sweeper') AND host = %s AND pid = ANY(%s) AND seen_at < now() - make_interval(secs => %s)
"""


def boot_seconds() -> float:
    """Return seconds of a clock that goes on while the machine sleeps, as the database's does, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class HeartbeatWatch:
    """Checks the heartbeats.

    A thread of its own sends the query, since a frozen database would block the supervisor. A process cannot write its
    heartbeat while the database is down: it is judged only when the database has answered for as long as a heartbeat
    may be late. So it is after the supervisor, and with it the machine, was suspended: then all hearts stood still.
    """

    def __init__(self, url: str, beating: list[SupervisedChild]) -> None:
        self._url = url
        self._beating = beating
        self._stale: set[int] = set()
        self._answers_since: float | None = None
        self._last_look = boot_seconds()
        threading.Thread(target=self._query_forever, name="heartbeats", daemon=True).start()

    def kill_stale(self) -> None:
        """Kill stale processes. Only the supervisor's main thread may call it: it knows which process has a pid."""
        stale, self._stale = self._stale, set()
        for child in self._beating:
            if child.process and child.process.pid in stale and child.age_seconds > HEARTBEAT_STALE_SECONDS:
                _kill_child(child)

    def _query_forever(self) -> None:
        while True:
            try:
                stale = self._query_stale()
            except psycopg.Error:
                self._answers_since, stale = None, set()
            self._stale = stale
            time.sleep(HEARTBEAT_CHECK_INTERVAL_SECONDS)

    def _query_stale(self) -> set[int]:
        pids = [child.process.pid for child in self._beating if child.process]
        with psycopg.connect(self._url, connect_timeout=2, options="-c statement_timeout=2000") as connection:
            rows = connection.execute(
                STALE_PROCESSES_SQL, (socket.gethostname(), pids, HEARTBEAT_STALE_SECONDS)
            ).fetchall()
        now = boot_seconds()
        slept, self._last_look = now - self._last_look > HEARTBEAT_STALE_SECONDS, now
        if slept or self._answers_since is None:
            self._answers_since = now
        return {pid for (pid,) in rows} if now - self._answers_since > HEARTBEAT_STALE_SECONDS else set()


class LivenessWatch:
    """Checks the liveness signals."""

    def __init__(self, beating: Sequence[SupervisedChild]) -> None:
        self._beating = beating
        self._last_look = time.monotonic()

    def kill_unresponsive(self) -> None:
        """Kill silent processes. If the supervisor itself was suspended, as with its machine, all get more time."""
        now = time.monotonic()
        slept, self._last_look = now - self._last_look > HEARTBEAT_STALE_SECONDS / 2, now
        for child in self._beating:
            if child.note_beat() or slept:
                child.last_beat_at = now
            elif child.is_running and now - child.last_beat_at > HEARTBEAT_STALE_SECONDS:
                _kill_child(child)


def _kill_child(child: SupervisedChild) -> None:
    notify_operator(f"{child.program.name} gave no sign of life for {HEARTBEAT_STALE_SECONDS:.0f} s; killing it")
    child.send_signal(signal.SIGKILL)
