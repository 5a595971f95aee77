"""Bodies of every provider, posted to the running service: the right leads, once, however they are retold."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from tests.contract.service import Answer, Service
from tests.contract.webhook_sources import WebhookSource, count_leads, make_source, read_outcomes
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.lead_apis import LINKEDIN_FORM, LeadApis, hubspot_contact, linkedin_response, meta_lead
from tests.support.provider_bodies import RecordedBody, recorded_bodies
from tests.support.provider_corpus import fetched_leads as corpus_leads
from tests.support.provider_redelivery import TYPES_WITH_SEVERAL, reordered, reversed_members, several_items
from tests.support.waiting import until_async
from tests.support.wider_samples import sample_json

JSON = "application/json"
BODIES = recorded_bodies()
PERSON = ("first_name", "last_name", "email", "phone")
ITEMS = 3
# What is fetched for recorded bodies.
FIELDS = ("FIRST_NAME", "LAST_NAME", "EMAIL", "PHONE_NUMBER")
QUESTIONS = [{"questionId": place, "predefinedField": name} for place, name in enumerate(FIELDS)]
KIMS_FORM = {"id": 12, "content": {"questions": QUESTIONS}}
NAMES = {"firstname": "Ada", "lastname": "Example"}
HUBERT = {"id": "65059681032", "properties": {**NAMES, "email": "hubert@example.com", "phone": "+16505550123"}}


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


@pytest.fixture
def fetched_leads(lead_apis: LeadApis) -> LeadApis:
    """The APIs with the leads that the recorded bodies and the bodies of several items announce."""
    ours = list(corpus_leads())
    meta, linkedin, hubspot = (
        [one.document for one in ours if one.type == type_] for type_ in ("meta_lead_ads", "linkedin", "hubspot")
    )
    forms = [one.form for one in ours if one.form]
    lead_apis.leads = by_id(*meta, *recorded_meta_leads(), *map(meta_lead, range(9)))
    kim = sample_json("webhooks/linkedin/lead_form_response_answerDetails.json")
    lead_apis.responses = by_id(*linkedin, kim, *map(linkedin_response, range(9)))
    lead_apis.forms = by_id(*forms, KIMS_FORM, LINKEDIN_FORM)
    lead_apis.contacts = by_id(*hubspot, HUBERT, *map(hubspot_contact, range(9)))
    lead_apis.asked.clear()
    return lead_apis


def test_every_type_has_a_body() -> None:
    assert {one.type for one in BODIES} == PROVIDERS_BY_TYPE.keys()


def by_id(*documents: Any) -> dict[str, Any]:
    """What an API knows, without those samples that are not here."""
    return {str(one["id"]): one for one in documents if one}


def recorded_meta_leads() -> list[Any]:
    """The leads that Meta's recorded body announces, where the samples are."""
    if not (joe := sample_json("webhooks/meta/graph_lead_response.json")):
        return []
    answers = {"full_name": "Joan Example", "email": "joan@example.com"}
    field_data = [{"name": name, "values": [value]} for name, value in answers.items()]
    return [joe, {**joe, "id": "123123123124", "field_data": field_data}]


@pytest.mark.parametrize("recorded", BODIES, ids=str)
async def test_recorded_body_becomes_its_leads_once(
    recorded: RecordedBody, ours: Workspace, provider: aiohttp.ClientSession, fetched_leads: LeadApis
) -> None:
    source = await make_source(ours, provider, recorded.type, recorded.settings)
    sent = source.sign(recorded.body, recorded.media_type)
    answers = [await source.send(sent)]
    first = await source.submissions()
    await assert_expected(source, recorded, first)
    n_leads = await count_leads(ours)

    # Sent again whole: the same bytes with the same signature, several at the same time, and then signed anew.
    answers += await asyncio.gather(*(source.send(sent) for _ in range(3)))
    if sent.body == recorded.body:  # else the signature stands in the body, and another one makes another body
        answers.append(await source.post(recorded.body, recorded.media_type))
    assert await source.submissions() == first

    if (other := reordered(recorded.body, recorded.media_type)) is not None:
        answers.append(await source.post(other, recorded.media_type))
        # Without an event id another order is another body: a submission more, of the same person where that is known.
        n_more = 0 if recorded.has_event_id or not recorded.people else 1
        n_leads += 0 if recorded.has_contact else n_more
        assert len(await source.submissions()) == len(first) + n_more
    assert await count_leads(ours) == n_leads
    assert_alike(answers)
    if not recorded.people:
        await until_async(lambda: read_outcomes(ours) == {source.record["id"]: {"ignored": len(answers)}})


async def assert_expected(source: WebhookSource, recorded: RecordedBody, found: list[dict[str, Any]]) -> None:
    """The submissions and their leads are those that the body has to become."""
    assert [one["state"] for one in found] == [recorded.state] * len(recorded.people), found
    assert [one["is_test"] for one in found] == [recorded.is_test] * len(found)
    leads = [await source.lead(one) for one in found]
    people = [lead and {name: lead[name] for name in PERSON} for lead in leads]
    assert sorted(people, key=str) == sorted((one and dict(one) for one in recorded.people), key=str)
    assert all(lead["source"] == source.type for lead in leads if lead)
    if recorded.state == "dead":
        [one] = found
        assert one["error"].startswith("UnreadableBody")
        assert (await source.ours.ask("GET", f"/submissions/{one['id']}/raw")).raw == recorded.body


def assert_alike(answers: list[Answer]) -> None:
    """All are the same acknowledgement."""
    seen = {(answer.status, answer.raw, answer.headers.get("Content-Type")) for answer in answers}
    assert len(seen) == 1
    assert {status for status, *_ in seen} == {200}


@pytest.mark.parametrize("type_", TYPES_WITH_SEVERAL)
async def test_several_items_are_known_again_one_by_one(
    type_: str, ours: Workspace, provider: aiohttp.ClientSession, fetched_leads: LeadApis
) -> None:
    source = await make_source(ours, provider, type_)
    several = several_items(type_)
    items = [several.item(number) for number in range(ITEMS)]
    answers = [await source.post(several.body(items), JSON)]
    first = await source.submissions()
    assert [one["state"] for one in first] == ["done"] * ITEMS
    assert (len({one["lead_id"] for one in first}), await count_leads(ours)) == (ITEMS, ITEMS)

    retold = [items, items[:1], items[1:], items[::-1], [*items, items[0]]]
    bodies = [several.body(some) for some in retold]
    bodies.append(json.dumps(reversed_members(several.wrap(items))).encode())
    answers += await asyncio.gather(*(source.post(body, JSON) for body in bodies))
    known = await source.submissions()
    assert_alike(answers)
    # The id of a standard webhook is that of its message, and its items are told apart by their places in it.
    n_places = ITEMS + 1 if type_ == "standard_webhooks" else ITEMS
    assert (len(known), await count_leads(ours)) == (n_places, ITEMS)

    answers.append(await source.post(several.body([items[1], several.item(ITEMS + 1)]), JSON, "delivery-2"))
    n_new = 2 if type_ == "standard_webhooks" else 1  # another message is another event, of a known person
    assert len(await source.submissions()) == n_places + n_new
    assert await count_leads(ours) == ITEMS + 1
    assert_alike(answers)
    for number in range(ITEMS if PROVIDERS_BY_TYPE[type_].is_id_only else 0):
        announced = {"meta_lead_ads": f"/{9000 + number}?", "linkedin": f"response-{number}?"}
        assert fetched_leads.count_asked(announced.get(type_, f"contacts/{100 + number}?")) == 1


@pytest.mark.parametrize("type_", ["zapier", "make", "n8n", "microsoft_ads", "webhook"])
async def test_part_of_a_list_without_event_ids_is_another_body_of_known_people(
    type_: str, ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    source = await make_source(ours, provider, type_)
    people = [{"email": f"ada{number}@example.com", "name": "Ada"} for number in range(ITEMS)]
    whole, part = json.dumps(people).encode(), json.dumps(people[1:]).encode()
    assert_alike([await source.post(body, JSON) for body in (whole, whole, part, part)])
    assert len(await source.submissions()) == ITEMS + (ITEMS - 1)
    assert await count_leads(ours) == ITEMS
