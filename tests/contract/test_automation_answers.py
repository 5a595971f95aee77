"""Why an automation ran or did not, and trials of it, as clients ask for them."""

from typing import Any

import aiohttp
import pytest

from tests.contract.service import Service, ask
from tests.contract.test_automations import AUTOMATIONS, action, create, lead, new_lead, runs, tag_added, until_run

CONDITION = {"condition": {"field": "company", "operator": "equals", "value": "Acme"}}


async def explain(client: aiohttp.ClientSession, id_: int, query: str) -> dict[str, Any]:
    answer = await ask(client, "GET", f"{AUTOMATIONS}/{id_}/explain?{query}")
    assert answer.status == 200, answer.raw
    return answer.body["data"]  # type: ignore[no-any-return]


async def test_explanation_names_trigger_conditions_limits_and_runs(client: aiohttp.ClientSession) -> None:
    made = await create(client, tag_added("asks-why", CONDITION, action("add_tag", tag="answered")))
    stopped = await new_lead(client, tags=["asks-why"], company="Other & <Sons>")
    (run,) = await until_run(client, made["id"])
    found = await explain(client, made["id"], f"lead_id={stopped}")
    assert (found["ran"], found["reason"], found["false_step"]) == (False, "condition_false", 0)
    assert found["trigger"] == {"matched": True, "why": "The event started it."}
    assert found["conditions"] == [
        {
            "step": 0,
            "path": "",
            "field": "company",
            "operator": "equals",
            "expected": "Acme",
            "found": "Other & <Sons>",
            "found_then": True,
            "held": False,
        }
    ]
    assert (found["run_id"], found["runs"]) == (run["id"], [run])
    assert all(limit["passed"] for limit in found["limits"])
    assert found["event"] in found["events"]
    assert found["event"]["events"] == ["lead.created", "tag.added"]

    other = await new_lead(client, tags=["asks-else"])
    found = await explain(client, made["id"], f"lead_id={other}")
    assert (found["ran"], found["reason"], found["runs"]) == (False, "other_tag", [])
    assert found["why"] == "The tag was asks-else, and it waits for asks-why."
    again = await explain(client, made["id"], f"lead_id={other}&event={found['event']['id']}")
    assert again | {"limits": []} == found | {"limits": []}  # the event may have waited in the queue


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "lead_id"),
        ("lead_id=x", "lead_id"),
        ("lead_id=0", "lead_id"),
        ("lead_id=99999999999999999999", "lead_id"),
        ("lead_id=999999999", "lead_id"),
        ("lead_id={lead}&event=999999999", "event"),
        ("lead_id={lead}&event=%00", "event"),
        ("lead_id={lead}&evnt=1", "evnt"),
    ],
)
async def test_questions_that_cannot_be_answered_are_422(client: aiohttp.ClientSession, query: str, field: str) -> None:
    made = await create(client, tag_added("asks-badly", action("add_tag", tag="x")))
    asked = query.format(lead=await new_lead(client))
    answer = await ask(client, "GET", f"{AUTOMATIONS}/{made['id']}/explain?{asked}")
    assert (answer.status, list(answer.body["errors"])) == (422, [field])


async def test_trial_on_a_lead_and_on_the_last_events_does_nothing(client: aiohttp.ClientSession) -> None:
    made = await create(client, tag_added("tries", CONDITION, action("add_tag", tag="tried")))
    assert (await ask(client, "PATCH", f"{AUTOMATIONS}/{made['id']}", json={"is_active": False})).status == 200
    id_ = await new_lead(client, company="Acme", tags=["tries"])
    path = f"{AUTOMATIONS}/{made['id']}/try"
    alone = (await ask(client, "POST", path, json={"lead_id": id_})).body["data"]
    assert (alone["would_run"], alone["tried"][0]["event"]) == (1, None)
    assert [step["outcome"] for step in alone["tried"][0]["steps"]] == ["passed", "done"]
    found = (await ask(client, "POST", path, json={"last": 50})).body["data"]
    assert found["would_run"] + found["would_stop"] + found["not_started"] == len(found["tried"])
    assert found["tried"][0] == alone["tried"][0] | {"event": found["tried"][0]["event"]}
    assert found["tried"][0]["event"]["events"] == ["lead.created", "tag.added"]
    assert (await lead(client, id_))["tags"] == ["tries"]
    assert await runs(client, made["id"]) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "lead_id"),
        ({"lead_id": 1, "last": 5}, "last"),
        ({"last": 0}, "last"),
        ({"last": 51}, "last"),
        ({"last": "5"}, "last"),
        ({"last": True}, "last"),
        ({"lead_id": 999_999_999}, "lead_id"),
        ({"lead_id": "x"}, "lead_id"),
    ],
    ids=str,
)
async def test_trials_beyond_the_bounds_are_422(
    client: aiohttp.ClientSession, body: dict[str, Any], field: str
) -> None:
    made = await create(client, tag_added("tries-badly", action("add_tag", tag="x")))
    answer = await ask(client, "POST", f"{AUTOMATIONS}/{made['id']}/try", json=body)
    assert (answer.status, list(answer.body["errors"])) == (422, [field])


async def test_answers_need_the_right_to_read_leads(client: aiohttp.ClientSession, service: Service) -> None:
    made = await create(client, tag_added("is-private", CONDITION, action("add_tag", tag="x")))
    id_ = await new_lead(client)
    asked = (("GET", f"explain?lead_id={id_}", None), ("POST", "try", {"last": 5}))
    for scopes, status in (("read:automations", 403), ("read:leads", 403), ("read:automations read:leads", 200)):
        async with service.client(service.make_key(scopes)) as session:
            for method, path, body in asked:
                assert (await ask(session, method, f"{AUTOMATIONS}/{made['id']}/{path}", json=body)).status == status


async def test_automations_of_nobody_are_404(client: aiohttp.ClientSession) -> None:
    id_ = await new_lead(client)
    for method, path, body in (("GET", f"explain?lead_id={id_}", None), ("POST", "try", {"last": 5})):
        assert (await ask(client, method, f"{AUTOMATIONS}/999999999/{path}", json=body)).status == 404
