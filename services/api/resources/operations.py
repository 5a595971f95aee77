"""`GET /api/v1/operations`: queues, workers and dead letters."""

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SPOOL_KEY, driver_connection, reading
from services.api.crud import RecordDict
from services.api.request_parsing import workspace_of
from services.api.schemas.operations import OperationsRecord
from shared.accounting import ledger
from shared.db.connections import Connection
from shared.intake.spool import Spool
from shared.models import Delivery, Event, Process
from shared.web.authorization import requires_scope
from shared.web.openapi import responds
from shared.web.responses import json_response

IS_ALIVE = Process.seen_at > func.now() - text("interval '10 s'")


@requires_scope("read:operations")
@responds(OperationsRecord)
async def show(request: web.Request) -> web.Response:
    """Show queues, processes and dead letters.

    All counts are the workspace's own. `oldest_waiting_s` is an upper bound while other workspaces wait as well.
    """
    workspace = workspace_of(request)
    async with reading(request) as connection:
        counts = await _backlog_counts(await driver_connection(connection), request.app[SPOOL_KEY], workspace)
        oldest = counts.pop("oldest_waiting_s")
        events, pending, failed = await _outgoing_counts(connection, workspace)
        workers = await _process_records(connection)
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
            }
        }
    )


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
    shown = (Process.name, Process.kind, Process.started_at, Process.seen_at, IS_ALIVE.label("is_alive"))
    at_work = Process.kind.in_(("worker", "sweeper"))
    rows = await connection.execute(select(*shown).where(at_work).order_by(Process.kind, Process.name))
    return [dict(row) for row in rows.mappings()]
