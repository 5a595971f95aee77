"""`GET /api/v1/submissions/{id}`: what became of a submission, from the moment it was accepted."""

import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
import redis.asyncio as redis
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.paths import uuid_in
from services.api.state import ENGINE, SPOOL
from shared import ids
from shared.errors import NotFound
from shared.keys import Key
from shared.models import JournalRow, Submission, SubmissionKey
from shared.web.access import KEY, any_key, require
from shared.web.answers import answer

FIELDS = (
    "id state channel source key_id lead_id is_duplicate matched_on payload changes warnings error attempts "
    "received_at processed_at"
).split()
COLUMNS = [getattr(Submission, name) for name in FIELDS]


@any_key
async def show(request: web.Request) -> web.Response:
    """Any key may read a submission that it posted; others of its workspace need `read:operations`."""
    key: Key = request[KEY]
    wanted = uuid_in(request)
    found = await _find(request, key.workspace_id, wanted)
    if found is None:
        raise NotFound
    if found.pop("key_id") != key.id:
        require(key, "read:operations")
    return answer({"data": found})


async def _find(request: web.Request, workspace_id: int, wanted: uuid.UUID) -> dict[str, Any] | None:
    async with request.app[ENGINE].connect() as connection:
        found = await _final(connection, workspace_id, wanted) or await _waiting(connection, workspace_id, wanted)
    if found:
        return found
    try:
        item = await request.app[SPOOL].find(str(wanted))
    except redis.RedisError:
        return None
    return _accepted(item) if item and item["w"] == workspace_id else None


async def _final(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> dict[str, Any] | None:
    """Its row. The time, known from the id or from the key, leaves one partition to look into."""
    received_at = ids.time_of(str(wanted))
    if received_at is None:
        of_key = (SubmissionKey.workspace_id == workspace_id, SubmissionKey.id == wanted)
        received_at = (await connection.execute(select(SubmissionKey.received_at).where(*of_key))).scalar()
    if received_at is None:
        return None
    where = (
        Submission.workspace_id == workspace_id,
        Submission.id == wanted,
        Submission.received_at == received_at,
    )
    row = (await connection.execute(select(*COLUMNS).where(*where))).mappings().first()
    return {**row, "payload": _readable(row["payload"])} if row else None


async def _waiting(connection: AsyncConnection, workspace_id: int, wanted: uuid.UUID) -> dict[str, Any] | None:
    """Its place in the journal, if it is of that workspace."""
    query = select(JournalRow.payload).where(JournalRow.ids.contains([wanted]))
    for (payload,) in await connection.execute(query):
        for item in orjson.loads(payload)["items"]:
            if item["id"] == str(wanted) and item["w"] == workspace_id:
                return _accepted(item)
    return None


def _accepted(item: dict[str, Any]) -> dict[str, Any]:
    """A journal item in the shape of a submission's row: nothing is decided yet."""
    return {
        **dict.fromkeys(FIELDS),
        "id": item["id"],
        "state": "accepted",
        "channel": item["ch"],
        "source": item["src"],
        "key_id": item["k"],
        "payload": item["body"],
        "attempts": 0,
        "received_at": datetime.fromtimestamp(item["at"] / 1000, UTC),
    }


def _readable(payload: bytes) -> Any:
    """The payload as JSON where it is JSON, else as text."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
