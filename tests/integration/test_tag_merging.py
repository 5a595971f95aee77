"""Tags are merged while leads arrive by both names: each has the tag once, and none the one that went."""

import asyncio

import pytest

from services.workers.ingest.workspace_cache import WorkspaceCache
from shared.leads import reference_locks
from shared.leads.tag_merging import forget_alias, merge_tags
from shared.leads.workspace_settings import load_snapshots
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict
from tests.support.ingesting import accept, drain, item, workspace_id

pytestmark = pytest.mark.integration

MAKE_TAG = "INSERT INTO tags (workspace_id, name) VALUES (%s, %s) RETURNING id"
PLANT = """
INSERT INTO leads (workspace_id, id, first_name, tag_ids)
SELECT %s, nextval('lead_ids'), 'Ada', CASE WHEN n %% 2 = 0 THEN ARRAY[%s, %s]::bigint[] ELSE ARRAY[%s]::bigint[] END
FROM generate_series(1, %s) n
"""
TAGS_SQL = "SELECT tag_ids, count(*) FROM leads GROUP BY 1 ORDER BY 1"


async def make_tags(database: Connection, *names: str) -> tuple[int, list[int]]:
    """The workspace, and the ids of new tags."""
    workspace = await workspace_id(database)
    made = [await (await database.execute(MAKE_TAG, (workspace, name))).fetchone() for name in names]
    return workspace, [row[0] for row in made if row]


async def test_many_leads_get_the_other_tag_in_the_background(database: Connection) -> None:
    workspace, (old, middle, new) = await make_tags(database, "webinars", "seminar", "webinar")
    n = reference_locks.MAX_LEADS_CLEARED_AT_ONCE + 200
    await database.execute(PLANT, (workspace, new, old, old, n))
    async with database.transaction():
        await merge_tags(database, workspace, old, middle, confirmed=n)
    async with database.transaction():
        with pytest.raises(Conflict):
            await forget_alias(database, workspace, middle, "webinars")
    async with database.transaction():  # the first merge has not reached its leads yet
        await merge_tags(database, workspace, middle, new)
    while await reference_locks.clear_next_chunk(database):
        pass
    assert await (await database.execute(TAGS_SQL)).fetchall() == [([new], n)]
    async with database.transaction():
        await forget_alias(database, workspace, new, "WEBINARS")


async def test_leads_that_arrive_during_a_merge_have_the_tag_once(database_url: str, database: Connection) -> None:
    workspace, (old, new) = await make_tags(database, "webinars", "webinar")
    for number in range(60):
        tags = [["webinars"], ["webinar"], ["Webinar", "webinars"]][number % 3]
        await accept(database, [item(workspace, {"email": f"{number}@example.com", "tags": tags})])

    async def merge() -> None:
        async with connect(database_url, "merges") as merging:
            await asyncio.sleep(0)
            async with merging.transaction():
                await merge_tags(merging, workspace, old, new)

    await asyncio.gather(drain(database_url, workers=2), merge())
    await drain(database_url)
    assert await (await database.execute(TAGS_SQL)).fetchall() == [([new], 60)]


async def test_a_worker_hears_of_a_merge(database: Connection) -> None:
    workspace, (old, new) = await make_tags(database, "webinars", "webinar")
    cache = WorkspaceCache()
    named = {workspace: ("Webinars", "webinar")}
    before = (await cache.load_workspaces(database, named, set()))[workspace]
    assert (before.tags, before.aliases) == ({"Webinars": old, "webinar": new}, {})
    async with database.transaction():
        await merge_tags(database, workspace, old, new)
    after = (await load_snapshots(database, named))[workspace]
    assert after.version > before.version
    assert (after.tags, after.aliases) == ({"Webinars": new, "webinar": new}, {"Webinars": "webinar"})
