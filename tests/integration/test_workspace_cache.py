"""What a worker remembers of a workspace: what is changed there holds for the next lead, and nothing else is read anew.

One worker ingests all leads of a test, as it does in life.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from services.workers.ingest import workspace_cache
from services.workers.ingest.drain import JournalDrainer
from services.workers.libpq_pipeline import open_blocking_connection
from shared.leads import identities, reference_locks
from shared.leads.workspace_settings import load_snapshots
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import ContentionError
from tests.support.ingesting import accept, item, worker, workspace_id
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

Came = Callable[..., Awaitable[dict[str, Any]]]

LEAD = """
SELECT phone, company, pipeline_stage_id, (SELECT array_agg(name) FROM tags WHERE id = ANY(tag_ids)) AS tags, tag_ids
FROM leads ORDER BY id DESC LIMIT 1
"""
# Events are waited for as long as it is active.
RULE = """
INSERT INTO scoring_rules (workspace_id, field, operator, points, is_active) VALUES (%s, 'email', 'is_not_empty', 1, %s)
"""


WAITING = """
SELECT count(*) FROM pg_locks
WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def is_done_or_waits(work: asyncio.Task[Any], connection: Connection) -> bool:
    """Whether the work is over, or somebody in this database waits for a lock."""
    return work.done() or await (await connection.execute(WAITING)).fetchone() != (0,)


class Remembering:
    """A worker with its connection."""

    def __init__(self, url: str, connection: Connection) -> None:
        self.connection = connection
        self.drainer: JournalDrainer = worker(url, "w1")


@pytest_asyncio.fixture
async def remembering(database_url: str) -> AsyncIterator[Remembering]:
    connection = await open_blocking_connection(database_url, "tests")
    yield Remembering(database_url, connection)
    await connection.close()


@pytest_asyncio.fixture
async def came(database: Connection, remembering: Remembering) -> Came:
    """Has the worker ingest a lead; answers with the newest lead then."""
    workspace = await workspace_id(database)
    numbers = iter(range(1000))

    async def came(**fields: Any) -> dict[str, Any]:
        fields.setdefault("email", f"lead.{next(numbers)}@example.com")
        await accept(database, [item(workspace, fields)])
        assert await remembering.drainer.drain(remembering.connection) == 1
        row = await (await database.execute(LEAD)).fetchone()
        assert row is not None
        return dict(zip(("phone", "company", "stage", "tags", "tag_ids"), row, strict=True))

    return came


async def test_a_tag_that_is_renamed_or_deleted_is_made_anew(database: Connection, came: Came) -> None:
    async def hot() -> dict[str, Any]:
        """Twice: a tag is remembered by who found it, not by who made it."""
        first, second = await came(tags=["hot"]), await came(tags=["hot"])
        assert first["tags"] == second["tags"] == ["hot"]
        assert first["tag_ids"] == second["tag_ids"]
        return second

    first = await hot()
    assert (await came(tags=["HOT"]))["tag_ids"] == first["tag_ids"]
    await database.execute("UPDATE tags SET name = 'warm'")
    second = await hot()
    assert second["tag_ids"] != first["tag_ids"]
    await database.execute("DELETE FROM tags WHERE name = 'hot'")
    assert (await hot())["tag_ids"] != second["tag_ids"]


async def test_a_tag_that_is_gone_is_forgotten_as_another_is_read(database: Connection, came: Came) -> None:
    for _ in range(2):
        await came(tags=["hot"])
    await database.execute("DELETE FROM tags")
    await came(tags=["cold"])
    assert (await came(tags=["hot"]))["tags"] == ["hot"]


async def test_settings_hold_from_the_next_lead_on(database: Connection, came: Came) -> None:
    await came(email="ann@example.com", company="Old")
    assert (await came(phone="0171 2345678"))["phone"] == "0171 2345678"
    await database.execute("UPDATE workspaces SET country = 'DE', merge_policy = 'overwrite'")
    assert (await came(phone="0171 2345679"))["phone"] == "+491712345679"
    await came(email="ann@example.com", company="New")
    found = await (await database.execute("SELECT company FROM leads WHERE email = 'ann@example.com'")).fetchall()
    assert found == [("New",)]


async def test_leads_come_into_what_is_the_first_stage_by_then(database: Connection, came: Came) -> None:
    first = await came()
    await database.execute("UPDATE pipeline_stages SET position = 10 - position")
    last = await (await database.execute("SELECT id FROM pipeline_stages ORDER BY position LIMIT 1")).fetchall()
    second = await came()
    assert (second["stage"],) == last[0]
    assert second["stage"] != first["stage"]


@pytest.mark.parametrize("watched", [True, False])
async def test_events_are_written_once_a_rule_watches_for_them(
    database: Connection, came: Came, *, watched: bool
) -> None:
    await database.execute(RULE, (await workspace_id(database), not watched))
    await came()
    await database.execute("DELETE FROM events")
    await database.execute("UPDATE scoring_rules SET is_active = %s", (watched,))
    await came()
    assert await (await database.execute("SELECT count(*) FROM events")).fetchone() == (int(watched),)


async def test_unchanged_workspace_is_not_read_again(database: Connection, came: Came) -> None:
    await came(tags=["hot"])
    version = "SELECT version FROM workspaces"
    before = await (await database.execute(version)).fetchone()
    await came(tags=["hot", "cold"])
    await database.execute("UPDATE workspaces SET name = 'Another'")
    await database.execute("UPDATE pipeline_stages SET color = 'red'")
    await database.execute("UPDATE tags SET color = 'red'")
    assert await (await database.execute(version)).fetchone() == before


async def test_workspace_lock_is_taken_before_settings_are_read_again(database: Connection, database_url: str) -> None:
    """Else a batch could be refused as often as its workspace changes."""
    workspace = await workspace_id(database)
    memory = workspace_cache.WorkspaceCache()
    async with connect(database_url, "deletes") as deleting:

        async def delete() -> None:
            async with deleting.transaction():
                await reference_locks.lock_exclusive(deleting, workspace)

        async with database.transaction():
            held: set[int] = set()
            await memory.load_workspaces(database, {workspace: ()}, held)
            assert held == {workspace}
            waiting = asyncio.create_task(delete())
            await until_async(lambda: is_done_or_waits(waiting, database), what="a wait for the lock")
            assert not waiting.done()
        await waiting
        held = set()
        async with database.transaction():
            await memory.load_workspaces(database, {workspace: ()}, held)
            assert held == set()
            await delete()


async def test_workspace_cache_has_a_size_limit(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_cache, "MAX_CACHED_ENTRIES", 5)
    workspace = await workspace_id(database)
    await database.execute(
        "INSERT INTO tags (workspace_id, name) SELECT %s, 'tag ' || n FROM generate_series(0, 19) n", (workspace,)
    )
    memory, sizes = workspace_cache.WorkspaceCache(), []
    for number in range(20):
        known = await memory.load_workspaces(database, {workspace: (f"tag {number}",)}, set())
        assert f"tag {number}" in known[workspace].tags
        sizes.append(len(memory))
    assert max(sizes) <= 7  # the limit, and what came last
    assert min(sizes[7:]) == 2


async def test_a_version_that_has_passed_is_refused_though_nobody_can_be_recognised(database: Connection) -> None:
    workspace = await workspace_id(database)
    version = (await load_snapshots(database, {workspace: ()}))[workspace].version
    assert await identities.claim(database, {}, {workspace: version}) == []
    await database.execute("UPDATE workspaces SET fold_gmail = true")
    with pytest.raises(Exception, match="has changed") as caught:
        await identities.claim(database, {}, {workspace: version})
    assert getattr(caught.value, "sqlstate", "") == "40001"
    assert not isinstance(caught.value, ContentionError)


async def test_a_claim_waits_for_who_deletes_and_sees_what_is_gone(
    database: Connection, database_url: str, remembering: Remembering
) -> None:
    """A version that passes while the claim waits is one that has passed."""
    workspace = await workspace_id(database)
    version = (await load_snapshots(database, {workspace: ()}))[workspace].version
    other = await open_blocking_connection(database_url, "deletes")
    async with other.transaction():
        await reference_locks.lock_exclusive(other, workspace)
        await other.execute("INSERT INTO tags (workspace_id, name) VALUES (%s, 'hot')", (workspace,))
        await other.execute("DELETE FROM tags")
        claiming = asyncio.create_task(identities.claim(database, {}, {workspace: version}))
        await until_async(lambda: is_done_or_waits(claiming, other), what="a wait for the lock")
        assert not claiming.done()
    with pytest.raises(Exception, match="has changed"):
        await claiming
    await other.close()
