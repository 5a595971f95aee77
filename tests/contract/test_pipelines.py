"""Pipelines and their stages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service, ask
from tests.contract.workspaces import Through, Workspace, assert_foreign, new_workspace

STAGES = ["New", "Contacted", "Qualified", "Won", "Lost"]
WRONG: dict[str, list[Any]] = {
    "name": [None, "", "  ", 5, [], "x" * 256],
    "description": [5, {}, "x" * 10_001],
    "is_default": [None, 0, "yes"],
}


@pytest_asyncio.fixture(scope="module")
async def board(service: Service, through: Through) -> AsyncIterator[Workspace]:
    """A workspace whose pipelines are the tests' to move."""
    async with new_workspace(service, through) as workspace:
        yield workspace


@pytest_asyncio.fixture(scope="module")
async def other(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


async def defaults(board: Workspace) -> list[int]:
    pipelines = (await board.ask("GET", "/pipelines?per_page=100")).body["data"]
    return [pipeline["id"] for pipeline in pipelines if pipeline["is_default"]]


def names(pipeline: dict[str, Any]) -> list[str]:
    """Of its stages, after a look at their positions."""
    assert [stage["position"] for stage in pipeline["stages"]] == list(range(1, len(pipeline["stages"]) + 1))
    return [stage["name"] for stage in pipeline["stages"]]


async def test_a_workspace_begins_with_a_default_pipeline(other: Workspace) -> None:
    body = (await other.ask("GET", "/pipelines")).body
    assert body["meta"]["total"] == 1
    (pipeline,) = body["data"]
    assert (pipeline["name"], pipeline["is_default"], names(pipeline)) == ("Sales", True, STAGES)
    assert [stage["name"] for stage in pipeline["stages"] if stage["is_won"]] == ["Won"]
    assert [stage["name"] for stage in pipeline["stages"] if stage["is_lost"]] == ["Lost"]


async def test_a_pipeline_from_making_to_deleting(board: Workspace) -> None:
    made = await board.make("/pipelines", {"name": " Partners ", "id": 7, "unknown": 1})
    assert made == {
        "id": made["id"],
        "name": "Partners",
        "description": None,
        "is_default": False,
        "stages": [],
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    path = f"/pipelines/{made['id']}"
    assert await board.show(path) == made
    changed = (await board.ask("PATCH", path, {"description": "Who sells for us"})).body["data"]
    assert (changed["name"], changed["description"]) == ("Partners", "Who sells for us")
    assert changed["updated_at"] > made["updated_at"]
    changed = (await board.ask("PUT", path, {"name": "Resellers", "description": None, "stages": [{"name": "x"}]})).body
    assert (changed["data"]["name"], changed["data"]["description"], changed["data"]["stages"]) == (
        "Resellers",
        None,
        [],
    )
    listed = (await board.ask("GET", "/pipelines")).body["data"]
    assert listed[0] == changed["data"]
    gone = await board.ask("DELETE", path)
    assert (gone.status, gone.raw) == (204, b"")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await board.ask(method, path, {} if method != "GET" else None)).status == 404


async def test_stages_come_with_a_new_pipeline(board: Workspace) -> None:
    stages = [
        {"name": "A"},
        {"name": "A"},
        {"name": "B", "position": 1, "color": "#0a0"},
        {"name": "Z", "position": 9, "is_lost": True},
        {"name": "C", "position": 2, "is_won": True, "is_lost": False},
    ]
    made = await board.make("/pipelines", {"name": "With stages", "stages": stages})
    assert names(made) == ["B", "C", "A", "A", "Z"]
    assert [stage["color"] for stage in made["stages"]] == ["#0a0", None, None, None, None]
    assert [stage["is_won"] for stage in made["stages"]] == [False, True, False, False, False]
    assert {stage["pipeline_id"] for stage in made["stages"]} == {made["id"]}
    assert await board.show(f"/pipelines/{made['id']}") == made
    assert (await board.ask("DELETE", f"/pipelines/{made['id']}")).status == 204
    assert (await board.ask("GET", f"/pipelines/{made['id']}/stages")).status == 404


@pytest.mark.parametrize("field", WRONG)
async def test_a_pipelines_fields_are_checked(board: Workspace, field: str) -> None:
    (pipeline,) = await defaults(board)
    for value in WRONG[field]:
        assert list(await board.errors("POST", "/pipelines", {"name": "x", field: value})) == [field]
        assert list(await board.errors("PATCH", f"/pipelines/{pipeline}", {field: value})) == [field]


async def test_all_errors_of_a_pipeline_are_reported_together(board: Workspace) -> None:
    stages = [
        {},
        {"name": "x", "position": 0, "color": 5},
        "x",
        {"name": None, "is_won": True, "is_lost": True},
        {"name": "fine"},
    ]
    errors = await board.errors("POST", "/pipelines", {"description": 5, "is_default": "x", "stages": stages})
    assert errors == {
        "name": ["The name field is required."],
        "description": ["The description field must be a string."],
        "is_default": ["The is_default field must be true or false."],
        "stages.0.name": ["The stages.0.name field is required."],
        "stages.1.position": ["The stages.1.position field must be at least 1."],
        "stages.1.color": ["The stages.1.color field must be a string."],
        "stages.2": ["The stages.2 field must be an object."],
        "stages.3.name": ["The stages.3.name field must be a string."],
        "stages.3.is_lost": ["The stages.3.is_lost field must not be true together with is_won."],
    }
    for stages in ([{"name": "x"}] * 101, {"name": "x"}, "x", None):  # type: ignore[assignment]
        assert list(await board.errors("POST", "/pipelines", {"name": "x", "stages": stages})) == ["stages"]


async def test_the_default_moves_and_is_never_missing(board: Workspace) -> None:
    (first,) = await defaults(board)
    second = (await board.make("/pipelines", {"name": "Second", "is_default": True}))["id"]
    assert await defaults(board) == [second]
    assert (await board.ask("PATCH", f"/pipelines/{first}", {"is_default": False})).status == 200
    for method, body in (("PATCH", {"is_default": False}), ("PUT", {"is_default": False}), ("DELETE", None)):
        answer = await board.ask(method, f"/pipelines/{second}", body)
        assert (answer.status, answer.code) == (409, "CONFLICT")
    assert (await board.ask("PATCH", f"/pipelines/{second}", {"is_default": True, "name": "2nd"})).status == 200
    lead = await board.lead()
    assert (await board.show(f"/leads/{lead}"))["pipeline_id"] == second
    moved = (await board.ask("PATCH", f"/pipelines/{first}", {"is_default": True})).body["data"]
    assert moved["is_default"] is True
    assert await defaults(board) == [first]
    assert (await board.ask("DELETE", f"/pipelines/{second}")).status == 409  # the lead


async def test_the_default_is_one_whatever_comes_at_once(board: Workspace) -> None:
    (first,) = await defaults(board)
    made = [(await board.make("/pipelines", {"name": str(number)}))["id"] for number in range(3)]

    async def turn(number: int) -> list[int]:
        asked = [
            board.ask("PATCH", f"/pipelines/{made[number % 3]}", {"is_default": True}),
            board.ask("POST", "/pipelines", {"name": f"at once {number}", "is_default": True}),
            board.ask("DELETE", f"/pipelines/{made[(number + 1) % 3]}"),
        ]
        return [answer.status for answer in await asyncio.gather(*asked)]

    statuses = {status for turns in await asyncio.gather(*[turn(number) for number in range(8)]) for status in turns}
    assert statuses <= {200, 201, 204, 404, 409}
    assert len(await defaults(board)) == 1
    assert (await board.ask("PATCH", f"/pipelines/{first}", {"is_default": True})).status == 200
    assert await defaults(board) == [first]


async def test_a_pipeline_with_leads_stays(board: Workspace) -> None:
    pipeline = await board.make("/pipelines", {"name": "Busy", "stages": [{"name": "In"}, {"name": "Out"}]})
    lead = await board.lead(pipeline_id=pipeline["id"])
    answer = await board.ask("DELETE", f"/pipelines/{pipeline['id']}")
    assert (answer.status, answer.code) == (409, "CONFLICT")
    assert await board.show(f"/pipelines/{pipeline['id']}") == pipeline
    assert (await board.show(f"/leads/{lead}"))["pipeline_stage_id"] == pipeline["stages"][0]["id"]


async def test_pipelines_of_another_workspace_are_invisible(board: Workspace, other: Workspace) -> None:
    (pipeline,) = await defaults(board)
    (theirs,) = await defaults(other)
    stage = (await board.ask("GET", f"/pipelines/{pipeline}/stages")).body["data"][0]["id"]
    await assert_foreign(board, other, f"/pipelines/{pipeline}", {"name": "Mine"})
    await assert_foreign(board, other, f"/pipelines/{pipeline}/stages/{stage}", {"name": "Mine"})
    paths = [
        ("GET", f"/pipelines/{pipeline}/stages", None),
        ("POST", f"/pipelines/{pipeline}/stages", {"name": "Mine"}),
        ("GET", f"/pipelines/{theirs}/stages/{stage}", None),
        ("PATCH", f"/pipelines/{theirs}/stages/{stage}", {"name": "Mine"}),
        ("DELETE", f"/pipelines/{theirs}/stages/{stage}", None),
    ]
    for method, path, body in paths:
        assert (await other.ask(method, path, body)).status == 404, path
    for odd in ("0", "-1", "x", "9" * 20, "1e3"):
        assert (await board.ask("GET", f"/pipelines/{odd}")).status == 404
        assert (await board.ask("GET", f"/pipelines/{pipeline}/stages/{odd}")).status == 404


async def test_pipeline_routes_require_their_scopes(board: Workspace) -> None:
    (pipeline,) = await defaults(board)
    path = f"/api/v1/pipelines/{pipeline}"
    stages = f"{path}/stages"
    stage = f"{stages}/{(await board.ask('GET', f'/pipelines/{pipeline}/stages')).body['data'][0]['id']}"
    reading = [("GET", address) for address in ("/api/v1/pipelines", path, stages, stage)]
    writing = [("POST", "/api/v1/pipelines"), ("POST", stages)]
    writing += [(method, address) for method in ("PUT", "PATCH", "DELETE") for address in (path, stage)]
    async with (
        await board.client_with("read:pipelines") as reader,
        await board.client_with("write:pipelines") as writer,
    ):
        for method, address in reading:
            assert (await ask(reader, method, address)).status == 200
            assert (await ask(writer, method, address)).status == 403
        for method, address in writing:
            assert "write:pipelines" in (await ask(reader, method, address, json={})).body["message"]
        for method, address in writing[:4]:
            assert (await ask(writer, method, address, json={})).status in (200, 422)
        assert (await ask(writer, "DELETE", path)).status == 409
