"""Lists of submissions: those that wait stand in their places among those decided, page by page and in a walk."""

import random
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api.context import driver_connection
from services.api.pages import CursorPage, PageRequest
from services.api.submissions import page_of_submissions
from shared import workspaces
from shared.accounting import ledger
from shared.intake import pending_submissions
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool, open_spool_client
from shared.intake.submission_lookup import find_submission
from shared.platform.cursors import CursorPosition, CursorSigner
from shared.platform.db.connections import Connection
from shared.platform.db.database_engine import make_engine
from shared.platform.ids import idempotency_uuid, now_ms, uuid7
from tests.support.ingesting import accept, drain, workspace_id
from tests.support.spooling import spooling

pytestmark = pytest.mark.integration

DECIDED = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts)
VALUES (%s, %s, to_timestamp(%s / 1000.0), 'done', 'inbound', %s, '{}', 1)
"""


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url, "tests", size=2)
    yield engine.execution_options(isolation_level="AUTOCOMMIT")
    await engine.dispose()


def sent(workspace: int, at: int, source: str | None = None, id_: str | None = None) -> JournalItem:
    return JournalItem(id_ or uuid7(at), at, workspace, "inbound", source, b'{"email": "a@example.com"}')


async def decide(database: Connection, item: JournalItem) -> None:
    await database.execute(DECIDED, (item.workspace_id, item.id, item.received_at, item.source))


async def page(
    engine: AsyncEngine, workspace: int, page: PageRequest, **asked: Any
) -> tuple[list[dict[str, Any]], int]:
    async with engine.connect() as connection:
        return await page_of_submissions(connection, workspace, page, asked)


async def walk(engine: AsyncEngine, workspace: int, size: int) -> list[str]:
    signer, after, met = CursorSigner("secret"), None, list[str]()
    while True:
        found, total = await page(engine, workspace, PageRequest(1, size, CursorPage(signer, after)))
        met += [str(one["id"]) for one in found]
        if total <= len(found):
            return met
        after = signer.decode_position(
            signer.encode_position(CursorPosition(found[-1]["received_at"], str(found[-1]["id"])))
        )


def newest_first(items: Sequence[JournalItem]) -> list[str]:
    return [item.id for item in sorted(items, key=lambda item: (item.received_at, item.id), reverse=True)]


@pytest.mark.parametrize(("decided", "waits"), [(0, 0), (0, 12), (23, 0), (23, 12), (9, 40), (40, 1)])
async def test_pending_and_decided_submissions_share_one_order(
    engine: AsyncEngine, database: Connection, decided: int, waits: int
) -> None:
    """Whether those that wait are newer than all others, as mostly, or among them, as those sent again are."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance, workspace, now = random.Random(seed), await workspace_id(database), now_ms()
    done = [sent(workspace, now - chance.randrange(30)) for _ in range(decided)]
    left = [sent(workspace, now - chance.randrange(30) + chance.choice([0, 20])) for _ in range(waits)]
    strangers = [sent(workspace + 1, now) for _ in range(3)]
    for item in done:
        await decide(database, item)
    for lane in Lane:
        await accept(database, left[lane::3] + strangers, lane)
    expected = newest_first(done + left)
    for size in (1, 7, 100):
        shown: list[str] = []
        for number in range(1, len(expected) // size + 3):
            found, total = await page(engine, workspace, PageRequest(number, size))
            assert (total, len(found) <= size) == (len(expected), True)
            shown += [str(one["id"]) for one in found]
        assert shown == expected
        assert await walk(engine, workspace, size) == expected


async def test_filters_hold_for_those_that_wait(database_url: str, engine: AsyncEngine, database: Connection) -> None:
    workspace, now = await workspace_id(database), now_ms()
    done, web, app = sent(workspace, now - 2, "web"), sent(workspace, now - 1, "web"), sent(workspace, now, "app")
    await decide(database, done)
    await accept(database, [web, app])

    async def found(**asked: Any) -> list[str]:
        shown, total = await page(engine, workspace, PageRequest(1, 15), **asked)
        assert total == len(shown)
        return [str(one["id"]) for one in shown]

    (newest, *_), _ = await page(engine, workspace, PageRequest(1, 15))
    assert (newest["state"], newest["payload"], newest["lead_id"]) == ("accepted", {"email": "a@example.com"}, None)
    assert await found(state="accepted") == [app.id, web.id]
    assert await found(state="done") == [done.id]
    assert await found(source="web") == [web.id, done.id]
    assert await found(channel="form:1") == []
    assert await found(is_duplicate=True) == await found(lead_id=1) == []
    at = newest["received_at"]
    assert await found(received_before=at) == [web.id, done.id]
    assert await found(received_after=at) == []
    assert await drain(database_url) == 2
    assert await found(state="accepted") == []


async def test_repeated_submission_is_listed_once(engine: AsyncEngine, database: Connection) -> None:
    workspace, now = await workspace_id(database), now_ms()
    repeated = idempotency_uuid(workspace, "inbound", "key")
    first, second = (sent(workspace, now - back, id_=repeated) for back in (5, 3))
    again = sent(workspace, now)
    await decide(database, again)
    await accept(database, [first, again])
    await accept(database, [second])
    assert await walk(engine, workspace, 10) == [again.id, repeated]
    await decide(database, first)
    key = "INSERT INTO submission_keys (workspace_id, id, received_at, body_hash) VALUES (%s, %s, now(), '')"
    await database.execute(key, (workspace, repeated))
    assert await walk(engine, workspace, 10) == [again.id, repeated]
    assert (await page(engine, workspace, PageRequest(1, 15), state="accepted"))[1] == 0


async def test_spooled_submissions_are_listed_for_their_workspace_only(
    engine: AsyncEngine, database: Connection, tmp_path: Path
) -> None:
    mine = await workspace_id(database)
    other = await workspaces.create_workspace(database, "other", "Other")
    items = [sent(mine, now_ms()), *[sent(other, now_ms()) for _ in range(2)]]
    with spooling(tmp_path) as url:
        async with open_spool_client(url) as client, engine.connect() as connection:
            spool = Spool(client)
            await spool.append_row(NewJournalRow.from_items(Lane.PROMPT, items, "nobody"))
            for workspace, theirs in ((mine, items[:1]), (other, items[1:])):
                at = await driver_connection(connection)
                found = [await find_submission(at, spool, workspace, uuid.UUID(item.id)) for item in items]
                assert [one.record["id"] for one in found if one] == [item.id for item in theirs]
                assert (await ledger.read_workspace_ledger(database, spool, workspace))["spooled"] == len(theirs)


async def test_of_a_backlog_the_newest_are_listed(engine: AsyncEngine, database: Connection) -> None:
    workspace, now = await workspace_id(database), now_ms()
    rows = [[sent(workspace, now + 500 * row + number) for number in range(500)] for row in range(12)]
    for items in rows:
        await accept(database, items)
    found, total = await page(engine, workspace, PageRequest(1, 15))
    assert total == pending_submissions.MAX_PENDING_SUBMISSIONS
    assert [one["id"] for one in found] == [item.id for item in rows[-1][:-16:-1]]
