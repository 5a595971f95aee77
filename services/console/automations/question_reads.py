"""What the pages that ask about automations read: runs by state, and the automations with their last run for a lead."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from shared.automations.event_limits import LaneStop
from shared.automations.run_records import run_records
from shared.operations.lane_pauses import read_pauses
from shared.platform.db.connections import Connection

RUNS_PAGE = 50
MAX_COUNTED_RUNS = 10_000
MAX_LISTED = 500

# What a run `r` came to, as `run_records` has it: one with a delivery that failed has failed. A false condition
# ends a run early. Each delivery is looked up by its key: a join may read all that failed, for each run.
CAME_TO_SQL = """
CASE WHEN r.state <> 'done' THEN r.state
     WHEN r.steps @> '[{"outcome": "failed"}]' OR EXISTS (
         SELECT FROM jsonb_path_query(r.steps, '$[*].data.delivery_ids[*]') AS sent (id)
         WHERE (SELECT d.state FROM deliveries d WHERE d.workspace_id = r.workspace_id AND d.id = sent.id::bigint)
               = 'failed') THEN 'failed'
     WHEN r.steps @> '[{"outcome": "ended"}]' THEN 'condition'
     ELSE 'ended' END
"""
RUNS_SQL = f"""
SELECT id, lead_id, state, steps, jsonb_array_length(coalesce(plan, '[]')) AS plan_length, due_at, error, trigger_key,
       created_at, finished_at
FROM (SELECT * FROM automation_runs
      WHERE workspace_id = %(w)s AND automation_id = %(automation)s AND id < %(before)s
        AND (%(lead)s::bigint IS NULL OR lead_id = %(lead)s)
      ORDER BY id DESC LIMIT {MAX_COUNTED_RUNS}) r
WHERE %(state)s = '' OR {CAME_TO_SQL} = %(state)s
ORDER BY id DESC LIMIT %(size)s + 1
"""
COUNT_RUNS_SQL = f"""
SELECT {CAME_TO_SQL}, count(*)
FROM (SELECT * FROM automation_runs WHERE workspace_id = %s AND automation_id = %s
      ORDER BY id DESC LIMIT {MAX_COUNTED_RUNS}) r
GROUP BY 1
"""
# The submission that an entry of the timeline tells of. Runs name their entries.
ENTRIES_SQL = """
SELECT k.id, a.data->>'submission_id' AS submission_id, a.data->'by'->>'kind' AS by
FROM unnest(%s::bigint[], %s::bigint[]) AS k (id, lead)
JOIN activities a ON a.workspace_id = %s AND a.lead_id = k.lead AND a.id = k.id
"""
AUTOMATIONS_OF_LEAD_SQL = f"""
SELECT a.id, a.name, a.is_active, r.state, r.created_at AS ran_at
FROM automations a LEFT JOIN LATERAL (
    SELECT state, created_at FROM automation_runs
    WHERE workspace_id = a.workspace_id AND automation_id = a.id AND lead_id = %(lead)s ORDER BY id DESC LIMIT 1
) r ON true
WHERE a.workspace_id = %(w)s ORDER BY lower(a.name), a.id LIMIT {MAX_LISTED}
"""

RunRow = dict[str, Any]


@dataclass(frozen=True)
class RunsPage:
    """A page of runs, newest first, with what started each by its id. `older` is where the next page begins."""

    rows: list[RunRow]
    origins: dict[int, RunRow]
    older: int | None


@dataclass(frozen=True)
class AskedAutomation:
    """An automation, with its last run for a lead."""

    id: int
    name: str
    is_active: bool
    state: str | None
    ran_at: datetime | None


async def read_runs_page(
    connection: Connection,
    workspace_id: int,
    automation_id: int,
    state: str,
    before: int,
    lead_id: int | None,
    *,
    size: int = RUNS_PAGE,
) -> RunsPage:
    """Return runs of an automation in a state, before an id."""
    values: dict[str, object] = {"w": workspace_id, "automation": automation_id, "state": state, "before": before}
    values |= {"lead": lead_id, "size": size}
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(RUNS_SQL, values)).fetchall()
    shown = await run_records(connection, workspace_id, rows[:size])
    origins = await _read_origins(connection, workspace_id, shown)
    return RunsPage(shown, origins, shown[-1]["id"] if len(rows) > size else None)


async def count_runs(connection: Connection, workspace_id: int, automation_id: int) -> Counter[str]:
    """Return how many of the last runs are in each state. `total()` stops at MAX_COUNTED_RUNS."""
    found = await connection.execute(COUNT_RUNS_SQL, (workspace_id, automation_id))
    return Counter(dict(await found.fetchall()))


async def list_automations_of_lead(connection: Connection, workspace_id: int, lead_id: int) -> list[AskedAutomation]:
    """Return all automations by name, each with its last run for a lead."""
    async with connection.cursor(row_factory=class_row(AskedAutomation)) as cursor:
        values = {"w": workspace_id, "lead": lead_id}
        return await (await cursor.execute(AUTOMATIONS_OF_LEAD_SQL, values)).fetchall()


async def read_lane_stop(connection: Connection, workspace_id: int) -> LaneStop | None:
    """Return the pause of the workspace's lane of automations that holds now."""
    pauses = await read_pauses(connection, workspace_id)
    return next((LaneStop(one.reason, one.since, one.until) for one in pauses if one.lane == "automations"), None)


async def _read_origins(connection: Connection, workspace_id: int, runs: list[RunRow]) -> dict[int, RunRow]:
    entries = {run["id"]: int(run["trigger_key"][6:]) for run in runs if run["trigger_key"].startswith("entry:")}
    if not entries:
        return {}
    leads = [run["lead_id"] for run in runs if run["id"] in entries]
    async with connection.cursor(row_factory=dict_row) as cursor:
        values = (list(entries.values()), leads, workspace_id)
        found = {row["id"]: row for row in await (await cursor.execute(ENTRIES_SQL, values)).fetchall()}
    return {run_id: found[entry] for run_id, entry in entries.items() if entry in found}
