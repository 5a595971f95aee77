"""Heartbeats of workers and sweepers: one row per process.

The gateway reads them to learn whether a worker is alive. The supervisor reads them to find hung processes.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from shared import logging
from shared.db import UNHURRIED, Connection, is_unavailable, options
from shared.fingerprints import Fingerprints

log = logging.get()

EVERY = 2.0  # seconds between two beats
CAREFUL = "interval '10 min'"  # for this long after a process died, all processes note the rows they take
STUCK = 30.0  # seconds in one batch after which the process no longer counts as alive

# If the previous process of this name died while it held journal rows, these rows are still noted, and one more attempt
# is counted for each. A process that only lost its connection runs the same statement with `anew` false. There is no
# FOR UPDATE here: it would skip the row that this statement itself updates.
START = """
WITH last AS (SELECT in_hand FROM processes WHERE name = %(name)s AND %(anew)s),
suspected AS (
    UPDATE journal SET attempts = attempts + 1
    WHERE lane IN (0, 1, 2) AND id = ANY (SELECT unnest(in_hand) FROM last)
)
INSERT INTO processes AS p (name, kind, host, pid) VALUES (%(name)s, %(kind)s, %(host)s, %(pid)s)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, host = excluded.host, pid = excluded.pid, in_hand = '{}',
                                 started_at = now(), seen_at = now(),
                                 died_at = CASE WHEN %(anew)s THEN now() ELSE p.died_at END
"""
# Returns whether any process died recently: a successor found its row, or its row is no longer updated. The commit does
# not wait for the disk, since a crash of the server loses only the news that a process was alive before it.
BEAT = f"""
WITH quick AS (SELECT {UNHURRIED})
UPDATE processes SET seen_at = now(), in_hand = CASE WHEN %s THEN in_hand ELSE '{{}}' END FROM quick WHERE name = %s
RETURNING EXISTS (SELECT FROM processes p WHERE p.died_at > now() - {CAREFUL}
                  OR p.kind IN ('worker', 'sweeper')
                     AND p.seen_at BETWEEN now() - {CAREFUL} AND now() - interval '10 s')
"""  # noqa: S608  # constants only
TAKE = f"""
WITH quick AS (SELECT {UNHURRIED})
UPDATE processes SET seen_at = now(), in_hand = %s FROM quick WHERE name = %s
"""  # noqa: S608  # constants only
USES = "UPDATE processes SET fingerprints = %(uses)s WHERE name = %(name)s AND fingerprints <> %(uses)s"
STOP = "DELETE FROM processes WHERE name = %s"


class Heartbeat:
    """The row of this process. `name` stays the same when the process is restarted."""

    def __init__(self, kind: str, name: str, url: str, uses: Callable[[], Fingerprints] = dict) -> None:
        self.kind = kind
        self.host = socket.gethostname()
        self.name = f"{name}@{self.host}"
        self._url = url
        self._uses = uses
        self._busy_since: float | None = None
        # Whether rows must be noted before they are taken. This is useful only after a process has died, and it is
        # unknown until the first heartbeat.
        self.is_careful = True
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    async def start(self, connection: Connection) -> None:
        """Register the process, replace its predecessor's row, and start the heartbeat thread."""
        arguments = {"name": self.name, "kind": self.kind, "host": self.host, "pid": os.getpid()}
        arguments["anew"] = not self._thread.is_alive()
        await connection.execute(START, arguments)
        if not self._thread.is_alive():
            self._thread.start()

    async def take(self, connection: Connection, row_ids: Sequence[int]) -> None:
        """Note the journal rows that are taken now. If they kill this process, its successor knows which they were."""
        self.busy()
        await connection.execute(TAKE, (list(row_ids), self.name))

    def busy(self) -> None:
        """Mark the process as busy with a batch."""
        self._busy_since = time.monotonic()

    def idle(self) -> None:
        """Mark the process as idle."""
        self._busy_since = None

    async def stop(self, connection: Connection) -> None:
        self._stopping.set()
        await connection.execute(STOP, (self.name,))

    def _run(self) -> None:
        """Update the row from a thread with its own connection: a worker without a broker must not look dead."""
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, **options("leadhub heartbeat")) as connection:
                    self._beat(connection)
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("heartbeat.failed")
            self._stopping.wait(EVERY)

    def _beat(self, connection: psycopg.Connection[TupleRow]) -> None:
        while not self._stopping.wait(EVERY):
            since = self._busy_since  # read once: it changes in the other thread
            if since is None or time.monotonic() - since < STUCK:
                answer = connection.execute(BEAT, (since is not None, self.name)).fetchone()
                self.is_careful = answer is None or answer[0]
                connection.execute(USES, {"uses": Jsonb(dict(self._uses())), "name": self.name})
