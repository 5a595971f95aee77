"""Filters, sorts, search and walks of the list of leads, over HTTP."""

import secrets
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.lead_list.bounded_search import MAX_COUNTED_MATCHES
from tests.contract.service import BATCH, Answer, Service, ask, new_email, new_phone
from tests.support.waiting import until_async

PATH = "/api/v1/leads"
WIDE_SQL = """
INSERT INTO leads (workspace_id, id, first_name, last_name, status, created_at, updated_at)
SELECT w.id, nextval('lead_ids'), 'Widely', n, 'new', now() + n * interval '1 s', now()
FROM generate_series(1, %s) n, workspaces w WHERE w.slug = %s
"""


@pytest_asyncio.fixture(scope="module")
async def source(client: aiohttp.ClientSession) -> str:
    """A source that twelve leads came from."""
    name = f"filters-{secrets.token_hex(4)}"
    leads = [
        {"email": new_email(), "first_name": f"Person {n:02}", "source": name, "tags": [f"{name}-{n % 3}"]}
        for n in range(12)
    ]
    assert (await ask(client, "POST", BATCH, json=leads)).status == 200
    return name


async def listed(client: aiohttp.ClientSession, **query: Any) -> Answer:
    return await ask(client, "GET", PATH, params=query)


async def test_a_tag_is_named_in_any_case_and_filters_combine(client: aiohttp.ClientSession, source: str) -> None:
    body = (await listed(client, tag=f"{source}-1".upper(), source=source, status="new", starred="false")).body
    assert body["meta"]["total"] == 4
    assert {name for lead in body["data"] for name in lead["tags"]} == {f"{source}-1"}
    assert (await listed(client, source=source, starred="1")).body["meta"]["total"] == 0
    assert (await listed(client, source=source, status="lost")).body["meta"]["total"] == 0


async def test_an_unknown_tag_or_source_is_an_empty_list(client: aiohttp.ClientSession) -> None:
    for query in ({"tag": "nobody's"}, {"source": "nowhere"}):
        answer = await listed(client, **query)
        assert (answer.status, answer.body["data"], answer.body["meta"]["total"]) == (200, [], 0)


async def test_times_are_strict(client: aiohttp.ClientSession, source: str) -> None:
    at = (await listed(client, source=source)).body["data"][0]["created_at"]
    assert (await listed(client, source=source, created_after=at, created_before=at)).body["meta"]["total"] == 0
    assert (await listed(client, source=source, created_before="2020-01-01")).body["meta"]["total"] == 0
    assert (await listed(client, source=source, updated_after="2020-01-01T00:00:00Z")).body["meta"]["total"] == 12


@pytest.mark.parametrize(
    ("first", "last"), [("0001-01-01", "9999-12-31"), ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")]
)
async def test_any_date_of_the_calendar_is_a_bound(
    client: aiohttp.ClientSession, source: str, first: str, last: str
) -> None:
    for field in ("created", "updated"):
        span = {f"{field}_after": first, f"{field}_before": last}
        assert (await listed(client, source=source, **span)).body["meta"]["total"] == 12
        assert (await listed(client, source=source, **{f"{field}_after": last})).body["meta"]["total"] == 0
        assert (await listed(client, source=source, **{f"{field}_before": first})).body["meta"]["total"] == 0


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_time_outside_the_calendar_is_422(client: aiohttp.ClientSession, time: str) -> None:
    answer = await listed(client, created_after=time)
    assert (answer.status, list(answer.body["errors"])) == (422, ["created_after"])


@pytest.mark.parametrize("term", ["", " "])
async def test_empty_text_filter_is_ignored(client: aiohttp.ClientSession, source: str, term: str) -> None:
    assert (await listed(client, source=source, search=term, tag=term)).body["meta"]["total"] == 12
    assert (await listed(client, source=term)).body["meta"]["total"] >= 12
    params = {"source": term, "channel": term}
    assert (await ask(client, "GET", "/api/v1/submissions", params=params)).status == 200


async def test_every_bad_value_is_named_at_once(client: aiohttp.ClientSession) -> None:
    bad = {
        "status": "hot",
        "pipeline_id": "999999",
        "stage_id": "999999",
        "assigned_user_id": "0",
        "created_after": "yesterday",
        "created_before": "2026-02-30",
        "updated_after": "2026-13-01",
        "updated_before": "1",
        "starred": "yes",
        "sort": "id",
        "direction": "up",
        "per_page": "0",
        "page": "x",
    }
    answer = await listed(client, **bad)
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"].keys() == bad.keys()


async def test_a_board_of_another_workspace_is_422(client: aiohttp.ClientSession, service: Service) -> None:
    """As is one that is nowhere."""
    slug = f"other-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    async with service.client(service.make_key("*", workspace=slug)) as stranger:
        theirs = (await ask(stranger, "GET", "/api/v1/pipelines")).body["data"][0]
    answer = await listed(client, pipeline_id=theirs["id"], stage_id=theirs["stages"][0]["id"])
    assert (answer.status, answer.body["errors"].keys()) == (422, {"pipeline_id", "stage_id"})


@pytest.mark.parametrize(
    "spelling", ["{0}", "({0:.3}) {0[3]}{0[4]}{0[5]}-{1}", "+1 {0}", "{1}", "tel:+1-{0}", "Tel. {0}", "001 {0}"]
)
async def test_search_finds_names_emails_and_phones(client: aiohttp.ClientSession, spelling: str) -> None:
    mark, phone = secrets.token_hex(6), new_phone()
    lead = {"email": f"X-{mark}@example.com", "first_name": "Zoë", "last_name": f"O'{mark}", "phone": phone}
    made = (await ask(client, "POST", "/api/inbound/leads?tenant=main", json=lead)).body["lead_id"]

    async def found(term: str) -> bool:
        return made in [lead["id"] for lead in (await listed(client, search=term, per_page=100)).body["data"]]

    await until_async(lambda: found(mark[2:].upper()))
    for term in (f"zoë o'{mark}", f"{mark}@EXAMPLE", spelling.format(phone[2:], phone[-4:])):
        assert await found(term), term
    for term in (f"{mark}%", f"_{mark[1:]}", f"{mark}\\"):
        assert (await listed(client, search=term)).body["meta"]["total"] == 0


async def test_search_knows_the_case_of_every_alphabet(client: aiohttp.ClientSession) -> None:
    """A small sigma at the end of a word is another than one within."""
    mark = secrets.token_hex(6)
    lead = {"first_name": "Γιώργος", "last_name": f"ПЕТРОВ İREM {mark}"}
    made = (await ask(client, "POST", "/api/v1/leads", json=lead)).body["data"]["id"]

    async def found(term: str) -> bool:
        return made in [lead["id"] for lead in (await listed(client, search=term, per_page=100)).body["data"]]

    await until_async(lambda: found(mark))
    for term in (f"Γιώργος петров irem {mark}", f"ΓΙΏΡΓΟΣ ПЕТРОВ İREM {mark}", f"γιώργοσ петров IREM {mark}"):
        assert await found(term), term


@pytest.mark.parametrize("sort", ["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"])
async def test_a_walk_meets_every_lead_once(
    client: aiohttp.ClientSession, service: Service, source: str, sort: str
) -> None:
    link, met = f"{PATH}?source={source}&sort={sort}&per_page=5&cursor=", []
    while link:
        body = (await ask(client, "GET", link)).body
        assert body["meta"].keys() == {"per_page", "next_cursor"}
        assert (body["meta"]["next_cursor"] is None) is (body["links"]["next"] is None)
        met += [lead["id"] for lead in body["data"]]
        link = (body["links"]["next"] or "").removeprefix(service.url)
    assert met == [lead["id"] for lead in (await listed(client, source=source, sort=sort)).body["data"]]


async def test_a_cursor_is_of_its_list_only(client: aiohttp.ClientSession, source: str) -> None:
    cursor = (await listed(client, source=source, per_page=5, cursor="")).body["meta"]["next_cursor"]
    assert (await listed(client, source=source, per_page=2, cursor=cursor)).status == 200
    for query in (
        {"source": source, "cursor": cursor, "page": "1"},
        {"source": source, "cursor": "", "page": "2"},
        {"cursor": cursor},
        {"source": source, "cursor": cursor, "sort": "email"},
        {"source": source, "cursor": cursor, "direction": "asc"},
        {"source": source, "cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")},
        {"source": source, "cursor": "nonsense"},
        {"source": source, "cursor": "é"},
    ):
        answer = await listed(client, **query)
        assert (answer.status, list(answer.body["errors"])) == (422, ["cursor"]), query


async def test_a_tags_count_is_exact_at_once(client: aiohttp.ClientSession, source: str) -> None:
    tags = (await ask(client, "GET", "/api/v1/tags?per_page=100")).body["data"]
    assert {tag["leads_count"] for tag in tags if tag["name"].startswith(source)} == {4}


@pytest.mark.parametrize("name", ["created_after", "created_before", "updated_after", "updated_before"])
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "0001-01-01"])
async def test_the_ends_of_time_are_times(client: aiohttp.ClientSession, name: str, time: str) -> None:
    assert (await listed(client, **{name: time})).status == 200


async def test_a_wide_search_says_that_its_total_is_a_lower_bound(service: Service) -> None:
    slug = f"wide-{secrets.token_hex(4)}"
    service.make_workspace(slug)
    with service.stack.database() as database:
        database.execute(WIDE_SQL, (MAX_COUNTED_MATCHES + 2, slug))
    async with service.client(service.make_key("read:leads", workspace=slug)) as session:

        async def is_folded() -> bool:
            return bool((await listed(session, search="widely 5002")).body["data"])

        await until_async(is_folded)
        body = (await listed(session, search="WIDELY", per_page=100)).body
        assert (body["meta"]["total"], body["meta"]["last_page"], body["meta"]["total_is_lower_bound"]) == (
            5000,
            50,
            True,
        )
        assert body["links"]["last"] is None
        ids = [lead["id"] for lead in body["data"]]
        while (following := body["links"]["next"]) is not None:
            body = (await ask(session, "GET", following)).body
            ids += [lead["id"] for lead in body["data"]]
        assert ids == sorted(set(ids), reverse=True)
        assert (len(ids), body["meta"]["total"], "total_is_lower_bound" in body["meta"]) == (5002, 5002, False)


@pytest.mark.parametrize("walk", [{}, {"cursor": ""}], ids=["page", "cursor"])
async def test_a_search_says_that_it_is_behind(service: Service, walk: dict[str, str]) -> None:
    name = f"Late{secrets.token_hex(6)}"
    async with service.client(service.make_key("read:leads write:leads")) as session:
        with service.stack.database() as database, database.transaction():
            database.execute("LOCK TABLE lead_search IN EXCLUSIVE MODE")  # the fold of texts waits, and searches go on
            await ask(session, "POST", PATH, json={"email": new_email(), "first_name": name})
            behind = (await listed(session, search=name, **walk)).body
            assert (behind["data"], behind["meta"]["search_is_behind"]) == ([], True)
            assert "search_is_behind" not in (await listed(session, **walk)).body["meta"]

        async def has_caught_up() -> bool:
            body = (await listed(session, search=name, **walk)).body
            return len(body["data"]) == 1 and "search_is_behind" not in body["meta"]

        await until_async(has_caught_up)
