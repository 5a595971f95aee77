"""The rules of the board against a list in memory, and under those who change it at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.intake.change_author import COMMAND_AUTHOR
from shared.pipelines import pipeline_management as pipelines
from shared.pipelines.pipeline_reads import find_pipeline
from shared.pipelines.stage_order import moved_to
from shared.pipelines.stage_removal import remove_stage
from shared.platform.db.connections import Connection
from shared.platform.db.database_engine import make_engine
from shared.platform.errors import Conflict, NotFound
from tests.support.database import driver_of
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

POSITIONS = st.none() | st.integers(1, 8)
MOVES = st.lists(
    st.tuples(st.just("insert"), st.just(0), POSITIONS)
    | st.tuples(st.just("move"), st.integers(0, 9), st.integers(1, 8))
    | st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
    max_size=12,
)


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url, "tests", size=8)
    yield engine
    await engine.dispose()


@given(order=st.lists(st.integers(), unique=True), item=st.integers(), position=st.none() | st.integers(1, 99))
def test_an_item_is_put_where_it_is_wanted(order: list[int], item: int, position: int | None) -> None:
    placed = moved_to(order, item, position)
    rest = [other for other in order if other != item]
    at = len(rest) if position is None else min(position - 1, len(rest))
    assert placed[at] == item
    assert placed[:at] + placed[at + 1 :] == rest


async def test_positions_are_those_of_a_list(engine: AsyncEngine, database: Connection) -> None:
    workspace = await workspace_id(database)

    @given(first=st.lists(POSITIONS, max_size=5), moves=MOVES)
    async def follow(first: list[int | None], moves: list[tuple[str, int, int | None]]) -> None:
        async with engine.connect() as connection:  # rolled back at the end
            await _follow(await driver_of(connection), workspace, first, moves)

    # pytest's plugin of Hypothesis knows no coroutine functions inside a test.
    inner = follow.hypothesis.inner_test  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def blocking(**drawn: Any) -> None:
        asyncio.run_coroutine_threadsafe(inner(**drawn), loop).result()

    follow.hypothesis.inner_test = blocking  # type: ignore[attr-defined]
    await asyncio.to_thread(follow)


async def _follow(
    connection: Connection, workspace: int, first: list[int | None], moves: list[tuple[str, int, int | None]]
) -> None:
    stages: list[dict[str, Any]] = []
    model: list[str] = []
    for number, position in enumerate(first):
        stages.append({"name": f"first {number}"} | ({} if position is None else {"position": position}))
        model.insert(len(model) if position is None else position - 1, f"first {number}")
    pipeline = await pipelines.create_pipeline(connection, workspace, {"name": "x", "stages": stages})
    for number, (what, which, position) in enumerate(moves):
        at = {} if position is None else {"position": position}
        if what == "insert":
            await pipelines.create_stage(connection, workspace, pipeline["id"], {"name": f"{number}", **at})
            model.insert(len(model) if position is None else position - 1, f"{number}")
        elif which < len(model):
            name = model.pop(which)
            (stage,) = [one["id"] for one in pipeline["stages"] if one["name"] == name]
            if what == "move":
                await pipelines.update_stage(connection, workspace, pipeline["id"], stage, at)
                model.insert((position or 0) - 1, name)
            else:
                await remove_stage(connection, workspace, pipeline["id"], stage, author=COMMAND_AUTHOR)
        pipeline = await find_pipeline(connection, workspace, pipeline["id"])
        assert [stage["name"] for stage in pipeline["stages"]] == model
        assert [stage["position"] for stage in pipeline["stages"]] == list(range(1, len(model) + 1))


async def test_stages_made_and_deleted_at_once_stand_in_line(engine: AsyncEngine, database: Connection) -> None:
    workspace = await workspace_id(database)
    async with engine.begin() as writing:
        connection = await driver_of(writing)
        pipeline = await pipelines.create_pipeline(
            connection, workspace, {"name": "x", "stages": [{"name": str(number)} for number in range(8)]}
        )

    async def make(number: int) -> None:
        async with engine.begin() as writing:
            connection = await driver_of(writing)
            fields = {"name": f"new {number}", "position": number % 4 + 1}
            await pipelines.create_stage(connection, workspace, pipeline["id"], fields)

    async def move(stage: dict[str, Any]) -> None:
        async with engine.begin() as writing:
            connection = await driver_of(writing)
            await pipelines.update_stage(connection, workspace, pipeline["id"], stage["id"], {"position": 3})

    async def delete(stage: dict[str, Any]) -> None:
        async with engine.begin() as writing:
            connection = await driver_of(writing)
            await remove_stage(connection, workspace, pipeline["id"], stage["id"], author=COMMAND_AUTHOR)

    stages = pipeline["stages"]
    await asyncio.gather(*map(make, range(8)), *map(move, stages[:4]), *map(delete, stages[4:]))
    async with engine.connect() as reading:
        connection = await driver_of(reading)
        found = await find_pipeline(connection, workspace, pipeline["id"])
    assert [stage["position"] for stage in found["stages"]] == list(range(1, 13))


async def test_there_is_one_default_whatever_is_asked_at_once(engine: AsyncEngine, database: Connection) -> None:
    workspace = await workspace_id(database)

    async def make(number: int) -> int:
        async with engine.begin() as writing:
            connection = await driver_of(writing)
            fields = {"name": str(number), "is_default": number % 2 == 0}
            return int((await pipelines.create_pipeline(connection, workspace, fields))["id"])

    async def turn(pipeline: int, other: int) -> None:
        for work in (
            lambda c: pipelines.update_pipeline(c, workspace, pipeline, {"is_default": True}),
            lambda c: pipelines.update_pipeline(c, workspace, pipeline, {"is_default": False}),
            lambda c: pipelines.delete_pipeline(c, workspace, other),
        ):
            try:
                async with engine.begin() as writing:
                    connection = await driver_of(writing)
                    await work(connection)
            except (Conflict, NotFound):
                pass
            async with engine.connect() as reading:
                defaults = text("SELECT count(*) FROM pipelines WHERE is_default")
                assert (await reading.execute(defaults)).scalar_one() == 1

    made = await asyncio.gather(*map(make, range(8)))
    await asyncio.gather(*[turn(pipeline, made[number - 1]) for number, pipeline in enumerate(made)])
