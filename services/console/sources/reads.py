"""What the pages of sources read: refusals by the hour, the last submissions, and where leads can be placed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from psycopg.rows import dict_row

from shared.leads.submission import SOURCE_KEY
from shared.platform.db.connections import Connection

CHART_HOURS = 24
LAST_SHOWN = 5  # submissions on the page of a source
LAST_LOOKED_AT = 10  # submissions among which a mapping can be tried

REFUSED_HOURS_SQL = """
SELECT hour, sum(n)::bigint FROM integration_counts
WHERE workspace_id = %s AND integration_id = %s AND outcome LIKE 'rejected:%%'
  AND hour > date_trunc('hour', now()) - interval '24 h' GROUP BY 1
"""
# `channel <> 'inbound'` is the condition of the channels' index.
LAST_SUBMISSIONS_SQL = """
SELECT id, received_at, state, channel, source, lead_id, is_duplicate, matched_on, changes, warnings, attempts,
       processed_at, spam, rejected_at, cause_id, CASE WHEN octet_length(payload) <= 65536 THEN payload END AS payload
FROM submissions WHERE workspace_id = %s AND channel = %s AND channel <> 'inbound'
ORDER BY received_at DESC, id DESC LIMIT %s
"""
LAST_IDS_SQL = """
SELECT id, received_at FROM submissions WHERE workspace_id = %s AND channel = %s AND channel <> 'inbound'
ORDER BY received_at DESC, id DESC LIMIT %s
"""
PAYLOAD_SQL = "SELECT payload FROM submissions WHERE workspace_id = %s AND id = %s AND received_at = %s"
PAYLOAD_BY_KEY_SQL = """
SELECT payload FROM submissions WHERE workspace_id = %(w)s AND id = %(id)s AND received_at =
    (SELECT received_at FROM submission_keys WHERE workspace_id = %(w)s AND id = %(id)s)
"""
STAGES_SQL = """
SELECT s.id, s.pipeline_id, p.name AS pipeline, s.name AS stage FROM pipeline_stages s
JOIN pipelines p ON p.workspace_id = s.workspace_id AND p.id = s.pipeline_id
WHERE s.workspace_id = %s ORDER BY p.id, s.position, s.id LIMIT 500
"""
PIPELINES_SQL = "SELECT id, name FROM pipelines WHERE workspace_id = %s ORDER BY id LIMIT 200"
USERS_SQL = "SELECT id, name FROM users WHERE workspace_id = %s AND is_active ORDER BY lower(name), id LIMIT 500"


@dataclass(frozen=True)
class PlacementChoices:
    """The pipelines, stages and users that a setting may name."""

    pipelines: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    users: list[dict[str, Any]]


@dataclass(frozen=True)
class LastPayload:
    """A submission's payload, with the ids of the next newer and older ones. `raw` is the request that it came in."""

    id: str
    received_at: datetime
    body: dict[str, Any]
    raw: dict[str, Any] | None
    newer: str | None = None
    older: str | None = None

    @property
    def document(self) -> Any:
        """The provider's document, None if there is none."""
        part: dict[str, Any] = self.body.get(SOURCE_KEY) or {}
        return part.get("document")


async def read_refused_hours(connection: Connection, workspace_id: int, integration_id: int) -> list[int]:
    """Return the refused requests of the last 24 hours by the hour, the oldest first."""
    rows = await (await connection.execute(REFUSED_HOURS_SQL, (workspace_id, integration_id))).fetchall()
    counts = {hour.astimezone(UTC): int(n) for hour, n in rows}
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return [counts.get(this_hour - timedelta(hours=back), 0) for back in reversed(range(CHART_HOURS))]


async def read_last_submissions(connection: Connection, workspace_id: int, channel: str) -> list[dict[str, Any]]:
    """Return the newest decided submissions of a channel, as rows of a list."""
    return await _dicts(connection, LAST_SUBMISSIONS_SQL, (workspace_id, channel, LAST_SHOWN))


async def read_placement_choices(connection: Connection, workspace_id: int) -> PlacementChoices:
    """Return where leads can be placed in a workspace."""
    arguments = (workspace_id,)
    return PlacementChoices(
        await _dicts(connection, PIPELINES_SQL, arguments),
        await _dicts(connection, STAGES_SQL, arguments),
        await _dicts(connection, USERS_SQL, arguments),
    )


async def read_last_payload(
    connection: Connection, workspace_id: int, channel: str, wanted: str = ""
) -> LastPayload | None:
    """Return the payload of one of the newest submissions of a channel: the wanted one, otherwise the newest."""
    places = await _dicts(connection, LAST_IDS_SQL, (workspace_id, channel, LAST_LOOKED_AT))
    ids = [str(place["id"]) for place in places]
    if not ids:
        return None
    at = ids.index(wanted) if wanted in ids else 0
    place = places[at]
    asked = (workspace_id, place["id"], place["received_at"])
    rows = await (await connection.execute(PAYLOAD_SQL, asked)).fetchall()
    body = _parsed(rows)
    newer, older = (ids[at - 1] if at else None), (ids[at + 1] if at + 1 < len(ids) else None)
    raw = await read_raw_request(connection, workspace_id, body)
    return LastPayload(ids[at], place["received_at"], body, raw, newer, older)


async def read_raw_request(connection: Connection, workspace_id: int, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the request in which a submission came, also if another submission of it holds it."""
    part: dict[str, Any] = body.get(SOURCE_KEY) or {}
    if part.get("raw") or not part.get("raw_in"):
        return part.get("raw")
    asked = {"w": workspace_id, "id": uuid.UUID(str(part["raw_in"]))}
    holder = _parsed(await (await connection.execute(PAYLOAD_BY_KEY_SQL, asked)).fetchall())
    found: dict[str, Any] | None = (holder.get(SOURCE_KEY) or {}).get("raw")
    return found


def _parsed(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the payload in the first row as an object, an empty one if it is none."""
    try:
        body = orjson.loads(bytes(rows[0][0])) if rows else {}
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


async def _dicts(connection: Connection, statement: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement.encode(), values)).fetchall()
