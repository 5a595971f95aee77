"""`/api/v1/operations`: queues, workers and dead letters, pauses of lanes, and the history."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SPOOL_KEY, driver_connection, reading, writing
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, key_of, query_of, workspace_of
from services.api.schemas.operations import HistoryQuery, HistoryRecord, LaneRecord, OperationsRecord, PauseFields
from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.models import Delivery, Event, Process
from shared.operations.history import MAX_HISTORY_MINUTES, MINUTES_BY_THE_MINUTE, HistoryPoint, read_history
from shared.operations.lane_names import LANE_NAMES, WORKSPACE_LANES, LaneName
from shared.operations.lane_pauses import LaneActor, pause_lane, resume_lane
from shared.operations.overview import neutral_process_names, read_lanes
from shared.operations.overview_types import LaneState
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

IS_ALIVE = Process.seen_at > func.now() - text("interval '10 s'")


@requires_scope("read:operations")
@responds(OperationsRecord)
async def show(request: web.Request) -> web.Response:
    """Show queues, lanes, processes and dead letters.

    All counts are the workspace's own. `oldest_waiting_s` is an upper bound while other workspaces wait as well.
    """
    workspace = workspace_of(request)
    async with reading(request) as connection:
        counts = await _backlog_counts(await driver_connection(connection), request.app[SPOOL_KEY], workspace)
        oldest = counts.pop("oldest_waiting_s")
        events, pending, failed = await _outgoing_counts(connection, workspace)
        workers = await _process_records(connection)
        lanes = await read_lanes(await driver_connection(connection), workspace)
    waiting = {"ingest": counts["pending"], "events": events, "deliveries": pending}
    dead = {"submissions": counts["dead"], "quarantined": counts["quarantined"], "deliveries": failed}
    return json_response(
        {
            "data": {
                "ledger": counts,
                "oldest_waiting_s": oldest,
                "queues": [{"name": name, "waiting": n} for name, n in waiting.items()],
                "workers": workers,
                "dead_letters": dead,
                "lanes": [_lane_record(lane) for lane in lanes],
            }
        }
    )


@requires_scope("write:operations")
@request_body(PauseFields, required=("reason",), example={"reason": "The CRM is being moved."})
@responds(LaneRecord)
async def pause(request: web.Request) -> web.Response:
    """Pause a lane of the workspace: `automations` or `deliveries`.

    Accepted work waits meanwhile and nothing is lost. The pause ends when the lane is resumed, or at `until`. For
    `waited_for`, `prompt` and `bulk`, which serve all workspaces, the response is 403: only an operator pauses them.
    """
    lane, fields = _lane_of(request), await body_of(request)

    async def pause_in_transaction(connection: Connection) -> None:
        what = (lane, workspace_of(request), _actor_of(request))
        await pause_lane(connection, *what, fields["reason"], fields.get("until"))

    return await _change_lane(request, lane, pause_in_transaction)


@requires_scope("write:operations")
@responds(LaneRecord)
async def resume(request: web.Request) -> web.Response:
    """Resume a paused lane of the workspace: its work goes on within a second."""
    lane = _lane_of(request)

    async def resume_in_transaction(connection: Connection) -> None:
        await resume_lane(connection, lane, workspace_of(request), _actor_of(request))

    return await _change_lane(request, lane, resume_in_transaction)


@requires_scope("read:operations")
@query_params(HistoryQuery)
@responds(HistoryRecord)
async def history(request: web.Request) -> web.Response:
    """Show the last `minutes` (60 unless given): submissions, the time until they were decided, and the lanes' work.

    Up to an hour comes by the minute, more by half hours, at most two days: more is taken as 2880.
    """
    minutes = min(query_of(request).get("minutes", MINUTES_BY_THE_MINUTE), MAX_HISTORY_MINUTES)
    async with reading(request) as connection:
        driver = await driver_connection(connection)
        step, points = await read_history(driver, workspace_of(request), minutes, WORKSPACE_LANES)
    return record_response(request, {"step_s": step, "points": [_history_record(point) for point in points]})


def _history_record(point: HistoryPoint) -> RecordDict:
    record = asdict(point)
    return {**record, "lanes": [{"name": name, **figures} for name, figures in record["lanes"].items()]}


def _lane_of(request: web.Request) -> LaneName:
    """Return the lane of the path. Raises NotFound for an unknown name."""
    name = request.match_info["lane"]
    if name not in LANE_NAMES:
        raise NotFound("There is no such lane.")
    return name


def _actor_of(request: web.Request) -> LaneActor:
    key = key_of(request)
    return LaneActor("key", key.id, key.name)


async def _change_lane(
    request: web.Request, lane: LaneName, change: Callable[[Connection], Awaitable[None]]
) -> web.Response:
    async def change_and_read(connection: AsyncConnection) -> list[LaneState]:
        driver = await driver_connection(connection)
        await change(driver)
        return await read_lanes(driver, workspace_of(request))

    lanes = await writing(request, change_and_read)
    return record_response(request, next(_lane_record(state) for state in lanes if state.name == lane))


def _lane_record(lane: LaneState) -> RecordDict:
    record = asdict(lane)
    pause = record["pause"] and {name: value or None for name, value in record["pause"].items()}
    if pause:
        pause |= {name: record["pause"][name] for name in ("acknowledged", "processes")}
    durations = {name: record[name] or None for name in ("waiting_ms", "work_ms")}
    return {**record, **durations, "pause": pause, "is_paused": pause is not None}


async def _backlog_counts(connection: Connection, spool: Spool, workspace_id: int) -> RecordDict:
    try:
        return await ledger.read_workspace_ledger(connection, spool, workspace_id)
    except redis.RedisError:
        return {**await ledger.read_workspace_ledger(connection, None, workspace_id), "spooled": None}


async def _outgoing_counts(connection: AsyncConnection, workspace_id: int) -> tuple[int, int, int]:
    """Count the events that are not processed yet, the pending deliveries, and the failed ones."""
    events = select(func.count()).select_from(Event).where(Event.workspace_id == workspace_id).scalar_subquery()
    pending, failed = (
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.workspace_id == workspace_id, Delivery.state == state)
        .scalar_subquery()
        for state in ("pending", "failed")
    )
    row = (await connection.execute(select(events, pending, failed))).one()
    return row[0], row[1], row[2]


async def _process_records(connection: AsyncConnection) -> list[RecordDict]:
    shown = (
        *(Process.name, Process.kind, Process.started_at, Process.seen_at, IS_ALIVE.label("is_alive")),
        *(Process.memory_bytes, Process.restarts, Process.activity),
    )
    at_work = Process.kind.in_(("worker", "sweeper"))
    rows = await connection.execute(select(*shown).where(at_work).order_by(Process.kind, Process.name))
    records = [dict(row) for row in rows.mappings()]
    names = neutral_process_names(record["kind"] for record in records)
    return [{**record, "name": name} for record, name in zip(records, names, strict=True)]
