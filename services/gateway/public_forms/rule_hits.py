"""Count how often spam rules decided on a submission."""

from collections.abc import Mapping

from services.gateway.buffered_counts import BufferedCounts
from shared.platform.db.connections import ASYNC_COMMIT, Connection, as_json

RuleKey = tuple[int, int]  # workspace id, rule id

# Locked in one order, so that two gateways do not wait for each other in a circle.
WRITE_HITS_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
), hits AS (
    SELECT r.id, h.n FROM quick, json_to_recordset(%s::json) AS h(w bigint, rule bigint, n bigint)
    JOIN spam_rules r ON r.workspace_id = h.w AND r.id = h.rule ORDER BY r.id FOR UPDATE OF r
)
UPDATE spam_rules r SET hits = r.hits + h.n, last_hit_at = now() FROM hits h WHERE r.id = h.id
"""


class RuleHits(BufferedCounts[RuleKey]):
    """The counts of one gateway process."""

    name = "rule_hits"

    async def write(
        self, connection: Connection, counts: Mapping[RuleKey, int], last_at: Mapping[RuleKey, float]
    ) -> None:
        """Write counts."""
        rows = [{"w": workspace_id, "rule": rule_id, "n": n} for (workspace_id, rule_id), n in counts.items()]
        await connection.execute(WRITE_HITS_SQL, (as_json(rows),))
