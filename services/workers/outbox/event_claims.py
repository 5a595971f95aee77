"""The outbox of events. An event is claimed by deleting it in the transaction that acts on it."""

from collections.abc import Sequence
from typing import Any

from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.workspace_fairness import (
    IS_NOT_PAUSED_SQL,
    LAST_SERVED_SQL,
    LOOK_AHEAD_ROWS,
    WorkspaceCursor,
    take_fair_batch,
    workspaces_cte,
)
from shared.platform.db.connections import ASYNC_COMMIT, Connection, as_json

EVENTS_PER_BATCH, SKIP_CHUNK_SIZE = 100, 10_000  # events in a claim, and events dropped by one statement

IS_WATCHED_SQL = "(SELECT v.is_watched FROM rule_versions v WHERE v.workspace_id = w.workspace_id)"

# Drops events of workspaces without rules. A new rule only applies to later events, so nothing is lost: either this
# statement sees the rule, or the events were committed before the rule.
SKIP_UNWATCHED_SQL = f"""
WITH RECURSIVE {workspaces_cte("events")}, quick AS (SELECT {ASYNC_COMMIT})
DELETE FROM events USING quick WHERE events.ctid = ANY (ARRAY(
    SELECT e.ctid FROM events e
    WHERE e.workspace_id = ANY (ARRAY(SELECT workspace_id FROM waiting w WHERE {IS_WATCHED_SQL} IS NOT TRUE))
    ORDER BY e.workspace_id, e.id LIMIT {SKIP_CHUNK_SIZE} FOR UPDATE OF e SKIP LOCKED))
"""

# Claims the oldest events of each workspace. Events that another engine has locked are skipped, and so are later events
# of the same leads, since the events of a lead are handled in the order in which they happened.
CLAIM_EVENTS_SQL = f"""
WITH RECURSIVE {workspaces_cte("events")}, served AS MATERIALIZED (
    SELECT workspace_id FROM waiting w WHERE {IS_WATCHED_SQL} AND {IS_NOT_PAUSED_SQL} LIMIT %(most)s
), head AS MATERIALIZED (
    SELECT found.* FROM served s, LATERAL (
        SELECT e.workspace_id, e.id, e.lead_id, row_number() OVER (ORDER BY e.id) AS turn FROM events e
        WHERE e.workspace_id = s.workspace_id
        ORDER BY e.id LIMIT {LOOK_AHEAD_ROWS} / (SELECT count(*) FROM served)) found
    ORDER BY turn, id
), mine AS MATERIALIZED (
    SELECT e.workspace_id, e.id, h.lead_id FROM head h JOIN events e ON e.workspace_id = h.workspace_id AND e.id = h.id
    ORDER BY h.turn, h.id LIMIT %(most)s FOR UPDATE OF e SKIP LOCKED
), others AS MATERIALIZED (
    SELECT workspace_id, lead_id, min(id) AS first FROM head WHERE id NOT IN (SELECT id FROM mine) GROUP BY 1, 2
), taken AS (
    DELETE FROM events e USING mine m
    WHERE e.workspace_id = m.workspace_id AND e.id = m.id AND NOT EXISTS (
        SELECT 1 FROM others o WHERE o.workspace_id = m.workspace_id AND o.lead_id = m.lead_id AND o.first < m.id)
    RETURNING e.id, e.workspace_id, e.type, e.lead_id, e.activity_id, e.occurred_at
)
SELECT s.last, t.*, a.data
FROM {LAST_SERVED_SQL}
LEFT JOIN taken t ON true
LEFT JOIN activities a ON a.workspace_id = t.workspace_id AND a.lead_id = t.lead_id AND a.id = t.activity_id
ORDER BY t.id
"""

# Entries of leads that were merged since: they are on the timeline of the lead that answers now.
MERGED_EVENTS_SQL = """
SELECT k.nr, r.winner_id, a.data FROM json_to_recordset(%s::json) AS k(nr int, w bigint, lead bigint, entry bigint)
JOIN lead_redirects r ON r.workspace_id = k.w AND r.lead_id = k.lead
JOIN activities a ON a.workspace_id = k.w AND a.lead_id = r.winner_id AND a.id = k.entry
"""
# Under the same ids, so that they are as old as before.
PUT_BACK_SQL = """
INSERT INTO events (workspace_id, id, type, lead_id, activity_id, occurred_at)
SELECT w, id, type, lead, entry, at
FROM json_to_recordset(%s::json) AS e(w bigint, id bigint, type text, lead bigint, entry bigint, at timestamptz)
ON CONFLICT DO NOTHING
"""
RUN_CHAINS_SQL = """
SELECT id, chain || automation_id FROM automation_runs WHERE workspace_id = ANY(%s) AND id = ANY(%s)
"""
OLDEST_WAITING_SQL = f"""
WITH RECURSIVE {workspaces_cte("events")}
SELECT extract(epoch FROM clock_timestamp() - min(since))::float8 FROM (
    SELECT min(occurred_at)
    FROM (SELECT workspace_id FROM waiting w
          WHERE {IS_WATCHED_SQL} AND {IS_NOT_PAUSED_SQL} LIMIT {EVENTS_PER_BATCH}) s, LATERAL (
        SELECT e.occurred_at FROM events e WHERE e.workspace_id = s.workspace_id ORDER BY e.id LIMIT 1) oldest
    UNION ALL SELECT min(due_at) FROM automation_runs WHERE due_at <= clock_timestamp() AND {IS_NOT_PAUSED_SQL}
    UNION ALL SELECT min(due_at) FROM inactivity_timers WHERE due_at <= clock_timestamp() AND {IS_NOT_PAUSED_SQL}
) found (since)
"""


async def skip_unwatched(connection: Connection) -> int:
    """Drop, in bulk, events of workspaces without rules. Return how many were dropped."""
    return (await connection.execute(SKIP_UNWATCHED_SQL, {"after": 0}, prepare=False)).rowcount


async def claim_events(
    connection: Connection, most: int = EVENTS_PER_BATCH, round_: WorkspaceCursor | None = None
) -> list[OutboxEvent]:
    """Take events out of the outbox; a rollback of the transaction puts them back.

    The batch takes the oldest events of each workspace, starting after the last workspace of the previous batch. Events
    without a timeline entry, whose lead was erased, are dropped.
    """
    rows = await take_fair_batch(connection, CLAIM_EVENTS_SQL, most, round_ or WorkspaceCursor())
    claimed = [OutboxEvent(*row) for row in rows]
    if any(event.data is None for event in claimed):
        claimed = await _follow_merged(connection, claimed)
    events = [event for event in claimed if event.data is not None]
    runs = {event.actor["run"]: event.workspace_id for event in events if event.actor.get("run")}
    chains = await _load_chains(connection, runs) if runs else {}
    return [event._replace(chain=_event_chain(event, chains)) for event in events]


async def put_back(connection: Connection, events: Sequence[OutboxEvent]) -> None:
    """Put claimed events back in the transaction that claimed them: nobody else has seen them go."""
    rows = [
        {"w": event.workspace_id, "id": event.id, "type": event.type, "lead": event.lead_id}
        | {"entry": event.activity_id, "at": event.occurred_at}
        for event in events
    ]
    await connection.execute(PUT_BACK_SQL, (as_json(rows),))


async def seconds_waiting(connection: Connection, paused: Sequence[int] = ()) -> float | None:
    """Return for how many seconds the oldest work has waited, or None if nothing waits.

    Work of `paused` workspaces is left out.
    """
    arguments = {"after": 0, "paused": list(paused)}
    row = await (await connection.execute(OLDEST_WAITING_SQL, arguments, prepare=False)).fetchone()
    return None if row is None else row[0]


async def _follow_merged(connection: Connection, events: list[OutboxEvent]) -> list[OutboxEvent]:
    """Return the events; those of merged leads are events of the lead that answers for them."""
    wanted = [
        {"nr": nr, "w": event.workspace_id, "lead": event.lead_id, "entry": event.activity_id}
        for nr, event in enumerate(events)
        if event.data is None
    ]
    rows = await (await connection.execute(MERGED_EVENTS_SQL, (as_json(wanted),))).fetchall()
    found = {nr: (winner, data) for nr, winner, data in rows}
    return [
        event._replace(lead_id=found[nr][0], data=found[nr][1]) if nr in found else event
        for nr, event in enumerate(events)
    ]


async def _load_chains(connection: Connection, runs: dict[int, int]) -> dict[int, tuple[int, ...]]:
    named = (list(set(runs.values())), list(runs))
    return {row[0]: tuple(row[1]) for row in await (await connection.execute(RUN_CHAINS_SQL, named)).fetchall()}


def _event_chain(event: OutboxEvent, chains: dict[int, Any]) -> tuple[int, ...]:
    """Return the automations that led to an event. If their run was deleted, return one zero for each."""
    found: tuple[int, ...] = chains.get(event.actor.get("run") or 0, (0,) * int(event.actor.get("depth", 0)))
    return found
