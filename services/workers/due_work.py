"""What waits for the sweeper: one statement asks for all of its duties, so that none has to ask for itself.

Each condition is at least as wide as what its duties look for, and reads one entry of an index.
"""

import asyncio
import contextlib
from collections.abc import Set as AbstractSet

from shared.platform.db.connections import Connection

CHECK_SECONDS = 0.1  # seconds between two statements
IDLE_CHECK_SECONDS = 0.25  # the same while nothing has waited for some time: waking up is most of what they cost
IDLE_AFTER_SECONDS = 10.0
CHECK_REST_FACTOR = 20  # rests so many times as long as a statement took, which dead entries of an index make slow
# Seconds that it rests at most. A statement also takes long because its server hung or this process was suspended. That
# is over by then, and 20 times its length would be minutes in which no work is seen.
MAX_CHECK_REST_SECONDS = 2.0

# `now()` and not `clock_timestamp()`: only a stable time can be looked up in an index.
CONDITIONS_SQL = {
    "journal": "EXISTS (SELECT FROM journal)",
    "automations": """
        EXISTS (SELECT FROM events)
        OR (SELECT min(due_at) FROM automation_runs) <= now()
        OR (SELECT min(due_at) FROM inactivity_timers) <= now()""",
    "deliveries": "EXISTS (SELECT FROM deliveries WHERE state = 'pending')",
    "fetches": "EXISTS (SELECT FROM source_fetches)",
    "jobs": """
        EXISTS (SELECT FROM jobs WHERE state = ANY (ARRAY['queued', 'running']) AND due_at <= now())
        OR EXISTS (SELECT FROM imports WHERE NOT is_settled AND due_at <= now())""",
    "cleanups": "EXISTS (SELECT FROM background_cleanups)",
    "search_texts": "EXISTS (SELECT FROM lead_search_queue)",
    "likeness": "EXISTS (SELECT FROM likeness_queue)",
    "counters": "EXISTS (SELECT FROM ledger_deltas) OR EXISTS (SELECT FROM counter_deltas)",
    "lead_counts": "EXISTS (SELECT FROM lead_count_deltas) OR EXISTS (SELECT FROM lead_time_deltas)",
    "causes": "EXISTS (SELECT FROM cause_deltas)",
    "erasures": "EXISTS (SELECT FROM erasures WHERE finished_at IS NULL)",
}
WORK_KINDS = frozenset(CONDITIONS_SQL)
DUE_WORK_SQL = f"SELECT {', '.join(f'({condition})' for condition in CONDITIONS_SQL.values())}"
# What a worker does one thing after another, and deliveries and fetches, which a message starts.
WORKER_KINDS = ("journal", "automations", "deliveries", "fetches", "jobs")
WORKER_WORK_SQL = f"SELECT {' OR '.join(f'({CONDITIONS_SQL[kind]})' for kind in WORKER_KINDS)}"
# The tables fill and empty within seconds, so that the planner's statistics are wrong, and their files stay long.
USE_INDEXES_SQL = "SET enable_seqscan = off"


async def has_worker_work(connection: Connection) -> bool:
    """Return whether work waits that workers do besides likeness."""
    row = await (await connection.execute(WORKER_WORK_SQL)).fetchone()
    return bool(row and row[0])


class DueWork:
    """Which kinds of work wait. `stopping` ends every wait."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self.kinds: AbstractSet[str] = WORK_KINDS  # those that waited at the last look; before the first one all
        self._found = asyncio.Event()  # set, and replaced, when kinds are added
        self._idle_at = 0.0  # when nothing will have waited for long, by the loop's clock

    async def watch(self, connection: Connection) -> None:
        """Ask until the sweeper stops, on a connection of its own.

        At first every kind counts as waiting: before, or while the connection was lost, anything may have happened.
        """
        await connection.execute(USE_INDEXES_SQL)
        self._note(WORK_KINDS)
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = now()
            row = await (await connection.execute(DUE_WORK_SQL)).fetchone()
            self._note({kind for kind, waits in zip(CONDITIONS_SQL, row or (), strict=True) if waits})
            check_seconds = CHECK_SECONDS if now() < self._idle_at else IDLE_CHECK_SECONDS
            rest = min(max(check_seconds, CHECK_REST_FACTOR * (now() - began)), MAX_CHECK_REST_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), rest)

    async def wait(self, kinds: AbstractSet[str], seconds: float) -> None:
        """Wait until work of one of these kinds waits, at most for `seconds`, or until the sweeper stops."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            while not (self.kinds & kinds or self._stopping.is_set()) and (left := end - loop.time()) > 0:
                found = asyncio.ensure_future(self._found.wait())
                await asyncio.wait({found, stop}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                found.cancel()
        finally:
            stop.cancel()

    def _note(self, kinds: AbstractSet[str]) -> None:
        are_new, self.kinds = bool(kinds - self.kinds), kinds
        if kinds:
            self._idle_at = asyncio.get_running_loop().time() + IDLE_AFTER_SECONDS
        if are_new:
            found, self._found = self._found, asyncio.Event()
            found.set()
