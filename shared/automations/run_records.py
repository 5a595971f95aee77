"""Runs as they are shown: with the state of their deliveries, and with delays that are over.

A delivery ends long after its step and may be sent again. Its state is therefore read, and never copied into the run.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from psycopg.rows import dict_row

from shared.platform.db.connections import Connection

MAX_SHOWN_DELIVERIES = 10_000  # on one page
DELIVERY_IDS_FIELD = "delivery_ids"  # in a step's data

DELIVERIES_SQL = "SELECT id, state, error FROM deliveries WHERE workspace_id = %s AND id = ANY(%s::bigint[])"

RunRow = dict[str, Any]
DeliveriesById = Mapping[int, dict[str, Any]]


async def run_records(connection: Connection, workspace_id: int, runs: Sequence[RunRow]) -> list[RunRow]:
    """Return the records of runs, in their order."""
    ids = (id_ for run in runs for step in run["steps"] for id_ in step["data"].get(DELIVERY_IDS_FIELD, ()))
    deliveries, now = (
        await _read_deliveries(connection, workspace_id, list(islice(ids, MAX_SHOWN_DELIVERIES))),
        datetime.now(UTC),
    )
    return [_run_record(run, deliveries, now) for run in runs]


async def _read_deliveries(connection: Connection, workspace_id: int, ids: list[int]) -> DeliveriesById:
    if not ids:
        return {}
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(DELIVERIES_SQL, (workspace_id, ids))).fetchall()
    return {row["id"]: row for row in rows}


def _run_record(run: RunRow, deliveries: DeliveriesById, now: datetime) -> RunRow:
    steps = [_step_record(step, deliveries) for step in run["steps"]]
    for number, step in enumerate(steps):
        is_last = run["state"] == "waiting" and number == len(steps) - 1
        if step["outcome"] == "waiting" and not (is_last and datetime.fromisoformat(step["data"]["until"]) > now):
            step["outcome"] = "passed"
    failed = next((step for step in steps if step["outcome"] == "failed"), None)
    state = "failed" if failed and run["state"] == "done" else run["state"]
    return {**run, "steps": steps, "state": state, "error": run["error"] or (failed and failed["reason"])}


def _step_record(step: RunRow, deliveries: DeliveriesById) -> RunRow:
    data = dict(step["data"])
    sent = [deliveries[id_] for id_ in data.pop(DELIVERY_IDS_FIELD, ()) if id_ in deliveries]
    record = {**step, "data": data, "deliveries": sent}
    failed = next((one for one in sent if one["state"] == "failed"), None)
    if failed:
        record |= {"outcome": "failed", "reason": f"delivery {failed['id']} failed: {failed['error']}"}
    return record
