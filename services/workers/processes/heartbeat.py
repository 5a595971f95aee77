"""Heartbeats of workers and sweepers: one row per process.

The gateway reads them to learn whether a worker is alive. The supervisor reads them to find hung processes. The
heartbeat's thread also keeps the process's knowledge of paused lanes fresh, and writes its figures for the history.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import FLUSH_STATISTICS_SQL, WorkStatistics
from shared.platform.crypto.settings_fingerprints import SettingsFingerprints
from shared.platform.db.advisory_locks import SUSPECT_TRIAL_LOCK
from shared.platform.db.connections import ASYNC_COMMIT, Connection, connection_parameters
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS, is_contention, is_unavailable
from shared.platform.db.database_hosts import ordered_parameters
from shared.platform.db.standby_watch import COMMITS_WAIT_SQL, STANDBY_WAIT_SECONDS
from shared.platform.observability import logging

log = logging.get_logger()

HEARTBEAT_INTERVAL_SECONDS = 2.0  # seconds between two beats
STATISTICS_INTERVAL_SECONDS = 1.0  # seconds between two writes of figures
AFTER_DEATH_INTERVAL_SQL = (
    "interval '10 min'"  # for this long after a process died, all processes note the rows they take
)
SUSPECT_ATTEMPTS = 2  # noted deaths of workers after which a row is tried alone
STUCK_BATCH_SECONDS = 30.0  # seconds in one batch after which the process no longer counts as alive

# If the previous process of this name died while it held journal rows, these rows are still noted, and one more attempt
# is counted for each. For a suspect it is counted only if it was tried alone, and is noted as a negative id: several
# processes may note the same rows and be killed together, and a lead beside the bad one must not die of that.
# A process that only lost its connection runs the same statement with `starts` false. There is no FOR UPDATE here: it
# would skip the row that this statement itself updates.
REGISTER_PROCESS_SQL = f"""
WITH last AS (SELECT in_hand FROM processes WHERE name = %(name)s AND %(starts)s),
suspected AS (
    UPDATE journal SET attempts = attempts + 1
    WHERE lane IN (0, 1, 2) AND id = ANY (SELECT abs(unnest(in_hand)) FROM last)
      AND (attempts < {SUSPECT_ATTEMPTS} OR -id = ANY (SELECT unnest(in_hand) FROM last))
)
INSERT INTO processes AS p (name, kind, host, pid) VALUES (%(name)s, %(kind)s, %(host)s, %(pid)s)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, host = excluded.host, pid = excluded.pid, in_hand = '{{}}',
                                 started_at = now(), seen_at = now(),
                                 backend_pid = CASE WHEN %(starts)s THEN NULL ELSE p.backend_pid END,
                                 restarts = p.restarts + %(starts)s::int,
                                 pauses_version = CASE WHEN %(starts)s THEN 0 ELSE p.pauses_version END,
                                 died_at = CASE WHEN %(starts)s THEN now() ELSE p.died_at END
"""
# Returns whether any process died recently: a successor found its row, or its row is no longer updated. The commit does
# not wait for the disk, since a crash of the server loses only the news that a process was alive before it.
UPDATE_HEARTBEAT_SQL = f"""
WITH quick AS (SELECT {ASYNC_COMMIT})
UPDATE processes SET seen_at = now(), in_hand = CASE WHEN %(busy)s THEN in_hand ELSE '{{}}' END,
                     fingerprints = %(uses)s, memory_bytes = %(memory)s, activity = %(activity)s,
                     pauses_version = %(pauses)s
FROM quick WHERE name = %(name)s
RETURNING EXISTS (SELECT FROM processes p WHERE p.died_at > now() - {AFTER_DEATH_INTERVAL_SQL}
                  OR p.kind IN ('worker', 'sweeper')
                     AND p.seen_at BETWEEN now() - {AFTER_DEATH_INTERVAL_SQL} AND now() - interval '10 s')
"""
NOTE_ROWS_SQL = f"""
WITH quick AS (SELECT {ASYNC_COMMIT})
UPDATE processes SET seen_at = now(), in_hand = %s FROM quick WHERE name = %s
"""
# Suspects that other living processes try. Those that are decided have left the journal.
TRIALS_ELSEWHERE_SQL = """
SELECT FROM processes p JOIN journal tried ON tried.lane IN (0, 1, 2) AND tried.id = -p.in_hand[1]
WHERE p.in_hand[1] < 0 AND p.name <> %(name)s AND p.seen_at > now() - interval '10 s'
"""
LOCK_TRIALS_SQL = f"SELECT pg_advisory_xact_lock({SUSPECT_TRIAL_LOCK}), {ASYNC_COMMIT}"
NOTE_BACKEND_SQL = "UPDATE processes SET backend_pid = pg_backend_pid() WHERE name = %s"
ACKNOWLEDGE_PAUSES_SQL = "UPDATE processes SET pauses_version = %s WHERE name = %s"
COMMITS_WAIT_STATEMENT = f"SELECT {COMMITS_WAIT_SQL}"
FIND_NAMESAKE_SQL = "SELECT pid FROM processes WHERE name = %s AND pid <> %s AND seen_at > now() - interval '10 s'"
REMOVE_PROCESS_SQL = "DELETE FROM processes WHERE name = %s AND pid = %s"


class Heartbeat:
    """The row of this process. `name` stays the same when the process is restarted.

    While another process of this machine lives under the name, such as that of the version before, the process takes a
    name with its pid. Else each would count as the other's successor, and the one that ends would hide the other.
    """

    def __init__(
        self, kind: str, name: str, url: str, current_fingerprints: Callable[[], SettingsFingerprints] = dict
    ) -> None:
        self.kind = kind
        self.host = socket.gethostname()
        self.name = f"{name}@{self.host}"
        self._url = url
        self._current_fingerprints = current_fingerprints
        self.pauses = PauseWatch()
        self.statistics = WorkStatistics()
        self._busy_since: float | None = None
        # Whether rows must be noted before they are taken. This is useful only after a process has died, and it is
        # unknown until the first heartbeat.
        self.notes_rows = True
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_thread, name="heartbeat", daemon=True)

    async def start(self, connection: Connection) -> None:
        """Register the process, replace its predecessor's row, and start the heartbeat thread."""
        starts = not self._thread.is_alive()
        if starts:
            await self._avoid_namesake(connection)
        await connection.execute(REGISTER_PROCESS_SQL, self._register_arguments(starts=starts))
        if starts:
            self._thread.start()

    async def note_rows(self, connection: Connection, row_ids: Sequence[int]) -> None:
        """Note the journal rows that are taken now. If they kill this process, its successor knows which they were."""
        self.mark_busy()
        await connection.execute(NOTE_ROWS_SQL, (list(row_ids), self.name))

    async def note_trial(self, connection: Connection, row_id: int) -> bool:
        """Note that this suspect is tried alone, unless another process tries one. Return whether it may be tried.

        At most one suspect is in hand in the whole installation: if it kills its process, and those beside it are
        killed, too, then no other suspect is blamed.
        """
        async with connection.transaction():
            await connection.execute(LOCK_TRIALS_SQL)
            elsewhere = await connection.execute(TRIALS_ELSEWHERE_SQL, {"name": self.name})
            if await elsewhere.fetchone() is not None:
                return False
            await self.note_rows(connection, [-row_id])
        return True

    def mark_busy(self) -> None:
        """Mark the process as busy with a batch."""
        self._busy_since = time.monotonic()

    def mark_idle(self) -> None:
        """Mark the process as idle."""
        self._busy_since = None

    async def stop(self, connection: Connection) -> None:
        self._stopping.set()
        if figures := self.statistics.take_figures():
            with suppress(*UNAVAILABLE_ERRORS):
                await connection.execute(FLUSH_STATISTICS_SQL, figures.as_arguments())
        await connection.execute(REMOVE_PROCESS_SQL, (self.name, os.getpid()))

    async def _avoid_namesake(self, connection: Connection) -> None:
        row = await (await connection.execute(FIND_NAMESAKE_SQL, (self.name, os.getpid()))).fetchone()
        if row and _is_alive(row[0]):
            taken, self.name = self.name, self.name.replace("@", f".{os.getpid()}@", 1)
            log.warning("process.name_taken", name=taken, by_pid=row[0], used=self.name)

    def _register_arguments(self, *, starts: bool) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "host": self.host, "pid": os.getpid(), "starts": starts}

    def _run_thread(self) -> None:
        """Update the row from a thread with its own connection: a worker without a broker must not look dead."""
        while not self._stopping.is_set():
            try:
                parameters = ordered_parameters(self._url, connection_parameters("leadhub heartbeat"))
                with psycopg.connect(self._url, autocommit=True, **parameters) as connection:
                    connection.execute(NOTE_BACKEND_SQL, (self.name,))
                    self._beat_until_stopped(connection)
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("heartbeat.failed")
            self._stopping.wait(HEARTBEAT_INTERVAL_SECONDS)

    def _beat_until_stopped(self, connection: psycopg.Connection[TupleRow]) -> None:
        now = time.monotonic()
        beat_at, flush_at = now + HEARTBEAT_INTERVAL_SECONDS, now + STATISTICS_INTERVAL_SECONDS
        while not self._stopping.wait(self.pauses.refresh_seconds):
            if self.pauses.refresh(connection):
                connection.execute(ACKNOWLEDGE_PAUSES_SQL, (self.pauses.version, self.name))
            now = time.monotonic()
            if now >= flush_at:
                flush_at = now + STATISTICS_INTERVAL_SECONDS
                self._flush_statistics(connection)
            if now >= beat_at:
                beat_at = now + HEARTBEAT_INTERVAL_SECONDS
                self._beat(connection)

    def _beat(self, connection: psycopg.Connection[TupleRow]) -> None:
        since = self._busy_since  # read once: it changes in the other thread
        is_stuck = since is not None and time.monotonic() - since >= STUCK_BATCH_SECONDS
        if is_stuck and not _do_commits_wait(connection):  # a batch that waits for an absent standby is well
            return
        answer = connection.execute(UPDATE_HEARTBEAT_SQL, self._report(is_busy=since is not None)).fetchone()
        if answer is None:  # the row is gone, such as after a restore
            connection.execute(REGISTER_PROCESS_SQL, self._register_arguments(starts=False))
        self.notes_rows = answer is None or answer[0]

    def _report(self, *, is_busy: bool) -> dict[str, Any]:
        return {
            "busy": is_busy,
            "uses": Jsonb(dict(self._current_fingerprints())),
            "memory": resident_bytes(),
            "activity": self.statistics.take_activity(),
            "pauses": self.pauses.version,
            "name": self.name,
        }

    def _flush_statistics(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Write the figures since the last time. If that fails, they are written with the next ones."""
        figures = self.statistics.take_figures()
        if figures is None:
            return
        try:
            connection.execute(FLUSH_STATISTICS_SQL, figures.as_arguments())
        except Exception as error:
            self.statistics.give_back(figures)
            if not is_contention(error):
                raise


def _do_commits_wait(connection: psycopg.Connection[TupleRow]) -> bool:
    row = connection.execute(COMMITS_WAIT_STATEMENT, (STANDBY_WAIT_SECONDS,)).fetchone()
    return bool(row and row[0])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def resident_bytes() -> int | None:
    """Return the memory of this process, or None where the system does not tell it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
