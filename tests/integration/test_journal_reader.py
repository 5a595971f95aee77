"""What a worker finds waiting in the journal."""

import pytest

from services.workers.ingest import journal_reader
from services.workers.ingest.journal_reader import (
    MAX_BYTES_READ,
    MAX_LEADS_READ,
    MAX_ROWS_READ,
    JournalReader,
    LaneHead,
)
from shared.intake.journal import Lane
from shared.platform.db.connections import Connection
from tests.support.ingesting import accept, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

PROCESS = """
INSERT INTO processes (name, kind, host, pid, in_hand, seen_at)
SELECT %s, 'worker', 'h', 1, coalesce(array_agg(id), '{}'), now() - %s * interval '1 s' FROM journal
"""


async def waits(connection: Connection, lane: Lane = Lane.PROMPT) -> int:
    """A journal row; its id."""
    await accept(connection, [item(await workspace_id(connection), {"email": "a@example.com"})], lane)
    return int((await rows(connection, "SELECT max(id) FROM journal"))[0][0])


async def seen(connection: Connection, eyes: JournalReader, older_than_ms: int = 0) -> list[int]:
    found = await eyes.read_heads(connection, older_than_ms, Lane.WAITED_FOR)
    return [row_id for lane in found for row_id in lane.row_ids]


async def test_a_row_that_is_committed_late_is_found_behind_those_that_were(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_reader, "RESCAN_INTERVAL_SECONDS", 0.0)
    eyes, first = JournalReader("w1@h"), await waits(database)
    await database.execute("UPDATE journal SET id = id + 100")
    assert await seen(database, eyes) == [first + 100]
    await waits(database)
    late, last = sorted(row_id for (row_id,) in await rows(database, "SELECT id FROM journal"))
    assert last == first + 100
    assert await seen(database, eyes) == [late, last]


@pytest.mark.parametrize(("name", "ago", "is_seen"), [("w2@h", 1, False), ("w2@h", 11, True), ("w1@h", 1, True)])
async def test_rows_of_a_living_worker_are_skipped(database: Connection, name: str, ago: int, is_seen: bool) -> None:
    row_id = await waits(database)
    await database.execute(PROCESS, (name, ago))
    assert await seen(database, JournalReader("w1@h")) == ([row_id] if is_seen else [])


async def test_journal_reader_skips_rows_that_are_young_or_not_due(database: Connection) -> None:
    eyes, row_id = JournalReader("w1@h"), await waits(database)
    assert await seen(database, eyes, older_than_ms=60_000) == []
    await database.execute("UPDATE journal SET stored_at = now() - interval '2 min'")
    assert await seen(database, eyes, older_than_ms=60_000) == [row_id]
    await database.execute("UPDATE journal SET due_at = now() + interval '1 min'")
    assert await seen(database, eyes, older_than_ms=60_000) == []


async def test_the_first_lanes_rows_are_noted_as_in_hand(database: Connection) -> None:
    await database.execute(PROCESS, ("w1@h", 0))
    await waits(database, Lane.BULK)
    prompt = await waits(database, Lane.PROMPT)
    eyes = JournalReader("w1@h")
    await seen(database, eyes)
    assert eyes.noted_row_ids == [prompt]
    assert await rows(database, "SELECT in_hand FROM processes") == [([prompt],)]


async def test_suspects_are_left_out_while_another_process_tries_one(database: Connection) -> None:
    suspects = [await waits(database) for _ in range(3)]
    await database.execute("UPDATE journal SET attempts = 2")
    fresh = await waits(database)
    await database.execute(PROCESS, ("w1@h", 0))
    await database.execute("UPDATE processes SET in_hand = '{}'")
    eyes = JournalReader("w1@h")
    assert await seen(database, eyes) == [*suspects, fresh]
    assert eyes.noted_row_ids == [fresh]
    await database.execute(PROCESS, ("w2@h", 0))
    await database.execute("UPDATE processes SET in_hand = ARRAY[%s] WHERE name = 'w2@h'", (-suspects[1],))
    assert await seen(database, JournalReader("w1@h")) == [fresh]
    await database.execute("DELETE FROM journal WHERE id = %s", (suspects[1],))
    assert await seen(database, JournalReader("w1@h")) == [suspects[0], suspects[2], fresh]


def test_a_batch_ends_before_a_suspect_and_a_suspect_is_alone() -> None:
    head = LaneHead(Lane.PROMPT, [1, 2, 3, 4], [1, 1, 1, 1], [0, 1, 2, 0], 0)
    assert head.rows_within(500) == [1, 2]
    assert LaneHead(Lane.PROMPT, [3, 4], [1, 1], [2, 0], 0).rows_within(500) == [3]


@pytest.mark.parametrize(
    ("sizes", "most", "chosen"), [([300, 200, 1], 500, [0, 1]), ([300, 201], 500, [0]), ([600, 1], 500, [0])]
)
def test_a_batch_holds_what_fits_and_one_row_at_least(sizes: list[int], most: int, chosen: list[int]) -> None:
    assert LaneHead(Lane.PROMPT, [*range(len(sizes))], sizes, [0] * len(sizes), 0).rows_within(most) == chosen


@pytest.mark.parametrize(
    ("sizes", "size", "is_whole"),
    [
        ([MAX_LEADS_READ - 1], MAX_BYTES_READ - 1, True),
        ([MAX_LEADS_READ], 1, False),
        ([1] * MAX_ROWS_READ, 1, False),
        ([1], MAX_BYTES_READ, False),
    ],
)
def test_a_look_ends_at_so_many_leads_rows_or_bytes(sizes: list[int], size: int, is_whole: bool) -> None:
    assert LaneHead(Lane.PROMPT, [*range(len(sizes))], sizes, [0] * len(sizes), size).is_whole_lane is is_whole
