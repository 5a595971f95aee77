"""Count what webhook addresses receive, by integration and outcome: in memory, written about once a second.

A crash loses the counts of the last second, and no lead.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from shared.db.connections import ASYNC_COMMIT, ConnectionPool, as_json
from shared.db.errors import is_unavailable
from shared.integrations.integration_cache import ReceivingIntegration
from shared.observability import logging

log = logging.get_logger()

FLUSH_COUNTS_SECONDS = 1.0
HOUR_SECONDS = 3600
MAX_UNWRITTEN_COUNTS = 50_000  # counts kept while the database is away

RECEIVED_OUTCOME = "received"  # items that were stored
IGNORED_OUTCOME = "ignored"  # items that are nothing for us
UNREADABLE_OUTCOME = "unreadable"
SWITCHED_OFF = "switched_off"
HANDSHAKE_OUTCOME = "handshake"
REJECTED_PREFIX = "rejected:"  # and the reason

# Sorted, so that two gateways do not wait for each other in a circle.
WRITE_COUNTS_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
), counts AS (
    SELECT * FROM quick, json_to_recordset(%s::json) AS c(w bigint, integration bigint, hour bigint, outcome text,
                                                          n bigint, last float8)
), seen AS (
    UPDATE integrations i SET last_received_at = greatest(i.last_received_at, to_timestamp(s.last))
    FROM (SELECT w, integration, max(last) AS last FROM counts WHERE outcome = '{RECEIVED_OUTCOME}' GROUP BY 1, 2) s
    WHERE i.workspace_id = s.w AND i.id = s.integration
)
INSERT INTO integration_counts AS c (workspace_id, integration_id, hour, outcome, n, last_at)
SELECT w, integration, to_timestamp(hour * {HOUR_SECONDS}), outcome, n, to_timestamp(last)
FROM counts ORDER BY 1, 2, 3, 4
ON CONFLICT (workspace_id, integration_id, hour, outcome) DO UPDATE
SET n = c.n + excluded.n, last_at = greatest(c.last_at, excluded.last_at)
"""  # noqa: S608  # constants only

CountKey = tuple[int, int, int, str]  # workspace id, integration id, hours since the epoch, outcome


class IntegrationCounts:
    """The counts of one gateway process. `run` writes them."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._counts: Counter[CountKey] = Counter()
        self._last_at: dict[CountKey, float] = {}

    def count(self, integration: ReceivingIntegration, outcome: str, n: int = 1) -> None:
        """Count an outcome."""
        if not n:
            return
        now = time.time()
        key = (integration.workspace_id, integration.id, int(now) // HOUR_SECONDS, outcome)
        if key in self._counts or len(self._counts) < MAX_UNWRITTEN_COUNTS:
            self._counts[key] += n
            self._last_at[key] = now

    async def run(self) -> None:
        """Write the counts until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_COUNTS_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted. While the database is away the counts stay in memory."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        last_at, self._last_at = self._last_at, {}
        try:
            async with self._pool.connection() as connection:
                await connection.execute(WRITE_COUNTS_SQL, (as_json(_count_rows(counts, last_at)),))
        except Exception as error:
            if not is_unavailable(error):
                log.exception("integration_counts.failed")
                return
            self._counts.update(counts)
            self._last_at = {**last_at, **self._last_at}


def _count_rows(counts: Mapping[CountKey, int], last_at: Mapping[CountKey, float]) -> list[dict[str, object]]:
    return [
        {"w": key[0], "integration": key[1], "hour": key[2], "outcome": key[3], "n": n, "last": last_at[key]}
        for key, n in counts.items()
    ]
