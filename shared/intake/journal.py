"""The journal: submissions that were accepted and are not yet ingested, one row per flush.

A row is committed before any of its callers gets a response. Its document is
`{"gateway": channel to reply to, "items": [item…]}`; the class for items below defines their keys.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any, TypeVar

import orjson

from shared.platform.db.connections import ASYNC_COMMIT, Connection

T = TypeVar("T")

INBOUND_CHANNEL = "inbound"  # of leads that come without a form, a source or an import
MAX_ROW_SUBMISSIONS = 500  # submissions in one row
MAX_ROW_BYTES = 256 << 10  # bytes of bodies in one row, unless a single one is larger; a batch takes several rows


class Lane(IntEnum):
    """The priority of a row. Workers take lane 0 before the others."""

    WAITED_FOR = 0  # a caller waits for the verdict, or a visitor sent a form
    PROMPT = 1  # respond-async, webhooks, batches
    BULK = 2  # imports, replays


class JournalItem:
    """An accepted submission on its way to the journal. `received_at` is in milliseconds since the epoch."""

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
        self.key_id = key_id  # the API key that posted it
        self.body_hash = body_hash  # hexadecimal, for a submission with an idempotency key
        self.reply = reply  # the number under which the gateway waits; 0: no caller waits

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "JournalItem":
        """Return the item that `to_document` wrote."""
        return cls(
            *(document["id"], document["at"], document["w"], document["ch"], document["src"]),
            body=orjson.dumps(document["body"]),
            key_id=document["k"],
            body_hash=document.get("hash"),
            reply=document.get("reply", 0),
        )

    def to_document(self) -> dict[str, Any]:
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


class NewJournalRow:
    """A row to be written: a document, and the facts that must be known without parsing it."""

    __slots__ = ("accepted", "document", "ids", "lane", "n")

    def __init__(self, lane: int, n: int, ids: str, accepted: str, document: bytes) -> None:
        self.lane = lane
        self.n = n
        self.ids = ids  # comma-separated
        self.accepted = accepted  # JSON: [[workspace id, number of submissions]…]
        self.document = document

    @classmethod
    def from_items(cls, lane: Lane, items: Sequence[JournalItem], gateway: str) -> "NewJournalRow":
        """Make the row of one flush."""
        counts = Counter([item.workspace_id for item in items])
        document = orjson.dumps({"gateway": gateway, "items": [item.to_document() for item in items]})
        accepted = orjson.dumps([list(pair) for pair in counts.items()]).decode()
        return cls(int(lane), len(items), ",".join([item.id for item in items]), accepted, document)

    def read_items(self) -> list[JournalItem]:
        """Return the items of its document."""
        return [JournalItem.from_document(each) for each in orjson.loads(self.document)["items"]]


def chunk_by_size(pieces: Sequence[T], size_of: Callable[[T], int]) -> Iterator[Sequence[T]]:
    """Split pieces, in order, into groups that each fit into one row. `size_of` returns the bytes of a piece."""
    start = held = 0
    for end, piece in enumerate(pieces):
        held += size_of(piece)
        if end > start and (held > MAX_ROW_BYTES or end - start == MAX_ROW_SUBMISSIONS):
            yield pieces[start:end]
            start, held = end, size_of(piece)
    if pieces:
        yield pieces[start:]


# Ids are passed as one text, since psycopg dumps an array element by element.
APPEND_ROW_SQL = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT (pair->>0)::bigint, 'accepted', (pair->>1)::bigint FROM json_array_elements(%s::json) pair
)
INSERT INTO journal (lane, n, ids, payload) VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b)
"""
# Commits without waiting for the disk. For a row that no caller hears of before its worker's commit, which makes the
# row durable as well.
APPEND_ROW_ASYNC_SQL = f"{APPEND_ROW_SQL} RETURNING {ASYNC_COMMIT}"

# Of `wanted`, those that are in no row.
_IS_MISSING_SQL = """NOT EXISTS (SELECT FROM journal j, unnest(j.ids) AS held(id) WHERE held.id = wanted.id)
      AND NOT EXISTS (SELECT FROM submissions s WHERE s.workspace_id = wanted.workspace_id AND s.id = wanted.id)
      AND NOT EXISTS (SELECT FROM source_fetches f WHERE f.workspace_id = wanted.workspace_id AND f.id = wanted.id)"""
# Finds submissions that are in no row. All others are durable when it returns: the statement writes a message, so that
# its commit waits until everything committed before is on disk. The call is in the SELECT list of a single row: in the
# FROM clause PostgreSQL would skip it when nothing is missing.
MISSING_ITEMS_SQL = f"""
SELECT pg_logical_emit_message(true, 'leadhub', ''), ARRAY(
    SELECT wanted.n FROM unnest(%s::bigint[], %s::uuid[]) WITH ORDINALITY AS wanted(workspace_id, id, n)
    WHERE {_IS_MISSING_SQL})
"""
COUNT_MISSING_SQL = f"""
SELECT count(DISTINCT wanted.id) FROM unnest(%s::bigint[], %s::uuid[]) AS wanted(workspace_id, id)
WHERE {_IS_MISSING_SQL}
"""


async def find_missing(connection: Connection, items: Sequence[JournalItem]) -> list[JournalItem]:
    """Return the items that are neither in the journal nor ingested. All others are durable from now on."""
    wanted = ([item.workspace_id for item in items], [item.id for item in items])
    [(_, places)] = await (await connection.execute(MISSING_ITEMS_SQL, wanted)).fetchall()
    return [items[place - 1] for place in places]


async def count_missing(connection: Connection, wanted: Sequence[tuple[int, str]]) -> int:
    """Return how many different submissions, by workspace and id, are neither in the journal nor ingested."""
    arguments = ([workspace_id for workspace_id, _ in wanted], [submission_id for _, submission_id in wanted])
    [(missing,)] = await (await connection.execute(COUNT_MISSING_SQL, arguments)).fetchall()
    return int(missing)


async def append_row(connection: Connection, row: NewJournalRow) -> None:
    """Store a row and count its submissions as accepted, in one statement."""
    await connection.execute(APPEND_ROW_SQL, (row.accepted, row.lane, row.n, row.ids, row.document))
