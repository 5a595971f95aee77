"""Count what webhook addresses receive, by integration and outcome."""

from collections.abc import Mapping

from services.gateway.buffered_counts import HOUR_SECONDS, BufferedCounts, current_hour
from shared.integrations.integration_cache import ReceivingIntegration
from shared.platform.db.connections import ASYNC_COMMIT, Connection, as_json

RECEIVED_OUTCOME = "received"  # items that were stored
IGNORED_OUTCOME = "ignored"  # items that are nothing for us
UNREADABLE_OUTCOME = "unreadable"
SWITCHED_OFF = "switched_off"
HANDSHAKE_OUTCOME = "handshake"
REJECTED_PREFIX = "rejected:"  # and the reason
TOO_MANY_ITEMS = f"{REJECTED_PREFIX}too_many_items"
HANDSHAKE_REFUSED = f"{REJECTED_PREFIX}handshake"  # apart from rejected deliveries: it says nothing about these

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
"""

CountKey = tuple[int, int, int, str]  # workspace id, integration id, hours since the epoch, outcome


class IntegrationCounts(BufferedCounts[CountKey]):
    """The counts of one gateway process."""

    name = "integration_counts"

    def count(self, integration: ReceivingIntegration, outcome: str, n: int = 1) -> None:
        """Count an outcome."""
        if n:
            self.add((integration.workspace_id, integration.id, current_hour(), outcome), n)

    async def write(
        self, connection: Connection, counts: Mapping[CountKey, int], last_at: Mapping[CountKey, float]
    ) -> None:
        """Write counts, and when each integration last received something."""
        await connection.execute(WRITE_COUNTS_SQL, (as_json(_count_rows(counts, last_at)),))


def _count_rows(counts: Mapping[CountKey, int], last_at: Mapping[CountKey, float]) -> list[dict[str, object]]:
    return [
        {"w": key[0], "integration": key[1], "hour": key[2], "outcome": key[3], "n": n, "last": last_at[key]}
        for key, n in counts.items()
    ]
