"""Write the events that are to be sent, each of them once, with the deliveries that carry them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from services.workers.conversions.conversion_triggers import ConversionMatch
from shared.outbound.deliveries import conversions_to_platform, enqueue_deliveries
from shared.platform.db.connections import Connection, as_json

MAX_BATCH_EVENTS = 1_000  # Meta takes no more in a request

# The status and stage of a new lead are those from before their first change. Rows are inserted in the order of their
# unique key, so that two engines cannot wait for one another.
INSERT_CONVERSIONS_SQL = """
INSERT INTO conversions (workspace_id, integration_id, lead_id, event, value, currency, conversion_action, occurred_at)
SELECT DISTINCT ON (m.w, m.integration, m.lead, m.event)
       m.w, m.integration, m.lead, m.event, m.value, m.currency, m.action, m.at
FROM json_to_recordset(%s::json) AS m(
    w bigint, integration bigint, lead bigint, activity bigint, at timestamptz, event text, value float8, currency text,
    action text, status text, stage text)
JOIN leads l ON l.workspace_id = m.w AND l.id = m.lead
WHERE (m.status IS NULL OR m.status = coalesce((
          SELECT coalesce(a.data->'changes'->'status'->>'from', '') FROM activities a
          WHERE a.workspace_id = m.w AND a.lead_id = m.lead AND a.id > m.activity AND a.data->'changes' ? 'status'
          ORDER BY a.id LIMIT 1), l.status))
  AND (m.stage IS NULL OR m.stage = coalesce((
          SELECT coalesce(a.data->'changes'->'pipeline_stage_id'->>'from', '') FROM activities a
          WHERE a.workspace_id = m.w AND a.lead_id = m.lead AND a.id > m.activity
            AND a.data->'changes' ? 'pipeline_stage_id'
          ORDER BY a.id LIMIT 1), l.pipeline_stage_id::text))
ORDER BY m.w, m.integration, m.lead, m.event, m.activity
ON CONFLICT (workspace_id, integration_id, lead_id, event) DO NOTHING
RETURNING workspace_id, integration_id, conversion_action, id
"""
ASSIGN_DELIVERIES_SQL = """
UPDATE conversions c SET delivery_id = d.delivery
FROM json_to_recordset(%s::json) AS d(w bigint, id bigint, delivery bigint)
WHERE c.workspace_id = d.w AND c.id = d.id
"""


async def queue_conversions(connection: Connection, matches: Sequence[ConversionMatch]) -> bool:
    """Write the events that no lead has sent yet, and their deliveries, in the caller's transaction.

    Return whether there are any. A delivery has the events of one integration and one conversion action.
    """
    if not matches:
        return False
    rows = await connection.execute(INSERT_CONVERSIONS_SQL, (as_json([_match_row(one) for one in matches]),))
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for workspace_id, integration_id, action, id_ in await rows.fetchall():
        groups[workspace_id, integration_id, action].append(id_)
    parts = [
        (workspace_id, integration_id, sorted(ids)[start : start + MAX_BATCH_EVENTS])
        for (workspace_id, integration_id, _), ids in groups.items()
        for start in range(0, len(ids), MAX_BATCH_EVENTS)
    ]
    await send_in_batches(connection, parts)
    return bool(parts)


async def send_in_batches(connection: Connection, parts: Sequence[tuple[int, int, Sequence[int]]]) -> None:
    """Write a delivery for each part: workspace, integration, and the ids of the events that it carries."""
    deliveries = [
        conversions_to_platform(workspace_id, integration_id, len(ids)) for workspace_id, integration_id, ids in parts
    ]
    delivery_ids = await enqueue_deliveries(connection, deliveries)
    carried = [
        {"w": workspace_id, "id": id_, "delivery": delivery_ids[new.message_id]}
        for new, (workspace_id, _, ids) in zip(deliveries, parts, strict=True)
        for id_ in ids
    ]
    if carried:
        await connection.execute(ASSIGN_DELIVERIES_SQL, (as_json(carried),))


def _match_row(match: ConversionMatch) -> dict[str, Any]:
    definition = match.definition
    return {
        "w": match.workspace_id,
        "integration": match.integration_id,
        "lead": match.lead_id,
        "activity": match.activity_id,
        "at": match.occurred_at,
        "event": definition["event"],
        "value": definition.get("value"),
        "currency": definition.get("currency"),
        "action": definition.get("conversion_action"),
        "status": match.status,
        "stage": None if match.stage_id is None else str(match.stage_id),
    }
