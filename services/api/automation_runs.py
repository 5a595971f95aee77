"""Automation runs as the API shows them: with the state of their deliveries, and with delays that are over.

A delivery ends long after its step and may be sent again. Its state is therefore read, and never copied into the run.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import ARRAY, BigInteger, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.crud import RecordDict
from shared.models import Delivery

MAX_SHOWN_DELIVERIES = 10_000  # on one page
DELIVERY_IDS_FIELD = "delivery_ids"  # in a step's data

DeliveriesById = Mapping[int, RecordDict]


async def run_records(connection: AsyncConnection, workspace_id: int, runs: Sequence[RecordDict]) -> list[RecordDict]:
    """Return the records of runs, in their order."""
    ids = (id_ for run in runs for step in run["steps"] for id_ in step["data"].get(DELIVERY_IDS_FIELD, ()))
    deliveries, now = (
        await _read_deliveries(connection, workspace_id, list(islice(ids, MAX_SHOWN_DELIVERIES))),
        datetime.now(UTC),
    )
    return [_run_record(run, deliveries, now) for run in runs]


async def _read_deliveries(connection: AsyncConnection, workspace_id: int, ids: list[int]) -> DeliveriesById:
    if not ids:
        return {}
    wanted = Delivery.id == any_(literal(ids, ARRAY(BigInteger)))
    query = select(Delivery.id, Delivery.state, Delivery.error).where(Delivery.workspace_id == workspace_id, wanted)
    return {row["id"]: dict(row) for row in (await connection.execute(query)).mappings()}


def _run_record(run: RecordDict, deliveries: DeliveriesById, now: datetime) -> RecordDict:
    steps = [_step_record(step, deliveries) for step in run["steps"]]
    for number, step in enumerate(steps):
        is_last = run["state"] == "waiting" and number == len(steps) - 1
        if step["outcome"] == "waiting" and not (is_last and datetime.fromisoformat(step["data"]["until"]) > now):
            step["outcome"] = "passed"
    failed = next((step for step in steps if step["outcome"] == "failed"), None)
    state = "failed" if failed and run["state"] == "done" else run["state"]
    return {**run, "steps": steps, "state": state, "error": run["error"] or (failed and failed["reason"])}


def _step_record(step: RecordDict, deliveries: DeliveriesById) -> RecordDict:
    data = dict(step["data"])
    sent = [deliveries[id_] for id_ in data.pop(DELIVERY_IDS_FIELD, ()) if id_ in deliveries]
    record = {**step, "data": data, "deliveries": sent}
    failed = next((one for one in sent if one["state"] == "failed"), None)
    if failed:
        record |= {"outcome": "failed", "reason": f"delivery {failed['id']} failed: {failed['error']}"}
    return record
