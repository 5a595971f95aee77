"""Automations are saved, run, and act on what comes in."""

from typing import Any

import aiohttp
import pytest

from tests.contract.service import Answer, Service, ask, new_email, post_lead
from tests.support.waiting import until_async

AUTOMATIONS = "/api/v1/automations"
FIELDS = {
    "id",
    "name",
    "description",
    "is_active",
    "trigger",
    "steps",
    "runs_count",
    "last_run_at",
    "created_at",
    "updated_at",
}
Record = dict[str, Any]


def action(kind: str, **members: Any) -> Record:
    return {"action": {"type": kind, **members}}


def tag_added(tag: str, *steps: Record) -> Record:
    return {"name": f"on {tag}", "trigger": {"type": "tag_added", "tag": tag}, "steps": list(steps)}


async def create(client: aiohttp.ClientSession, body: Record) -> Record:
    answer = await ask(client, "POST", AUTOMATIONS, json=body)
    assert answer.status == 201, answer.raw
    assert answer.headers["Location"] == f"{AUTOMATIONS}/{answer.body['data']['id']}"
    return answer.body["data"]  # type: ignore[no-any-return]


async def new_lead(client: aiohttp.ClientSession, **fields: Any) -> int:
    return int((await post_lead(client, {"email": new_email(), **fields})).body["lead_id"])


async def lead(client: aiohttp.ClientSession, id_: int) -> Record:
    return (await ask(client, "GET", f"/api/v1/leads/{id_}")).body["data"]  # type: ignore[no-any-return]


async def runs(client: aiohttp.ClientSession, id_: int) -> list[Record]:
    return (await ask(client, "GET", f"{AUTOMATIONS}/{id_}/runs")).body["data"]  # type: ignore[no-any-return]


async def until_run(client: aiohttp.ClientSession, id_: int, count: int = 1) -> list[Record]:
    async def enough() -> bool:
        return len([run for run in await runs(client, id_) if run["finished_at"]]) >= count

    await until_async(enough, what="a run")
    return await runs(client, id_)


async def test_an_automation_is_made_shown_changed_and_deleted(client: aiohttp.ClientSession) -> None:
    steps = [
        {"condition": {"any": [{"field": "custom_fields.budget", "operator": "greater_than", "value": 5000}]}},
        {"delay": {"minutes": 5}},
        action("add_tag", tag="big"),
    ]
    trigger = {"type": "lead_created", "sources": ["of-no-lead"]}  # so that late leads of other tests do not count
    made = await create(client, {"name": "Big", "trigger": trigger, "steps": steps})
    assert made.keys() == FIELDS
    assert (made["is_active"], made["runs_count"], made["last_run_at"]) == (True, 0, None)
    assert made["steps"] == steps
    path = f"{AUTOMATIONS}/{made['id']}"
    assert (await ask(client, "GET", path)).body == {"data": made}
    assert made in (await ask(client, "GET", f"{AUTOMATIONS}?per_page=100")).body["data"]
    for method in ("PUT", "PATCH"):
        changed = (await ask(client, method, path, json={"is_active": False, "description": method})).body["data"]
        assert changed == made | {"is_active": False, "description": method, "updated_at": changed["updated_at"]}
    assert (await ask(client, "DELETE", path)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await ask(client, method, path, json={})).status == 404
    assert (await ask(client, "GET", f"{path}/runs")).status == 404


async def test_all_errors_of_an_automation_are_reported_by_field(client: aiohttp.ClientSession) -> None:
    body = {
        "trigger": {"type": "lead_stage_changed", "to_stage_id": 999_999_999},
        "steps": [
            {"delay": {"minutes": 0}},
            action("assign_user", round_robin=[999_999_999]),
            action("send_sms", integration_id=999_999_999, body="{{"),
            {"condition": {"field": "shoe", "operator": "equals", "value": 1}},
            {"condition": {"any": [{"field": "lead_score", "operator": "greater_than", "value": "Infinity"}]}},
        ],
    }
    answer = await ask(client, "POST", AUTOMATIONS, json=body)
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert set(answer.body["errors"]) == {
        "name",
        "trigger.to_stage_id",
        "steps.0.delay.minutes",
        "steps.1.action.round_robin.0",
        "steps.2.action.integration_id",
        "steps.2.action.body",
        "steps.3.condition.field",
        "steps.4.condition.any.0.value",
    }


@pytest.mark.parametrize("body", [{"name": None}, {"is_active": "yes"}, {"trigger": None}, {"steps": []}])
async def test_a_change_is_checked_as_well(client: aiohttp.ClientSession, body: Record) -> None:
    made = await create(client, tag_added("checked", action("add_tag", tag="x")))
    answer = await ask(client, "PATCH", f"{AUTOMATIONS}/{made['id']}", json=body)
    assert list(answer.body["errors"]) == list(body)


@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.1", "[::1]", "[::ffff:7f00:1]", "0x7f000001"])
async def test_a_step_does_not_post_to_a_private_address(client: aiohttp.ClientSession, host: str) -> None:
    hook = action("send_webhook", url=f" http://{host}/x")
    answer = await ask(client, "POST", AUTOMATIONS, json=tag_added("private", action("add_tag", tag="a"), hook))
    assert (answer.status, list(answer.body["errors"])) == (422, ["steps.1.action.url"])
    assert "private address" in answer.body["errors"]["steps.1.action.url"][0]


async def test_masked_secret_sent_back_keeps_the_stored_one(client: aiohttp.ClientSession, service: Service) -> None:
    hook = action("send_webhook", url="https://example.com/hook", secret="canary-secret")
    made = await create(client, tag_added("secretive", hook))
    assert made["steps"][0]["action"]["secret"] == "********"
    path = f"{AUTOMATIONS}/{made['id']}"
    assert (await ask(client, "PATCH", path, json={"steps": made["steps"]})).status == 200
    elsewhere = action("send_webhook", url="https://example.org", secret="********")
    refused = await ask(client, "PATCH", path, json={"steps": [elsewhere]})
    assert list(refused.body["errors"]) == ["steps.0.action.secret"]
    with service.stack.database() as database:
        stored = database.execute("SELECT a::text FROM automations a WHERE id = %s", (made["id"],)).fetchone()
    assert stored is not None
    assert "canary" not in stored[0]


async def test_automation_acts_on_later_leads(client: aiohttp.ClientSession) -> None:
    made = await create(
        client,
        tag_added(
            "pricing-asked",
            action("adjust_score", points=10),
            action("set_status", status="qualified"),
            action("add_tag", tag="seen-by-automation"),
        ),
    )
    id_ = await new_lead(client, tags=["Pricing-Asked"])
    (run,) = await until_run(client, made["id"])
    assert (run["lead_id"], run["state"], run["error"]) == (id_, "done", None)
    assert [step["outcome"] for step in run["steps"]] == ["done", "done", "done"]
    found = await lead(client, id_)
    assert (found["lead_score"], found["status"]) == (10, "qualified")
    assert found["tags"] == ["Pricing-Asked", "seen-by-automation"]
    timeline = (await ask(client, "GET", f"/api/v1/leads/{id_}/activities")).body["data"]
    assert timeline[0]["data"]["by"] | {"depth": 1} == {
        "kind": "automation",
        "id": made["id"],
        "run": run["id"],
        "depth": 1,
    }
    shown = (await ask(client, "GET", f"{AUTOMATIONS}/{made['id']}")).body["data"]
    assert (shown["runs_count"], shown["last_run_at"]) == (1, run["created_at"])

    other = await new_lead(client)
    assert (await ask(client, "POST", f"/api/v1/leads/{other}/tags", json={"tag": "pricing-asked"})).status == 200
    assert len(await until_run(client, made["id"], 2)) == 2
    path = f"{AUTOMATIONS}/{made['id']}/runs?lead_id"
    listed = (await ask(client, "GET", f"{path}={other}")).body
    assert ([each["lead_id"] for each in listed["data"]], listed["meta"]["total"]) == ([other], 1)
    assert [*(await ask(client, "GET", f"{path}=999999999")).body["errors"]] == ["lead_id"]


async def test_manual_run_and_dry_run(client: aiohttp.ClientSession) -> None:
    made = await create(
        client,
        {
            "name": "by hand",
            "trigger": {"type": "manual"},
            "steps": [
                {"condition": {"field": "tags", "operator": "not_contains", "value": "done"}},
                action("add_tag", tag="done"),
                action("move_stage", stage_id=1),
            ],
        },
    )
    id_ = await new_lead(client)
    path = f"{AUTOMATIONS}/{made['id']}/run"

    dry: Answer = await ask(client, "POST", path, json={"lead_id": id_, "dry_run": True})
    assert (dry.status, dry.body["data"]["id"]) == (200, None)
    assert [step["outcome"] for step in dry.body["data"]["steps"]] == ["passed", "done", "done"]
    assert (await lead(client, id_))["tags"] == []
    assert await runs(client, made["id"]) == []

    started = await ask(client, "POST", path, json={"lead_id": id_})
    assert (started.status, started.body["data"]["state"]) == (202, "waiting")
    (run,) = await until_run(client, made["id"])
    assert run.keys() == started.body["data"].keys()
    assert (await lead(client, id_))["tags"] == ["done"]
    again = (await ask(client, "POST", path, json={"lead_id": id_, "dry_run": True})).body["data"]
    assert [step["outcome"] for step in again["steps"]] == ["ended"]


async def test_a_run_needs_a_lead_and_an_automation_that_is_on(client: aiohttp.ClientSession) -> None:
    made = await create(client, tag_added("off", action("add_tag", tag="x")) | {"is_active": False})
    path = f"{AUTOMATIONS}/{made['id']}/run"
    for body in ({}, {"lead_id": "1"}, {"lead_id": 999_999_999}, {"lead_id": 999_999_999, "dry_run": True}):
        assert list((await ask(client, "POST", path, json=body)).body["errors"]) == ["lead_id"]
    id_ = await new_lead(client)
    assert (await ask(client, "POST", path, json={"lead_id": id_})).code == "CONFLICT"
    assert (await ask(client, "POST", path, json={"lead_id": id_, "dry_run": True})).status == 200
    assert (await ask(client, "POST", f"{AUTOMATIONS}/999999999/run", json={"lead_id": id_})).status == 404


async def test_a_key_needs_the_scope(service: Service, client: aiohttp.ClientSession) -> None:
    made = await create(client, tag_added("scoped", action("add_tag", tag="x")))
    path = f"{AUTOMATIONS}/{made['id']}"
    requests = [
        ("GET", AUTOMATIONS, "read:automations"),
        ("GET", f"{path}/runs", "read:automations"),
        ("POST", f"{path}/run", "write:automations"),
        ("PATCH", path, "write:automations"),
        ("DELETE", path, "delete:automations"),
    ]
    async with service.client(service.make_key("read:leads")) as poor:
        for method, where, scope in requests:
            answer = await ask(poor, method, where, json={})
            assert answer.code == "FORBIDDEN"
            assert scope in answer.body["message"]
