"""The journal: what was accepted and is not yet ingested, one row per flush, committed before anybody is answered.

A row's document is `{"gateway": channel to reply to, "items": [item…]}`. An item is what `Item.encoded` writes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any, TypeVar

import orjson

from shared.db import UNHURRIED, Connection

T = TypeVar("T")

MOST = 500  # submissions in a row
MOST_BYTES = 256 << 10  # of their bodies, unless one alone has more: a batch takes several rows


class Lane(IntEnum):
    """Who goes first: workers take lane 0 before the others."""

    WAITED_FOR = 0  # somebody waits for the verdict, or a visitor sent a form
    PROMPT = 1  # respond-async, webhooks, batches
    BULK = 2  # imports, replays


class Item:
    """One accepted submission on its way to the journal. `received_at` is in milliseconds since the epoch."""

    __slots__ = ("body", "body_hash", "channel", "id", "key_id", "received_at", "reply", "source", "workspace_id")

    def __init__(
        self,
        submission_id: str,
        received_at: int,
        workspace_id: int,
        channel: str,
        source: str | None,
        body: bytes,
        key_id: int | None = None,
        body_hash: str | None = None,
        reply: int = 0,
    ) -> None:
        self.id = submission_id
        self.received_at = received_at
        self.workspace_id = workspace_id
        self.channel = channel
        self.source = source
        self.body = body  # JSON
        self.key_id = key_id  # of the API key that posted it
        self.body_hash = body_hash  # hex, of a submission with an idempotency key
        self.reply = reply  # the number that the gateway waits under; 0: nobody waits

    def encoded(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": self.id,
            "at": self.received_at,
            "w": self.workspace_id,
            "ch": self.channel,
            "src": self.source,
            "k": self.key_id,
            "body": orjson.Fragment(self.body),
        }
        if self.body_hash:
            item["hash"] = self.body_hash
        if self.reply:
            item["reply"] = self.reply
        return item


class Row:
    """What is written at once: a document and what must be known of it without opening it."""

    __slots__ = ("accepted", "document", "ids", "lane", "n")

    def __init__(self, lane: int, n: int, ids: str, accepted: str, document: bytes) -> None:
        self.lane = lane
        self.n = n
        self.ids = ids  # comma-separated
        self.accepted = accepted  # JSON: [[workspace id, how many]…]
        self.document = document

    @classmethod
    def of(cls, lane: Lane, items: Sequence[Item], gateway: str) -> "Row":
        """The row of one flush."""
        counts = Counter([item.workspace_id for item in items])
        document = orjson.dumps({"gateway": gateway, "items": [item.encoded() for item in items]})
        accepted = orjson.dumps([list(pair) for pair in counts.items()]).decode()
        return cls(int(lane), len(items), ",".join([item.id for item in items]), accepted, document)


def cut(pieces: Sequence[T], size: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Pieces of so many bytes, in order, as many at a time as a row may hold."""
    start = held = 0
    for end, piece in enumerate(pieces):
        held += size(piece)
        if end > start and (held > MOST_BYTES or end - start == MOST):
            yield pieces[start:end]
            start, held = end, size(piece)
    if pieces:
        yield pieces[start:]


# Ids travel as one text: psycopg dumps an array element by element.
APPEND = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT (pair->>0)::bigint, 'accepted', (pair->>1)::bigint FROM json_array_elements(%s::json) pair
)
INSERT INTO journal (lane, n, ids, payload) VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b)
"""
# Durable soon: for a row of which nobody is told before its worker's commit, which brings it to the disk as well.
APPEND_SOON = f"{APPEND} RETURNING {UNHURRIED}"

# Which of some submissions no row tells of. What it finds is on the disk when it returns: it writes, so that its own
# commit waits for the disk, with all that was committed before. In its one row, which always comes: as a source of
# rows, the writing would be left out where nothing is missing.
MISSING = """
SELECT pg_logical_emit_message(true, 'leadhub', ''), ARRAY(
    SELECT wanted.n FROM unnest(%s::bigint[], %s::uuid[]) WITH ORDINALITY AS wanted(workspace_id, id, n)
    WHERE NOT EXISTS (SELECT FROM journal j, unnest(j.ids) AS held(id) WHERE held.id = wanted.id)
      AND NOT EXISTS (SELECT FROM submissions s WHERE s.workspace_id = wanted.workspace_id AND s.id = wanted.id))
"""


async def missing(connection: Connection, items: Sequence[Item]) -> list[Item]:
    """Those of the items that are neither in the journal nor ingested; the others are durable from now on."""
    wanted = ([item.workspace_id for item in items], [item.id for item in items])
    [(_, places)] = await (await connection.execute(MISSING, wanted)).fetchall()
    return [items[place - 1] for place in places]


async def append(connection: Connection, row: Row) -> None:
    """Stores a row and counts it as accepted, in one statement."""
    await connection.execute(APPEND, (row.accepted, row.lane, row.n, row.ids, row.document))
