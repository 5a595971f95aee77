"""The gauges of submissions and workers, for Prometheus."""

import redis

from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection
from shared.platform.observability.metrics import (
    LEDGER_SUBMISSIONS,
    LIVE_WORKERS,
    OLDEST_WAITING_SECONDS,
    PENDING_SUBMISSIONS,
    SPOOLED_SUBMISSIONS,
    UNACCOUNTED_SUBMISSIONS,
)


async def update_gauges(connection: Connection, spool: Spool) -> float:
    """Set the gauges of submissions and workers and return the age of the oldest waiting submission in seconds.

    If the spool does not answer, only the journal is counted.
    """
    states = set(ledger.LEDGER_STATES)
    try:
        state = await ledger.read_ledger(connection, spool)
    except redis.RedisError:
        state = await ledger.read_ledger(connection, None)
        states.discard("spooled")
    for name in states:
        LEDGER_SUBMISSIONS.labels(name).set(state[name])
    UNACCOUNTED_SUBMISSIONS.set(ledger.count_unaccounted(state))
    LIVE_WORKERS.set(state["workers"])
    PENDING_SUBMISSIONS.set(state["pending"])
    oldest: float = state["oldest_waiting_s"]
    OLDEST_WAITING_SECONDS.set(oldest)
    return oldest


async def update_spool_gauges(spool: Spool, journal_waiting_seconds: float) -> int:
    """Set the gauges of the spool, without PostgreSQL. Return how many submissions are in it.

    `journal_waiting_seconds` is the last result of `update_gauges`.
    """
    spooled = await spool.count_submissions()
    SPOOLED_SUBMISSIONS.set(spooled)
    if oldest := await spool.oldest_waiting_s():
        OLDEST_WAITING_SECONDS.set(max(oldest, journal_waiting_seconds))
    return spooled
