"""Scoring rules as records."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service
from tests.contract.workspaces import Workspace, assert_foreign, new_workspace

RULES = "/lead-scoring-rules"
RECORD = ["id", "field", "operator", "value", "points", "is_active", "created_at", "updated_at"]


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


@pytest_asyncio.fixture(scope="module")
async def theirs(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


def body(**fields: Any) -> dict[str, Any]:
    return {"field": "country", "operator": "equals", "value": "DE", "points": 10, "is_active": False, **fields}


async def test_a_rule_from_making_to_deleting(ours: Workspace) -> None:
    made = await ours.make(RULES, body())
    path = f"{RULES}/{made['id']}"
    assert list(made) == RECORD
    assert {name: made[name] for name in body()} == body()
    assert await ours.show(path) == made
    assert (await ours.ask("GET", RULES)).body["data"] == [made]
    changed = (await ours.ask("PATCH", path, {"points": -1000})).body["data"]
    assert {**changed, "updated_at": made["updated_at"]} == {**made, "points": -1000}
    assert (await ours.ask("DELETE", path)).status == 204
    assert (await ours.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("custom_fields.budget", "greater_than", 1000),
        ("tags", "contains", "vip"),
        ("starred", "equals", True),
        ("phone", "is_not_empty", None),
        ("source", "in", ["facebook", "google"]),
    ],
)
async def test_any_field_and_operator_of_a_condition_will_do(
    ours: Workspace, field: str, operator: str, value: Any
) -> None:
    made = await ours.make(RULES, body(field=field, operator=operator, value=value))
    assert (made["field"], made["operator"], made["value"]) == (field, operator, value)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"field": "shoe_size"}, {"field"}),
        ({"field": None}, {"field"}),
        ({"operator": "like"}, {"operator"}),
        ({"value": None}, {"value"}),
        ({"value": {"a": 1}}, {"value"}),
        ({"operator": "in"}, {"value"}),
        ({"operator": "in", "value": []}, {"value"}),
        ({"points": 0}, {"points"}),
        ({"points": 1001}, {"points"}),
        ({"points": -1001}, {"points"}),
        ({"points": 1.5}, {"points"}),
        ({"points": None}, {"points"}),
        ({"is_active": "yes"}, {"is_active"}),
        ({"field": "x", "operator": "y", "points": 0, "is_active": 1}, {"field", "operator", "points", "is_active"}),
    ],
)
async def test_all_errors_of_a_scoring_rule_are_reported_together(
    ours: Workspace, fields: dict[str, Any], wrong: set[str]
) -> None:
    errors = await ours.errors("POST", RULES, body(**fields))
    assert {name.partition(".")[0] for name in errors} == wrong


async def test_a_change_is_checked_with_what_stays(ours: Workspace) -> None:
    made = await ours.make(RULES, body())
    path = f"{RULES}/{made['id']}"
    assert (await ours.errors("PATCH", path, {"operator": "in"})).keys() == {"value"}
    assert (await ours.ask("PATCH", path, {"operator": "in", "value": ["DE", "AT"]})).status == 200
    emptied = (await ours.ask("PATCH", path, {"operator": "is_empty"})).body["data"]
    assert (emptied["operator"], emptied["value"]) == ("is_empty", None)
    assert (await ours.errors("PATCH", path, {"operator": "equals"})).keys() == {"value"}


async def test_scoring_rules_of_another_workspace_are_invisible(ours: Workspace, theirs: Workspace) -> None:
    made = await ours.make(RULES, body())
    await assert_foreign(ours, theirs, f"{RULES}/{made['id']}", {"points": 5})
    assert (await theirs.ask("GET", RULES)).body["meta"]["total"] == 0
