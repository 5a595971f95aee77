"""`GET /api/v1/operations`: queues, workers and dead letters."""

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Record
from services.api.requests import workspace_of
from services.api.shapes.operations import OperationsRecord
from services.api.state import SPOOL, raw, reading
from shared import ledger
from shared.db import Connection
from shared.models import Delivery, Event, Process
from shared.spool import Spool
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives

ALIVE = Process.seen_at > func.now() - text("interval '10 s'")


@needs("read:operations")
@gives(OperationsRecord)
async def show(request: web.Request) -> web.Response:
    """Show queues, processes and dead letters.

    All counts are the workspace's own. `oldest_waiting_s` is an upper bound while other workspaces wait as well.
    """
    workspace = workspace_of(request)
    async with reading(request) as connection:
        counts = await _counts(await raw(connection), request.app[SPOOL], workspace)
        oldest = counts.pop("oldest_waiting_s")
        events, pending, failed = await _outgoing(connection, workspace)
        workers = await _processes(connection)
    waiting = {"ingest": counts["pending"], "events": events, "deliveries": pending}
    dead = {"submissions": counts["dead"], "quarantined": counts["quarantined"], "deliveries": failed}
    return answer(
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


async def _counts(connection: Connection, spool: Spool, workspace_id: int) -> Record:
    try:
        return await ledger.read_of(connection, spool, workspace_id)
    except redis.RedisError:
        return {**await ledger.read_of(connection, None, workspace_id), "spooled": None}


async def _outgoing(connection: AsyncConnection, workspace_id: int) -> tuple[int, int, int]:
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


async def _processes(connection: AsyncConnection) -> list[Record]:
    shown = (Process.name, Process.kind, Process.started_at, Process.seen_at, ALIVE.label("is_alive"))
    at_work = Process.kind.in_(("worker", "sweeper"))
    rows = await connection.execute(select(*shown).where(at_work).order_by(Process.kind, Process.name))
    return [dict(row) for row in rows.mappings()]
