"""The filters `email` and `phone` of the list of leads, over all contacts of a lead."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.contract.service import Answer, Service, new_email, new_phone, post_lead
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.waiting import until_async


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service) -> AsyncIterator[Workspace]:
    """A workspace in the United States, with a lead that is nobody's answer."""
    async with new_workspace(service) as workspace:
        await workspace.lead(phone=new_phone())
        yield workspace


async def listed(workspace: Workspace, **query: Any) -> Answer:
    answer = await workspace.ask("GET", f"/leads?{urlencode(query)}")
    assert answer.status == 200, answer.raw
    assert "ignored" not in answer.body["meta"]
    return answer


async def found(workspace: Workspace, **query: Any) -> list[int]:
    """The leads of the first page, after a look at the total and at the walk by cursor."""
    page = (await listed(workspace, **query)).body
    ids = [lead["id"] for lead in page["data"]]
    assert page["meta"]["total"] == len(ids)
    walked = (await listed(workspace, **query, cursor="")).body
    assert ([lead["id"] for lead in walked["data"]], walked["meta"]["next_cursor"]) == (ids, None)
    return ids


async def known_by_two(workspace: Workspace) -> tuple[int, list[str], list[str]]:
    """A lead with its emails and its phones, of which it learnt the later ones from submissions."""
    emails, phones = [new_email(), new_email()], [new_phone(), new_phone()]
    lead = await workspace.lead(email=emails[0], phone=phones[0], source="first")
    path = f"/api/inbound/leads?tenant={workspace.slug}"
    for learnt in ({"email": emails[1], "phone": phones[0]}, {"email": emails[0], "phone": phones[1]}):
        answer = await post_lead(workspace.client, learnt, path)
        assert answer.body["lead_id"] == lead, answer.raw
    return lead, emails, phones


async def test_a_lead_is_found_by_each_of_its_contacts(ours: Workspace) -> None:
    lead, emails, phones = await known_by_two(ours)
    for email in (*emails, f" {emails[1].upper()} "):
        assert await found(ours, email=email) == [lead]
    for phone in phones:
        assert await found(ours, phone=phone) == [lead]
    assert await found(ours, email=emails[1], phone=phones[1]) == [lead]
    assert await found(ours, email=new_email()) == []
    assert await found(ours, email=emails[0][1:]) == []  # exact: a part is another address
    await ours.ask("DELETE", f"/leads/{lead}")
    assert await found(ours, email=emails[0]) == []


async def test_contacts_combine_with_other_filters(ours: Workspace) -> None:
    lead, emails, phones = await known_by_two(ours)
    stranger = new_phone()
    await ours.lead(phone=stranger)
    record = await ours.show(f"/leads/{lead}")
    await ours.ask("POST", f"/leads/{lead}/tags", {"tag": "VIP"})
    fits = {
        "status": "new",
        "source": "first",
        "tag": "vip",
        "starred": "0",
        "pipeline_id": record["pipeline_id"],
        "created_after": "2020-01-01",
        "updated_before": "9999-12-31",
        "search": emails[0],
    }
    contact = {"email": emails[1], "phone": phones[1]}

    async def is_searchable() -> bool:
        return bool((await listed(ours, search=emails[0])).body["data"])

    await until_async(is_searchable)
    for sort in ("created_at", "updated_at", "lead_score", "first_name", "last_name", "email"):
        assert await found(ours, **contact, **fits, sort=sort, direction="asc") == [lead]
    misses = {
        "status": "lost",
        "source": "second",
        "tag": "none",
        "starred": "1",
        "created_before": "2020-01-01",
        "updated_after": "9999-12-31",
        "search": secrets.token_hex(8),
        "utm_source": "nowhere",
        "phone": stranger,  # another lead's
    }
    for name, value in misses.items():
        assert await found(ours, **{**contact, name: value}) == [], name


async def test_pages_and_walks_end_after_the_one_lead(ours: Workspace) -> None:
    lead, emails, _ = await known_by_two(ours)
    beyond = (await listed(ours, email=emails[1], per_page=1, page=2)).body
    assert (beyond["data"], beyond["meta"]["total"], beyond["meta"]["last_page"]) == ([], 1, 1)
    first = (await listed(ours, email=emails[1], per_page=1, cursor="")).body
    assert ([each["id"] for each in first["data"]], first["links"]["next"]) == ([lead], None)
    cursor = (await listed(ours, per_page=1, cursor="")).body["meta"]["next_cursor"]
    answer = await ours.ask("GET", f"/leads?{urlencode({'email': emails[1], 'cursor': cursor})}")
    assert (answer.status, [*answer.body["errors"]]) == (422, ["cursor"])  # a cursor of the list without the filter


@pytest.mark.parametrize(
    "spelling", ["{0}", "+1 ({1}) {2}-{3}", "({1}) {2}-{3}", "{1}.{2}.{3}", "001 {1} {2} {3}", "tel:+1-{1}-{2}-{3}"]
)
async def test_a_phone_is_found_in_every_spelling(ours: Workspace, spelling: str) -> None:
    phone = new_phone()
    lead, extended = await ours.lead(phone=phone), await ours.lead(phone=f"{phone} ext. 12")
    spelt = spelling.format(phone, phone[2:5], phone[5:8], phone[8:])
    assert await found(ours, phone=spelt) == [lead]
    assert await found(ours, phone=f"{spelt} x12") == [extended]


async def test_a_national_number_is_read_in_the_workspaces_country(service: Service) -> None:
    async with new_workspace(service) as ours:
        lead = await ours.lead(phone="+493012345678")
        assert await found(ours, phone="+49 30 12345678") == [lead]
        national = await ours.ask("GET", "/leads?phone=030%2012345678")
        assert (national.status, [*national.body["errors"]]) == (422, ["phone"])
        await asyncio.to_thread(service.stack.run, "workspace", "set", ours.slug, "--country", "DE")
        assert await found(ours, phone="030 12345678") == [lead]


async def test_gmail_is_folded_where_the_workspace_folds_it(service: Service, ours: Workspace) -> None:
    spellings = ["jane.doe+shop@gmail.com", "JaneDoe@googlemail.com", "j.a.n.e.doe@gmail.com"]
    assert [len(await found(ours, email=spelling)) for spelling in spellings] == [0, 0, 0]
    exact = await ours.lead(email=spellings[0])
    assert [await found(ours, email=spelling) for spelling in spellings] == [[exact], [], []]
    async with new_workspace(service) as folding:
        await asyncio.to_thread(service.stack.run, "workspace", "set", folding.slug, "--fold-gmail")
        lead = await folding.lead(email=spellings[0])
        assert [await found(folding, email=spelling) for spelling in spellings] == [[lead]] * 3
        assert await found(folding, email="jane.doe+shop@example.com") == []


async def test_another_workspaces_contacts_find_nothing(service: Service, ours: Workspace) -> None:
    email, phone = new_email(), new_phone()
    async with new_workspace(service) as theirs:
        lead = await theirs.lead(email=email, phone=phone)
        assert await found(theirs, email=email, phone=phone) == [lead]
        assert [await found(ours, email=email), await found(ours, phone=phone)] == [[], []]
        mine = await ours.lead(email=email)
        assert [await found(ours, email=email), await found(theirs, email=email)] == [[mine], [lead]]


NO_CONTACTS = {
    "email": ["x", "a@", "@example.com", "a b@example.com", "a@example..com", "x" * 300 + "@example.com", "x" * 1001],
    "phone": ["x", "12", "+", "+1415", "nobody", "1" * 300, "1" * 1001],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NO_CONTACTS.items() for text in texts])
async def test_what_is_no_contact_is_422(ours: Workspace, name: str, text: str) -> None:
    for walk in ({}, {"cursor": ""}):
        answer = await ours.ask("GET", f"/leads?{urlencode({name: text, **walk})}")
        assert (answer.status, answer.code, [*answer.body["errors"]]) == (422, "VALIDATION_FAILED", [name])


async def test_every_error_is_named_beside_a_contact_that_nobody_has(ours: Workspace) -> None:
    query = {"email": new_email(), "phone": "x", "pipeline_id": 999999, "status": "hot"}
    answer = await ours.ask("GET", f"/leads?{urlencode(query)}")
    assert (answer.status, answer.body["errors"].keys()) == (422, {"phone", "pipeline_id", "status"})


@pytest.mark.parametrize("blank", ["", " "])
async def test_a_blank_contact_is_no_filter(ours: Workspace, blank: str) -> None:
    assert (await listed(ours, email=blank, phone=blank)).body["meta"]["total"] >= 1
