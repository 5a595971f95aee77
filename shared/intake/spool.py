"""The spool: the store of accepted submissions while PostgreSQL is away.

It is a stream in a separate Redis with `appendfsync always`, so that an entry is on disk before it is acknowledged.
Each entry is one journal row. The sweeper inserts it, commits, and only then deletes it. If it is killed in between,
the row is inserted twice, and ingest drops the submissions it has already seen.
"""

from collections.abc import AsyncIterator, Awaitable
from itertools import chain
from typing import Any, NamedTuple, cast

import orjson
import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection

from shared.intake import journal
from shared.intake.journal import NewJournalRow
from shared.platform.db.connections import Connection

SPOOL_STREAM = "leadhub:spool"
SPOOL_COUNT_KEY = "leadhub:spool:submissions"  # how many submissions the entries hold together
SPOOL_WORKSPACES_KEY = "leadhub:spool:workspaces"  # how many of them each workspace has
SPOOL_REPEATS_KEY = "leadhub:spool:repeats"  # by entry, the submissions of those that a database may hold as well
SPOOL_CHECK_KEY = "leadhub:spool:check"
DRAIN_CHUNK_SIZE = 16  # entries moved in one transaction

SubmissionKey = tuple[int, str]  # workspace id, submission id

# KEYS: the stream, the counts and the repeats. ARGV: for each entry its id, its number of submissions, and that of
# each workspace as JSON. Only entries that this call deletes reduce the counts, because another process may have
# deleted some before. An empty stream resets the others.
DELETE_ENTRIES_SCRIPT = """
for i = 1, #ARGV, 3 do
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    redis.call('DECRBY', KEYS[2], ARGV[i + 1])
    for _, pair in ipairs(cjson.decode(ARGV[i + 2])) do
      redis.call('HINCRBY', KEYS[3], pair[1], -pair[2])
    end
  end
  redis.call('HDEL', KEYS[4], ARGV[i])
end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('SET', KEYS[2], 0)
  redis.call('DEL', KEYS[3], KEYS[4])
end
"""
# KEYS: the same. ARGV: the number of submissions, that of each workspace as JSON, the submissions that a database may
# hold as well as JSON, empty if there are none, and the fields of the entry.
APPEND_SCRIPT = """
local entry = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
redis.call('INCRBY', KEYS[2], ARGV[1])
for _, pair in ipairs(cjson.decode(ARGV[2])) do
  redis.call('HINCRBY', KEYS[3], pair[1], pair[2])
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[4], entry, ARGV[3]) end
"""
SPOOL_KEYS = [SPOOL_STREAM, SPOOL_COUNT_KEY, SPOOL_WORKSPACES_KEY, SPOOL_REPEATS_KEY]

# Settings of a Redis that acknowledges a write only when it is on disk.
DURABLE_SETTINGS = {"appendonly": "yes", "appendfsync": "always"}


class NotDurable(redis.RedisError):
    """This Redis may lose acknowledged writes, so that no lead is stored in it."""


def open_spool_client(url: str, **timeouts: float) -> redis.Redis:
    """Return a client for appending. Each of its connections first checks the settings of the server.

    It raises NotDurable if they do not make writes durable. The check is repeated for each connection, because the
    server may have been restarted with other settings.
    """
    return redis.from_url(url, redis_connect_func=_connect_durably, **timeouts)


async def _connect_durably(connection: AbstractConnection) -> None:
    await connection.on_connect()
    await connection.send_command("CONFIG", "GET", "append*")
    answer = await connection.read_response()
    found = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    if any(found.get(name.encode()) != value.encode() for name, value in DURABLE_SETTINGS.items()):
        raise NotDurable("the spool needs `appendonly yes` and `appendfsync always`")


class SpoolEntry(NamedTuple):
    id: bytes
    row: NewJournalRow


class Spool:
    """The stream. `client` is connected to the spool's Redis, with short timeouts."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._delete_entries = client.register_script(DELETE_ENTRIES_SCRIPT)
        self._append = client.register_script(APPEND_SCRIPT)

    async def append_row(self, row: NewJournalRow, *, is_repeat: bool = False) -> None:
        """Store a row, which is on disk when this returns. Raises redis.RedisError if that failed.

        A repeat is one whose submissions the database may hold as well: they are noted, so that they can be counted
        once.
        """
        fields: dict[Any, Any] = {
            "lane": row.lane,
            "n": row.n,
            "ids": row.ids,
            "accepted": row.accepted,
            "document": row.document,
        }
        noted = orjson.dumps([(item.workspace_id, item.id) for item in row.read_items()]) if is_repeat else b""
        await self._append(keys=SPOOL_KEYS, args=[row.n, row.accepted, noted, *chain.from_iterable(fields.items())])

    async def check_writable(self) -> None:
        """Raise redis.RedisError if the spool is not writable. Reads would still work with a full disk."""
        await self._redis.set(SPOOL_CHECK_KEY, 1)

    async def rewrite_file(self) -> None:
        """Have the server write its file once more, in the background, without the entries that are gone."""
        await self._redis.bgrewriteaof()

    async def count_submissions(self) -> int:
        """Return how many submissions are in the spool."""
        return int(await self._redis.get(SPOOL_COUNT_KEY) or 0)

    async def read_repeats(self) -> list[SubmissionKey]:
        """Return the submissions of all repeats. One that was repeated twice is there twice."""
        noted = await cast("Awaitable[list[bytes]]", self._redis.hvals(SPOOL_REPEATS_KEY))
        return [(workspace_id, submission_id) for each in noted for workspace_id, submission_id in orjson.loads(each)]

    async def count_workspace_submissions(self, workspace_id: int) -> int:
        """Return how many of them belong to a workspace.

        While gateways and sweepers of an earlier version, which count none, use the spool as well, it is too small or
        too large until the spool is empty.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(SPOOL_COUNT_KEY)
            pipe.hget(SPOOL_WORKSPACES_KEY, str(workspace_id))
            total, own = [int(count or 0) for count in await pipe.execute()]
        return max(0, min(own, total))

    async def oldest_waiting_s(self) -> float:
        """Return the age of the oldest entry, in seconds by the spool's own clock, or 0 if there is none."""
        oldest = await self._read_chunk(1)
        if not oldest:
            return 0.0
        seconds, microseconds = await self._redis.time()
        return float(max(seconds + microseconds / 1e6 - int(oldest[0].id.partition(b"-")[0]) / 1e3, 0.0))

    async def find_item(self, submission_id: str) -> dict[str, Any] | None:
        """Return the journal item of a submission, or None. Reads the stream, so use it only as the last resort."""
        async for entry in self.all_entries():
            if submission_id in entry.row.ids:
                items: list[dict[str, Any]] = orjson.loads(entry.row.document)["items"]
                return next((item for item in items if item["id"] == submission_id), None)
        return None

    async def all_entries(self) -> AsyncIterator[SpoolEntry]:
        """Yield all entries, the oldest first."""
        start = b"-"
        while chunk := await self._read_chunk(DRAIN_CHUNK_SIZE, start):
            for entry in chunk:
                yield entry
            start = b"(" + chunk[-1].id

    async def wait_for_entry(self, seconds: float) -> bool:
        """Wait until there is an entry, at most for so many seconds. Return whether there is one."""
        return bool(await self._redis.xread({SPOOL_STREAM: "0"}, count=1, block=int(seconds * 1000)))

    async def drain_chunk(self, connection: Connection) -> int:
        """Move a chunk of entries to the journal. Return the number of their submissions."""
        chunk = await self._read_chunk(DRAIN_CHUNK_SIZE)
        if not chunk:
            return 0
        async with connection.transaction():
            for entry in chunk:
                await journal.append_row(connection, entry.row)
        deleted = [part for entry in chunk for part in (entry.id, entry.row.n, entry.row.accepted)]
        await self._delete_entries(keys=SPOOL_KEYS, args=deleted)
        return sum(entry.row.n for entry in chunk)

    async def _read_chunk(self, count: int, start: bytes = b"-") -> list[SpoolEntry]:
        entries = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]", await self._redis.xrange(SPOOL_STREAM, min=start, count=count)
        )
        return [SpoolEntry(id_, _row_from_fields(fields)) for id_, fields in entries]


def _row_from_fields(fields: dict[bytes, bytes]) -> NewJournalRow:
    return NewJournalRow(
        int(fields[b"lane"]),
        int(fields[b"n"]),
        fields[b"ids"].decode(),
        fields[b"accepted"].decode(),
        fields[b"document"],
    )
