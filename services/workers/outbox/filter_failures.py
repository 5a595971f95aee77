"""A note of the filters that gave nothing for an event, at the state of their subscription."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from services.workers.outbox.webhook_subscriptions import FilterFailure
from shared.platform.db.connections import Connection, as_json

# In one order, so that two batches do not wait for each other.
NOTE_FAILURES_SQL: Final = """
INSERT INTO subscription_states (workspace_id, subscription_id, filter_failures, filter_error, filter_failed_at)
SELECT w, id, n, error, now()
FROM json_to_recordset(%s::json) AS f(w bigint, id bigint, n bigint, error text, expression text)
WHERE EXISTS (SELECT FROM webhook_subscriptions s
              WHERE s.workspace_id = f.w AND s.id = f.id AND s.filter_expression = f.expression)
ORDER BY w, id
ON CONFLICT (workspace_id, subscription_id) DO UPDATE
SET filter_failures = subscription_states.filter_failures + excluded.filter_failures,
    filter_error = excluded.filter_error, filter_failed_at = excluded.filter_failed_at
"""


async def note_failures(connection: Connection, failures: Sequence[FilterFailure]) -> None:
    """Note the filters that gave nothing, at the end of the caller's transaction, with the last error of each."""
    errors = {failure[:3]: failure.error for failure in failures}
    counts = Counter(failure[:3] for failure in failures)
    rows = [
        {"w": key[0], "id": key[1], "expression": key[2], "n": n, "error": errors[key]} for key, n in counts.items()
    ]
    if rows:
        await connection.execute(NOTE_FAILURES_SQL, (as_json(rows),))
