"""The spool: where accepted submissions wait while PostgreSQL is away.

A Redis stream in an instance of its own with `appendfsync always`: an entry is on disk before it is acknowledged. An
entry is one journal row. The drainer inserts it, commits, and only then deletes it: killed in between, it inserts the
row twice, and ingest drops what it knows already.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast

import orjson
import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection

from shared import journal
from shared.db import Connection
from shared.journal import Row

STREAM = "leadhub:spool"
COUNT = "leadhub:spool:submissions"  # how many submissions the entries hold together
CHECK = "leadhub:spool:check"
CHUNK = 16  # entries moved in one transaction


# KEYS: stream and count; ARGV: an entry's id and its submissions, and so on. Counts what it deletes itself: it may come
# late, after others have deleted the same. Where no entry is left nothing waits, whatever was counted.
FORGET = """
for i = 1, #ARGV, 2 do
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[i + 1]) end
end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SET', KEYS[2], 0) end
"""

KEEPS = {"appendonly": "yes", "appendfsync": "always"}  # the settings of a Redis whose every answer is on its disk


class NotDurable(redis.RedisError):
    """A Redis that may lose what it has answered for: no lead is given to it."""


def open_spool(url: str, **timeouts: float) -> redis.Redis:
    """A client for who appends. Each of its connections asks first whether the server keeps what it takes, and raises
    NotDurable where it does not: it may have come, or come back, with other settings since the service started."""
    return redis.from_url(url, redis_connect_func=_connect, **timeouts)


async def _connect(connection: AbstractConnection) -> None:
    await connection.on_connect()
    await connection.send_command("CONFIG", "GET", "append*")
    answer = await connection.read_response()
    found = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    if any(found.get(name.encode()) != value.encode() for name, value in KEEPS.items()):
        raise NotDurable("the spool needs `appendonly yes` and `appendfsync always`")


class Entry(NamedTuple):
    id: bytes
    row: Row


class Spool:
    """The stream. `client` talks to the spool's own Redis, with short time-outs."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._forget = client.register_script(FORGET)

    async def append(self, row: Row) -> None:
        """Stores a row; it is on disk when this returns. Raises redis.RedisError if it could not be stored."""
        fields: dict[Any, Any] = {
            "lane": row.lane,
            "n": row.n,
            "ids": row.ids,
            "accepted": row.accepted,
            "document": row.document,
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(STREAM, fields)
            pipe.incrby(COUNT, row.n)
            await pipe.execute()

    async def check(self) -> None:
        """Writes a little, as `append` does. Raises redis.RedisError if it could not: a full disk can be read."""
        await self._redis.set(CHECK, 1)

    async def submissions(self) -> int:
        """How many submissions wait here."""
        return int(await self._redis.get(COUNT) or 0)

    async def submissions_of(self, workspace_id: int) -> int:
        """How many of them are a workspace's. Walks the stream, which is empty but for while PostgreSQL is away."""
        if not await self.submissions():
            return 0
        accepted = [orjson.loads(entry.row.accepted) async for entry in self.entries()]
        return sum(n for pairs in accepted for workspace, n in pairs if workspace == workspace_id)

    async def oldest_waiting_s(self) -> float:
        """For how long the oldest entry has been waiting, in seconds by the spool's own clock; 0 where none is."""
        oldest = await self._read(1)
        if not oldest:
            return 0.0
        seconds, microseconds = await self._redis.time()
        return float(max(seconds + microseconds / 1e6 - int(oldest[0].id.partition(b"-")[0]) / 1e3, 0.0))

    async def find(self, submission_id: str) -> dict[str, Any] | None:
        """The journal item of a submission that waits here. Walks the stream: asked when nothing else knew of it."""
        async for entry in self.entries():
            if submission_id in entry.row.ids:
                items: list[dict[str, Any]] = orjson.loads(entry.row.document)["items"]
                return next((item for item in items if item["id"] == submission_id), None)
        return None

    async def entries(self) -> AsyncIterator[Entry]:
        """All entries, oldest first."""
        start = b"-"
        while chunk := await self._read(CHUNK, start):
            for entry in chunk:
                yield entry
            start = b"(" + chunk[-1].id

    async def drain(self, connection: Connection) -> int:
        """Moves up to CHUNK entries into the journal; returns how many submissions that were."""
        chunk = await self._read(CHUNK)
        if not chunk:
            return 0
        async with connection.transaction():
            for entry in chunk:
                await journal.append(connection, entry.row)
        await self._forget(keys=[STREAM, COUNT], args=[part for entry in chunk for part in (entry.id, entry.row.n)])
        return sum(entry.row.n for entry in chunk)

    async def _read(self, count: int, start: bytes = b"-") -> list[Entry]:
        found = cast("list[tuple[bytes, dict[bytes, bytes]]]", await self._redis.xrange(STREAM, min=start, count=count))
        return [Entry(id_, _row(fields)) for id_, fields in found]


def _row(fields: dict[bytes, bytes]) -> Row:
    return Row(
        int(fields[b"lane"]),
        int(fields[b"n"]),
        fields[b"ids"].decode(),
        fields[b"accepted"].decode(),
        fields[b"document"],
    )
