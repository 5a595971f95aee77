"""The stages of a pipeline."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service
from tests.contract.workspaces import Through, Workspace, new_workspace

WRONG: dict[str, list[Any]] = {
    "name": [None, "", 5, "x" * 256],
    "color": [5, "x" * 33, "<script>"],
    "position": [None, 0, -1, 1.5, "1", 2**31, True],
    "is_won": [None, 1, "true"],
    "is_lost": [None, 0, "no"],
}


@pytest_asyncio.fixture(scope="module")
async def board(service: Service, through: Through) -> AsyncIterator[Workspace]:
    """A workspace whose stages are the tests' to move."""
    async with new_workspace(service, through) as workspace:
        yield workspace


async def test_a_stage_from_making_to_deleting(board: Workspace) -> None:
    pipeline = (await board.make("/pipelines", {"name": "Staged"}))["id"]
    stages = f"/pipelines/{pipeline}/stages"
    made = await board.make(stages, {"name": "Only", "color": "green", "position": 7, "is_won": True})
    assert made == {
        "id": made["id"],
        "pipeline_id": pipeline,
        "name": "Only",
        "color": "green",
        "position": 1,
        "is_won": True,
        "is_lost": False,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    path = f"{stages}/{made['id']}"
    assert await board.show(path) == made
    changed = (await board.ask("PATCH", path, {"is_won": False, "is_lost": True, "color": None})).body["data"]
    assert changed == {**made, "is_won": False, "is_lost": True, "color": None, "updated_at": changed["updated_at"]}
    changed = (await board.ask("PUT", path, {"name": "Sole", "pipeline_id": 1})).body["data"]
    assert (changed["name"], changed["is_lost"], changed["pipeline_id"]) == ("Sole", True, pipeline)
    assert (await board.ask("DELETE", path)).status == 204
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await board.ask(method, path, {} if method != "GET" else None)).status == 404


async def names(board: Workspace, path: str) -> list[str]:
    """Of a pipeline's stages, after a look at their positions."""
    stages = (await board.show(path))["stages"]
    assert [stage["position"] for stage in stages] == list(range(1, len(stages) + 1))
    return [stage["name"] for stage in stages]


async def test_stages_move_and_are_listed_by_position(board: Workspace) -> None:
    pipeline = await board.make("/pipelines", {"name": "Moving", "stages": [{"name": name} for name in "ABC"]})
    path = f"/pipelines/{pipeline['id']}"
    ids = {stage["name"]: stage["id"] for stage in pipeline["stages"]}
    ids["D"] = (await board.make(f"{path}/stages", {"name": "D", "position": 2}))["id"]
    assert await names(board, path) == ["A", "D", "B", "C"]
    moved = (await board.ask("PATCH", f"{path}/stages/{ids['A']}", {"position": 3})).body["data"]
    assert moved["position"] == 3
    assert await names(board, path) == ["D", "B", "A", "C"]
    assert (await board.ask("PATCH", f"{path}/stages/{ids['D']}", {"position": 99})).body["data"]["position"] == 4
    assert (await board.ask("DELETE", f"{path}/stages/{ids['B']}")).status == 204
    assert await names(board, path) == ["A", "C", "D"]
    body = (await board.ask("GET", f"{path}/stages?per_page=2&page=2")).body
    assert [stage["name"] for stage in body["data"]] == ["D"]
    assert (body["meta"]["total"], body["meta"]["last_page"]) == (3, 2)
    assert list(await board.errors("GET", f"{path}/stages?page=0", None)) == ["page"]


@pytest.mark.parametrize("field", WRONG)
async def test_a_stages_fields_are_checked(board: Workspace, field: str) -> None:
    pipeline = (await board.make("/pipelines", {"name": "x", "stages": [{"name": "One"}]}))["id"]
    stages = f"/pipelines/{pipeline}/stages"
    one = (await board.ask("GET", stages)).body["data"][0]["id"]
    for value in WRONG[field]:
        assert list(await board.errors("POST", stages, {"name": "x", field: value})) == [field]
        assert list(await board.errors("PUT", f"{stages}/{one}", {field: value})) == [field]


async def test_no_stage_is_both_won_and_lost(board: Workspace) -> None:
    pipeline = await board.make("/pipelines", {"name": "Ends", "stages": [{"name": "Won", "is_won": True}]})
    stages = f"/pipelines/{pipeline['id']}/stages"
    path = f"{stages}/{pipeline['stages'][0]['id']}"
    both = {"is_won": True, "is_lost": True}
    assert list(await board.errors("POST", stages, {"name": "x", **both})) == ["is_lost"]
    assert await board.errors("PATCH", path, {"is_lost": True, "name": 5}) == {
        "is_lost": ["The is_lost field must not be true together with is_won."],
        "name": ["The name field must be a string."],
    }
    assert (await board.ask("PATCH", path, {"is_won": False, "is_lost": True})).status == 200
    assert list(await board.errors("PATCH", path, {"is_won": True})) == ["is_won"]
