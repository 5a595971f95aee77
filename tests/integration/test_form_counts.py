"""Counts of forms by source: a stranger who invents sources fills no table, whichever gateways count them."""

import asyncio
from collections.abc import Iterable

import pytest

from services.gateway.public_forms.form_counts import MAX_HOURLY_SOURCES, FormCountKey, FormCounts, bound_sources
from shared.platform.db.connections import Connection, connect, make_pool
from tests.support.ingesting import workspace_id
from tests.support.leads import rows
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

HOUR = 490_000  # since the epoch
ADD_FORM = "INSERT INTO forms (workspace_id, name, public_id) VALUES (%s, 'Form', %s) RETURNING id"
COUNTED = "SELECT count(DISTINCT source), sum(n)::int, coalesce(sum(n) FILTER (WHERE source = 'other'), 0)::int"
WAITING = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def add_form(database: Connection, public_id: str) -> tuple[int, int]:
    workspace = await workspace_id(database)
    [(form,)] = await rows(database, ADD_FORM, workspace, public_id)
    return workspace, form


def views(place: tuple[int, int], sources: Iterable[str], *, n: int = 1, hour: int = HOUR) -> dict[FormCountKey, int]:
    return {(*place, hour, "view", source): n for source in sources}


def labels(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


async def counted(database: Connection, form: int) -> tuple[int, int, int]:
    """Return how many sources a form has, how many views, and how many of these are of `other` sources."""
    [found] = await rows(database, f"{COUNTED} FROM form_counts WHERE form_id = %s", form)
    return tuple(found)


async def test_invented_sources_count_as_other(database_url: str, database: Connection) -> None:
    counts = FormCounts(make_pool(database_url, "tests", size=1))
    form, unlike = await add_form(database, "invented"), await add_form(database, "unlike")
    await counts.write(database, views(form, labels("a", 150)) | views(unlike, ["search.test"]), {})
    await counts.write(database, views(form, [*labels("b", 150), "direct", "a-0"]), {})
    assert await counted(database, form[1]) == (MAX_HOURLY_SOURCES + 2, 302, 100), "200, direct and other"
    assert await counted(database, unlike[1]) == (1, 1, 0)
    await counts.write(database, views(form, ["c"], hour=HOUR + 1), {})
    assert (await counted(database, form[1]))[2] == 100, "another hour has room again"


async def test_two_gateways_share_the_room_of_a_form(database_url: str, database: Connection) -> None:
    counts = FormCounts(make_pool(database_url, "tests", size=1))
    form = await add_form(database, "shared")

    async def is_waiting() -> bool:
        return await rows(database, WAITING) == [(1,)]

    async with connect(database_url, "tests one") as one, connect(database_url, "tests two") as two:
        async with one.transaction():
            await counts.write(one, views(form, labels("a", 150)), {})
            second = asyncio.create_task(counts.write(two, views(form, labels("b", 150)), {}))
            await until_async(is_waiting, what="the second gateway")
        await second
    assert await counted(database, form[1]) == (MAX_HOURLY_SOURCES + 1, 300, 100)


def test_frequent_sources_go_before_invented_ones() -> None:
    place = (1, 1)
    sent = views(place, labels("invented", 300)) | views(place, ["newsletter"], n=7)
    bounded = bound_sources(sent, {})
    assert bounded[(*place, HOUR, "view", "newsletter")] == 7
    assert bounded[(*place, HOUR, "view", "other")] == 101
    assert len(bounded) == MAX_HOURLY_SOURCES + 1
