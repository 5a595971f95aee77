"""Lists of leads and of a lead's activities."""

import secrets
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.service import BATCH, INBOUND, Answer, Service, ask, new_email, post_lead
from tests.contract.workspaces import new_workspace

PEOPLE = ["bob", "Alice", "carol", None, "alice", "Émile", "Zoe"]


@pytest_asyncio.fixture(scope="module")
async def source(client: aiohttp.ClientSession) -> str:
    """A source that seven leads came from, one after the other."""
    name = f"list-{secrets.token_hex(4)}"
    for person in PEOPLE:
        lead = {"email": new_email(), "first_name": person, "source": name}
        assert (await post_lead(client, lead)).status == 201
    return name


async def test_pages_tell_where_they_are(client: aiohttp.ClientSession, service: Service, source: str) -> None:
    answer = await ask(client, "GET", f"/api/v1/leads?per_page=3&source={source}&page=2&_=a%20b")
    meta = {"current_page": 2, "last_page": 3, "per_page": 3, "total": 7, "from": 4, "to": 6}
    assert answer.body["meta"] == meta
    links = answer.body["links"]
    assert links.keys() == {"first", "last", "prev", "next", "self"}
    assert all(link.startswith(f"{service.url}/api/v1/leads?") for link in links.values())
    assert all(f"source={source}" in link and "per_page=3" in link for link in links.values())
    pages = {name: link.rsplit("page=", 1)[1].split("&")[0] for name, link in links.items()}
    assert pages == {"first": "1", "last": "3", "prev": "1", "next": "3", "self": "2"}


async def test_filters_and_sorts_are_known_parameters(client: aiohttp.ClientSession) -> None:
    known = "search=a&status=new&starred=0&updated_after=2020-01-01&sort=email&direction=asc&per_page=1"
    for paging in ("page=1", "cursor="):
        assert (await ask(client, "GET", f"/api/v1/leads?{known}&{paging}")).status == 200


async def test_mistyped_filter_is_told_with_the_nearest_name(client: aiohttp.ClientSession) -> None:
    answer = await ask(client, "GET", "/api/v1/leads?emial=a@b.cc&zzz=1&_seen=1")
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"] == {
        "emial": ["There is no parameter emial here. Did you mean `email`?"],
        "zzz": ["There is no parameter zzz here."],
    }
    many = "&".join(f"emial{number}=1" for number in range(500))
    assert len((await ask(client, "GET", f"/api/v1/leads?{many}")).body["errors"]) == 500


async def test_mistyped_dry_run_stores_nothing(client: aiohttp.ClientSession) -> None:
    email = new_email()
    answer = await post_lead(client, {"email": email}, f"{INBOUND}&dryrun=1")
    assert (answer.status, [*answer.body["errors"]]) == (422, ["dryrun"])
    assert (await ask(client, "GET", f"/api/v1/leads?email={email}")).body["data"] == []


async def test_following_next_meets_every_lead_once(
    client: aiohttp.ClientSession, service: Service, source: str
) -> None:
    link, seen = f"/api/v1/leads?per_page=2&source={source}", []
    while link:
        body = (await ask(client, "GET", link)).body
        seen += [lead["id"] for lead in body["data"]]
        link = (body["links"]["next"] or "").removeprefix(service.url)
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_past_the_end_there_is_nothing(client: aiohttp.ClientSession, source: str) -> None:
    for page in ("9", "99999999999999", "9" * 30, "0" * 30 + "9"):
        body = (await ask(client, "GET", f"/api/v1/leads?source={source}&page={page}")).body
        assert (body["data"], body["meta"]["from"], body["meta"]["to"]) == ([], None, None)
        assert (body["meta"]["total"], body["meta"]["last_page"], body["links"]["next"]) == (7, 1, None)
        assert body["links"]["prev"].endswith("page=1")


async def test_an_empty_list_has_one_page(client: aiohttp.ClientSession) -> None:
    body = (await ask(client, "GET", "/api/v1/leads?source=nobody")).body
    assert (body["data"], body["meta"]["last_page"], body["meta"]["total"]) == ([], 1, 0)


async def test_pages_hold_fifteen_and_at_most_a_hundred(client: aiohttp.ClientSession) -> None:
    assert (await ask(client, "GET", "/api/v1/leads")).body["meta"]["per_page"] == 15
    assert (await ask(client, "GET", "/api/v1/leads?per_page=101")).body["meta"]["per_page"] == 100
    assert (await ask(client, "GET", "/api/v1/leads?per_page=99999999")).body["meta"]["per_page"] == 100
    assert (await ask(client, "GET", f"/api/v1/leads?per_page={'9' * 5000}")).body["meta"]["per_page"] == 100


@pytest.mark.parametrize("value", ["", "0", "-1", "a", "1.5", "1e3", "%D9%A1", "1%00", "0x10", "true"])
@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("path", ["/api/v1/leads", "/api/v1/leads/1/activities"])
async def test_no_positive_integer_is_422(client: aiohttp.ClientSession, path: str, name: str, value: str) -> None:
    answer = await ask(client, "GET", f"{path}?{name}={value}")
    assert (answer.status, answer.code, list(answer.body["errors"])) == (422, "VALIDATION_FAILED", [name])


async def test_two_bad_parameters_are_both_named(client: aiohttp.ClientSession) -> None:
    answer = await ask(client, "GET", "/api/v1/leads?page=0&per_page=x&sort=id;drop&direction=up")
    assert answer.body["errors"].keys() == {"page", "per_page", "sort", "direction"}


@pytest.mark.parametrize("direction", ["", "&direction=desc", "&direction=asc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "lead_score", "email"])
async def test_a_sort_is_total(client: aiohttp.ClientSession, source: str, sort: str, direction: str) -> None:
    body = (await ask(client, "GET", f"/api/v1/leads?source={source}&sort={sort}{direction}")).body
    keys = [(lead[sort], lead["id"]) for lead in body["data"]]
    assert len(keys) == 7
    assert keys == sorted(keys, reverse="asc" not in direction)


async def test_text_sorts_without_case_by_code_point_and_empties_last(
    client: aiohttp.ClientSession, source: str
) -> None:
    body = (await ask(client, "GET", f"/api/v1/leads?source={source}&sort=first_name&direction=asc")).body
    assert [lead["first_name"] for lead in body["data"]] == ["Alice", "alice", "bob", "carol", "Zoe", "Émile", None]
    body = (await ask(client, "GET", f"/api/v1/leads?source={source}&sort=first_name")).body
    assert [lead["first_name"] for lead in body["data"]][:3] == [None, "Émile", "Zoe"]


async def test_the_timeline_is_a_list_newest_first(client: aiohttp.ClientSession) -> None:
    email = new_email()
    first = (await post_lead(client, {"email": email, "source": "a"})).body
    for _ in range(3):
        await post_lead(client, {"email": email, "source": "b"})
    path = f"/api/v1/leads/{first['lead_id']}/activities"
    whole = (await ask(client, "GET", path)).body
    assert whole["meta"]["total"] == 4
    assert [entry["type"] == "lead.created" for entry in whole["data"]] == [False, False, False, True]
    assert [entry["data"]["source"] for entry in whole["data"]] == ["b", "b", "b", "a"]
    assert all(one["id"] > two["id"] for one, two in pairwise(whole["data"]))
    page = (await ask(client, "GET", f"{path}?per_page=1&page=4")).body
    assert page["data"] == whole["data"][3:]
    assert page["links"]["next"] is None


async def test_the_total_is_exact_at_once(client: aiohttp.ClientSession) -> None:
    name = f"total-{secrets.token_hex(4)}"
    leads = [{"email": new_email(), "source": name} for _ in range(250)]
    assert (await ask(client, "POST", BATCH, json=leads)).status == 200
    assert (await ask(client, "GET", f"/api/v1/leads?source={name}")).body["meta"]["total"] == 250


async def test_links_keep_to_the_host_that_was_asked(client: aiohttp.ClientSession) -> None:
    headers = {"Host": "crm.example.com", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    links = (await ask(client, "GET", "/api/v1/leads", headers=headers)).body["links"]
    assert links["self"].startswith("http://crm.example.com/api/v1/leads")


@pytest.mark.parametrize("value", ["%00", "a%00b", "%27%20OR%201=1", "x" * 5000])
async def test_a_source_that_no_lead_can_have_is_no_server_error(client: aiohttp.ClientSession, value: str) -> None:
    answer = await ask(client, "GET", f"/api/v1/leads?source={value}")
    assert answer.status in (200, 422)


async def test_every_list_can_be_walked(service: Service) -> None:
    """By cursors one meets what pages show, in their order, once; a cursor of one list is none of another.

    In a workspace of its own: to those of others something may be added meanwhile. Records are told by their ids, since
    of a key it may be noted meanwhile that it was used."""
    async with new_workspace(service) as own:
        await walk_every_list(own.client, f"/api/inbound/leads?tenant={own.slug}")


async def walk_every_list(client: aiohttp.ClientSession, inbound: str) -> None:
    lead = (await post_lead(client, {"email": new_email()}, inbound)).body["lead_id"]
    stages = [{"name": name} for name in "abc"]
    board = (await ask(client, "POST", "/api/v1/pipelines", json={"name": "Walked", "stages": stages})).body["data"]
    for number in range(3):
        name = secrets.token_hex(6)
        assert (await ask(client, "PATCH", f"/api/v1/leads/{lead}", json={"notes": name})).status == 200
        assert (await ask(client, "POST", "/api/v1/tags", json={"name": name})).status == 201
        assert (await ask(client, "POST", "/api/v1/tasks", json={"title": f"{number}", "lead_id": lead})).status == 201
        user = {"name": name, "email": f"{name}@example.com"}
        assert (await ask(client, "POST", "/api/v1/users", json=user)).status == 201
        assert (await post_lead(client, {"email": new_email()}, inbound)).status == 201
    document = (await ask(client, "GET", "/api/v1/openapi.json")).body["paths"]
    lists = [path for path, methods in document.items() if "parameters/cursor" in str(methods.get("get"))]
    own = {
        "/api/v1/leads/{id}/activities": f"/api/v1/leads/{lead}/activities",
        "/api/v1/pipelines/{pipeline_id}/stages": f"/api/v1/pipelines/{board['id']}/stages",
    }
    for path in [own.get(path, path) for path in lists if path in own or "{" not in path]:
        assert (await ask(client, "GET", f"{path}?cursor=&page=1")).status == 422
        shown = ids_of(await ask(client, "GET", f"{path}?per_page=100"))[:5]
        seen, query = [], "cursor="
        for _ in shown:
            step = await ask(client, "GET", f"{path}?per_page=1&{query}")
            seen += ids_of(step)
            query = f"cursor={step.body['meta']['next_cursor']}"
        assert seen == shown, path
        if step.body["meta"]["next_cursor"] if shown else None:
            stranger = "/api/v1/tags" if path != "/api/v1/tags" else "/api/v1/users"
            assert (await ask(client, "GET", f"{stranger}?{query}")).status == 422
    for path in (*own.values(), "/api/v1/submissions", "/api/v1/tags", "/api/v1/tasks?done=false"):
        link, ids = f"{path}{'&' if '?' in path else '?'}per_page=2&cursor=", []
        for _ in range(200):
            body = (await ask(client, "GET", link[link.index("/api/") :])).body
            ids += [each["id"] for each in body["data"]]
            link = body["links"]["next"]
            if link is None:
                break
        assert len(ids) == len(set(ids)) >= 3, path


def ids_of(answer: Answer) -> list[Any]:
    return [each["id"] for each in answer.body["data"]]
