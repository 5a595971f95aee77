"""Many processes record events, and commit in any order: a reader who goes on by cursor misses none and meets none
twice."""

import asyncio
import random
from collections.abc import Sequence

import orjson
import pytest

from services.api.event_reads import FeedRequest, begin_feed, read_events
from shared.outbound.event_feed import record_events
from shared.platform.db.connections import Connection, connect
from shared.workspaces import create_workspace
from tests.support.feeds import event_of
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

WRITERS, BATCHES, SEED = 8, 40, 7


async def write(url: str, workspaces: Sequence[int], writer: int) -> None:
    """Batches of one to three events, for one feed or both, each in a transaction that takes its time."""
    draw, number = random.Random(SEED + writer), 0
    async with connect(url, "tests writer") as connection:
        for _ in range(BATCHES):
            batch = []
            for _ in range(draw.randint(1, 3)):
                number += 1
                batch.append(event_of(draw.choice(workspaces), writer, number))
            async with connection.transaction():
                await asyncio.sleep(draw.random() * 0.004)
                await record_events(connection, batch)
                await asyncio.sleep(draw.random() * 0.004)


async def read_until(url: str, workspace: int, writing: asyncio.Future[list[None]]) -> list[tuple[int, int]]:
    """Read by cursor until the writers have ended and nothing is left: the writer and number of each event."""
    found: list[tuple[int, int]] = []
    after = 0
    async with connect(url, "tests reader") as connection:
        while True:
            has_ended = writing.done()
            page = await read_events(connection, FeedRequest(workspace, after, (), 100))
            bodies = [orjson.loads(payload) for payload in page.payloads]
            found += [(body["data"]["writer"], body["lead"]["id"]) for body in bodies]
            after = page.next_position
            if has_ended and not bodies:
                return found


async def test_reader_by_cursor_misses_no_event_of_writers_and_meets_none_twice(
    database_url: str, database: Connection
) -> None:
    workspaces = [await workspace_id(database), await create_workspace(database, "other", "Other")]
    for workspace in workspaces:
        await begin_feed(database, workspace)
    writing = asyncio.gather(*[write(database_url, workspaces, writer) for writer in range(WRITERS)])
    read = await asyncio.gather(*[read_until(database_url, workspace, writing) for workspace in workspaces])
    await writing
    everything = [one for part in read for one in part]
    assert len(set(everything)) == len(everything)
    for writer in range(WRITERS):
        numbers = [number for found, number in everything if found == writer]
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), f"writer {writer}"
        assert len(numbers) >= BATCHES
        for part in read:  # what one process wrote stands in its order
            of_part = [number for found, number in part if found == writer]
            assert of_part == sorted(of_part)
