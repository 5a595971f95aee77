"""Scoring rules as records."""

from typing import Any

import pytest

from tests.contract.service import Service, ask
from tests.contract.workspaces import Workspace, assert_foreign, new_workspace
from tests.support.waiting import until_async

RULES = "/lead-scoring-rules"
REFUSED_CHANGES = "SELECT reason FROM audit_log WHERE action = 'scoring_rule.changed' AND object_id = %s"
RECORD = ["id", "field", "operator", "value", "points", "is_active", "position", "created_at", "updated_at"]


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
        ({"field": "lead_score", "operator": "less_than", "value": 5}, {"field"}),
        ({"operator": "like"}, {"operator"}),
        ({"value": None}, {"value"}),
        ({"value": {"a": 1}}, {"value"}),
        ({"operator": "in"}, {"value"}),
        ({"operator": "in", "value": []}, {"value"}),
        ({"value": 2**64}, {"value"}),
        ({"value": -(2**63) - 1}, {"value"}),
        ({"value": 10**309}, {"value"}),
        ({"operator": "in", "value": ["DE", 2**64]}, {"value"}),
        ({"operator": "greater_than", "value": "NaN"}, {"value"}),
        ({"operator": "less_than", "value": " -Infinity "}, {"value"}),
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


async def test_a_rule_does_not_compare_the_score(ours: Workspace) -> None:
    circular = body(field="lead_score", operator="less_than", value=5)
    said = ["The field field must not be lead_score: a scoring rule changes it."]
    assert await ours.errors("POST", RULES, circular) == {"field": said}
    assert list(await ours.errors("POST", f"{RULES}/preview", {"rules": [circular]})) == ["rules.0.field"]
    made = await ours.make(RULES, body())
    assert await ours.errors("PATCH", f"{RULES}/{made['id']}", {"field": "lead_score"}) == {"field": said}


async def test_a_preview_tells_of_leads_and_needs_the_scope_to_see_them(ours: Workspace) -> None:
    draft = {"rules": [body(field="email", operator="contains", value="@")]}
    for scopes, status in ((("read:automations",), 403), (("read:automations", "read:leads"), 200)):
        async with await ours.client_with(*scopes) as client:
            assert (await ask(client, "POST", f"/api/v1{RULES}/preview", json=draft)).status == status


async def test_a_number_that_cannot_be_stored_is_neither_set_nor_unaudited(ours: Workspace, service: Service) -> None:
    made = await ours.make(RULES, body())
    path = f"{RULES}/{made['id']}"
    assert list(await ours.errors("PATCH", path, {"value": 2**64})) == ["value"]
    assert (await ours.ask("GET", path)).body["data"] == made

    async def are_kept() -> bool:
        with service.stack.database() as database:
            return database.execute(REFUSED_CHANGES, (str(made["id"]),)).fetchall() == [("details could not be kept",)]

    await until_async(are_kept, what="the entry of the refused change")


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


async def test_rules_have_an_order(ours: Workspace) -> None:
    made = [(await ours.make(RULES, body(value=name)))["id"] for name in "ABC"]
    first = await ours.make(RULES, body(value="D", position=1))
    assert first["position"] == 1
    assert (await ours.ask("PATCH", f"{RULES}/{first['id']}", {"position": 2**31 - 1})).status == 200
    assert (await ours.ask("DELETE", f"{RULES}/{made[1]}")).status == 204
    listed = (await ours.ask("GET", f"{RULES}?per_page=100")).body["data"]
    assert sorted(rule["position"] for rule in listed) == list(range(1, len(listed) + 1))
    places = {rule["id"]: rule["position"] for rule in listed}
    assert places[made[0]] < places[made[2]] < places[first["id"]] == len(listed)
    for wrong in (0, -1, 1.5, "1", None):
        assert list(await ours.errors("PATCH", f"{RULES}/{first['id']}", {"position": wrong})) == ["position"]


async def test_a_draft_says_who_gains_and_loses_and_a_job_counts_again(service: Service) -> None:
    async with new_workspace(service) as own:
        made = await own.make(RULES, body(field="country", operator="equals", value="DE", points=5, is_active=True))
        german, other = await own.lead(country="DE"), await own.lead(country="NO")

        async def score_of(lead: int) -> int:
            return int((await own.show(f"/leads/{lead}"))["lead_score"])

        async def is_scored() -> bool:
            return await score_of(german) == 5

        await until_async(is_scored, what="the score")
        draft = [body(value="DE", points=-5), body(value="NO", points=20), body(value="NO", points=1000)]
        draft = [{**rule, "is_active": rule["points"] != 1000} for rule in draft]
        answer = await own.ask("POST", f"{RULES}/preview", {"rules": draft})
        assert answer.body["data"] == {
            "total": 2,
            "counted": 2,
            "gaining": 1,
            "losing": 1,
            "same": 0,
            "gains": [{"lead_id": other, "before": 0, "after": 20}],
            "losses": [{"lead_id": german, "before": 5, "after": -5}],
        }
        wrong = [body(), {"field": "country"}, {**body(), "operator": "in"}]
        errors = await own.errors("POST", f"{RULES}/preview", {"rules": wrong})
        assert errors.keys() == {"rules.1.operator", "rules.1.value", "rules.1.points", "rules.2.value"}
        assert (await own.ask("PATCH", f"{RULES}/{made['id']}", {"points": 8})).status == 200
        assert await score_of(german) == 5
        started = await own.ask("POST", f"{RULES}/recalculate", {})
        assert (started.status, started.body["data"]["kind"], started.body["data"]["total"]) == (202, "rescore", 2)

        async def is_done() -> bool:
            return bool((await own.show(f"/jobs/{started.body['data']['id']}"))["state"] == "done")

        await until_async(is_done, what="the end of the job")
        assert (await score_of(german), await score_of(other)) == (8, 0)
        assert (await own.show(f"/jobs/{started.body['data']['id']}"))["done"] == 1
