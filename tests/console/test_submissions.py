"""The list of submissions, search and the palette over HTTP, as people of several roles use them."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from services.console.submissions.query import position_text
from services.console.submissions.reads import LAST_ID
from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.console import post_leads
from tests.support.console_failures import add_submission
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
LIST = "/console/main/submissions"
ROW = re.compile(r'<tr data-row id="submission-([0-9a-f-]{36})"')
STREAM_SECONDS = 20.0

# Rows as a worker writes them, so many and a millisecond apart, with their ledger.
ADD_ROWS = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT id, state, %(n)s FROM workspaces, unnest(ARRAY['accepted', %(state)s]) state WHERE slug = 'main'
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts, cause_id, spam)
SELECT w.id, gen_random_uuid(), now() - n * interval '1 ms', %(state)s, 'inbound', %(source)s, %(payload)s, 5,
       %(cause)s, %(spam)s::jsonb
FROM workspaces w, generate_series(1, %(n)s) n WHERE w.slug = 'main' RETURNING id::text
"""
ADD_FORM = """
INSERT INTO forms (workspace_id, name, public_id) SELECT id, %s, %s FROM workspaces WHERE slug = 'main' RETURNING id
"""
MAKE_OLDER = "UPDATE submissions SET received_at = received_at - interval '1 hour' WHERE source = %s"
ADD_CAUSE = """
INSERT INTO causes (workspace_id, id, kind, fingerprint, error_type, place, title, first_seen_at, last_seen_at)
SELECT id, %s, 'submission', %s, 'ProviderError', 'here', 'the token has expired', now(), now()
FROM workspaces WHERE slug = 'main'
"""


@dataclass
class Visitor:
    """Somebody who is signed in."""

    client: aiohttp.ClientSession
    stack: Stack
    cookie: str

    async def open(self, path: str, **query: str) -> tuple[int, str, str]:
        """Status, text and the address that it leads to."""
        headers = {"Cookie": self.cookie}
        async with self.client.get(
            f"{self.stack.base}{path}", params=query, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def page(self, path: str = LIST, **query: str) -> str:
        """A page that exists."""
        status, text, _ = await self.open(path, **query)
        assert status == 200, (status, path, query)
        return text


SignIn = Callable[[Role], Any]


@pytest_asyncio.fixture
async def sign_in(stack: Stack) -> AsyncIterator[SignIn]:
    """Signs in somebody with that role."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as client:

        async def visit(role: Role) -> Visitor:
            email = f"{secrets.token_hex(6)}@people.example"
            password_hash = await PasswordHashing().hash_password(PASSWORD)
            async with connect(stack.database_url, "tests") as connection, connection.transaction():
                await create_operator_made_user(
                    connection, "main", email=email, name="Ada", role=role, password_hash=password_hash
                )
            form = {"email": email, "password": PASSWORD}
            async with client.post(
                f"{stack.base}/console/sign-in", data=form, headers={"Origin": stack.base}, allow_redirects=False
            ) as answer:
                assert answer.status == 303, await answer.text()
                found = [each for each in answer.headers.getall("Set-Cookie") if "leadhub=" in each]
            return Visitor(client, stack, found[0].split(";")[0])

        yield visit


@pytest.fixture
def source(stack: Stack) -> str:
    """A source of the test's own."""
    return f"<i>{secrets.token_hex(6)}</i>"


def add_rows(stack: Stack, source: str, n: int = 1, state: str = "done", **more: Any) -> list[str]:
    """Add submissions of somebody."""
    payload = orjson.dumps(
        more.pop("payload", {"first_name": "Nguyễn", "last_name": "Thu Hà", "email": "ha@example.com"})
    )
    values = {"cause": None, "spam": None, **more, "n": n, "state": state, "source": source, "payload": payload}
    with stack.database() as database:
        return [row[0] for row in database.execute(ADD_ROWS, values).fetchall()]


async def test_each_row_says_who_came_and_what_became_of_them(stack: Stack, sign_in: SignIn, source: str) -> None:
    cause = secrets.randbits(60)
    with stack.database() as database:
        database.execute(ADD_CAUSE, (cause, secrets.token_hex(8)))
    [dead] = add_rows(stack, source, state="dead", cause=cause, payload={"name": "<script>alert(1)</script>"})
    [held] = add_rows(stack, source, state="quarantined", spam='{"score": 92, "reasons": [{"text": "4 links"}]}')
    answered = {"email": f"{secrets.token_hex(6)}@example.com", "first_name": "Amara", "source": source}
    ada: Visitor = await sign_in("manager")
    async with ada.client.post(stack.inbound, json=answered, headers=stack.headers) as answer:
        lead = (await answer.json())["lead_id"]

    text = await ada.page(source=source)
    assert len(ROW.findall(text)) == 3
    assert "1–3 of 3" in text
    for said in ("the token has expired", "ProviderError", "spam score 92", "4 links", "new lead", f"#{lead}"):
        assert said in text
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert f"<i>{source[3:-4]}" not in text

    text = await ada.page(source=source, state="dead")
    assert ROW.findall(text) == [dead]
    assert ROW.findall(await ada.page(source=source, cause=str(cause))) == [dead]
    assert ROW.findall(await ada.page(source=source, state="quarantined")) == [held]
    assert ROW.findall(await ada.page(source=source, received_before="2001-01-01T00:00:00Z")) == []


async def test_pages_lead_through_all_rows_and_back(stack: Stack, sign_in: SignIn, source: str) -> None:
    added = add_rows(stack, source, n=120)
    ada: Visitor = await sign_in("agent")
    pages, path = [], f"{LIST}?source={source}"
    while path:
        text = await ada.page(path)
        pages.append(text)
        older = re.search(r'href="([^"]*older=[^"]*)"', text)
        path = older[1].replace("&amp;", "&") if older else ""
    assert sorted(id_ for page in pages for id_ in ROW.findall(page)) == sorted(added)
    assert ["1–50 of 120" in pages[0], "51–100 of 120" in pages[1], "101–120 of 120" in pages[2]] == [True] * 3
    newer = re.search(r'href="([^"]*newer=[^"]*)"', pages[2])
    assert newer is not None
    assert ROW.findall(await ada.page(newer[1].replace("&amp;", "&"))) == ROW.findall(pages[1])


async def test_long_lists_are_counted_up_to_a_number_and_paged_beyond_it(
    stack: Stack, sign_in: SignIn, source: str
) -> None:
    kept = add_rows(stack, source, n=60)
    with stack.database() as database:
        database.execute(MAKE_OLDER, (source,))
    added = add_rows(stack, source, n=10_020)
    add_rows(stack, source, n=1, state="dead")
    ada: Visitor = await sign_in("agent")
    text = await ada.page(source=source)
    assert "1–50 of more than 10,000<" in text
    assert "1–1 of 1, counted exactly" in await ada.page(source=source, state="dead")
    with stack.database() as database:
        [(moment,)] = database.execute("SELECT received_at FROM submissions WHERE id = %s", (added[-1],)).fetchall()
    far = await ada.page(source=source, older=position_text((moment, LAST_ID)))
    assert "Behind the newest 10,000<" in far
    assert ROW.findall(far)[0] == added[-1]
    older = re.search(r'href="([^"]*older=[^"]*)"', far)
    assert older is not None
    last = await ada.page(older[1].replace("&amp;", "&"))
    assert set(ROW.findall(last)) < set(kept)
    newer = re.search(r'href="([^"]*newer=[^"]*)"', last)
    assert newer is not None
    assert ROW.findall(await ada.page(newer[1].replace("&amp;", "&"))) == ROW.findall(far)


async def test_an_id_is_found_at_once_and_in_payloads_on_demand(stack: Stack, sign_in: SignIn) -> None:
    with stack.database() as database:
        wanted = add_submission(
            database, "quarantined", {"notes": "held"}, spam={"score": 9, "reasons": [{"text": "odd"}]}
        )
        naming = add_submission(database, "dead", {"notes": f"see {wanted}"})
    ada: Visitor = await sign_in("agent")
    text = await ada.page(search=wanted)
    assert ROW.findall(text) == [wanted]
    assert "Found by its id" in text
    further = re.search(r'href="([^"]*older=[^"]*)"', text)
    assert further is not None
    assert "Search the payloads" in text
    assert set(ROW.findall(await ada.page(further[1].replace("&amp;", "&")))) == {wanted, naming}
    assert "<bdi>odd</bdi>" in await ada.page(f"{LIST}/{wanted}")  # a reason for its score without code and points


async def test_a_person_is_found_by_words_and_by_id_and_hidden_from_who_may_not_see_them(
    stack: Stack, sign_in: SignIn, source: str
) -> None:
    surname = secrets.token_hex(6)
    [id_] = add_rows(stack, source, payload={"first_name": "Zoë", "last_name": surname, "phone": "+47 22 33 44 55"})
    ada: Visitor = await sign_in("agent")
    for search in (f"Zoë {surname.upper()}", id_, surname):
        assert ROW.findall(await ada.page(search=search)) == [id_]
        assert ROW.findall(await ada.page("/console/main/search", q=search)) == [id_]
    assert "Searched to the end." in await ada.page(search=f"{surname} nobody")
    groups = orjson.loads(await ada.page("/console/main/palette", q=surname))
    assert sum(len(group["rows"]) for group in groups) <= 8
    assert groups[0]["rows"][0]["text"] == f"Zoë {surname}"

    guest: Visitor = await sign_in("read_only")
    text = await guest.page(source=source)
    assert ROW.findall(text) == [id_]
    assert surname not in text
    assert "checkbox" not in text
    status, _, leads_to = await guest.open(LIST, search=surname)
    assert (status, leads_to) == (303, LIST)
    assert surname not in re.sub('value="[^"]*"', "", await guest.page("/console/main/search", q=surname))
    assert ROW.findall(await guest.page(search=id_)) == [id_]
    groups = orjson.loads(await guest.page("/console/main/palette", q=surname))
    assert all(row["href"].startswith("/console/main/search") for group in groups for row in group["rows"])


async def test_origin_and_its_filter_have_the_name_of_their_form(stack: Stack, sign_in: SignIn, source: str) -> None:
    [id_] = add_rows(stack, source)
    with stack.database() as database:
        name = f"Form {secrets.token_hex(4)}"
        ((form,),) = database.execute(ADD_FORM, (name, secrets.token_hex(8))).fetchall()
        move = "UPDATE submissions SET source = NULL, channel = %s WHERE id = %s"
        database.execute(move, (f"form:{form}", id_))
    ada: Visitor = await sign_in("agent")

    async def is_named() -> bool:
        shown = await ada.page(channel=f"form:{form}")
        chip = shown.partition('<span class="chip">')[2].partition("</a>")[0]
        return shown.count(f"<bdi>{name}</bdi>") == 2 and f"<bdi>{name}</bdi>" in chip

    await until_async(is_named, what="the name of the form")  # names are kept for some seconds


async def test_palette_puts_people_before_what_they_sent(stack: Stack, sign_in: SignIn) -> None:
    surname = secrets.token_hex(6)
    await post_leads(stack, [{"email": f"{surname}@example.com", "last_name": f"{surname}\u202egnp"}])
    ada: Visitor = await sign_in("manager")
    groups: list[dict[str, Any]] = []

    async def is_found() -> bool:
        groups[:] = orjson.loads(await ada.page("/console/main/palette", q=surname))
        return [group["title"] for group in groups[:2]] == ["Leads", "Submissions"]

    await until_async(is_found, what="the lead in the search, which may trail by two seconds")
    person = groups[0]["rows"][0]
    assert person["text"] == f"{surname}[U+202E]gnp"  # the sign is shown, and turns nothing round
    assert f"{surname}[U+202E]gnp" in await ada.page(person["href"])


async def test_new_ones_are_counted_while_the_list_stands_still(stack: Stack, sign_in: SignIn, source: str) -> None:
    add_rows(stack, source, n=2)
    ada: Visitor = await sign_in("manager")
    stream = re.search(r'data-live-stream="([^"]*)"', await ada.page(source=source))
    assert stream is not None
    said: list[str] = []
    address = f"{stack.base}{stream[1].replace('&amp;', '&')}"
    async with asyncio.timeout(STREAM_SECONDS), ada.client.get(address, headers={"Cookie": ada.cookie}) as answer:
        async for line in answer.content:
            said.append(line.decode().strip())
            if said[-1] == 'data: {"count":0,"text":"0 new submissions"}':
                body = {"email": "new@example.com", "source": source}
                posted = await ada.client.post(stack.inbound, json=body, headers=stack.headers)
                assert posted.status < 300
            if '"count":1' in said[-1]:
                break
    assert "event: new-rows" in said
    assert '"text":"1 new submission"' in said[-1]


async def test_ticked_rows_and_all_that_match_lead_to_a_confirmation(
    stack: Stack, sign_in: SignIn, source: str
) -> None:
    ids = add_rows(stack, source, n=3, state="dead")
    add_rows(stack, source, n=2)
    ada: Visitor = await sign_in("manager")
    text = await ada.page(source=source)
    assert "Select all 3 dead ones that match" in text
    assert text.count('name="ids"') == 3
    status, _, leads_to = await ada.open(f"{LIST}/selected?kind=replay&ids={ids[0]}&ids={ids[1]}&ids=nonsense")
    assert (status, leads_to) == (303, f"/console/main/jobs/confirm?kind=replay&ids={ids[0]}%2C{ids[1]}")
    assert (await (await sign_in("agent")).open(f"{LIST}/selected?ids={ids[0]}"))[0] == 403


IMPOSSIBLE_FILTERS = (
    "state=nothing",
    "lead_id=9999999999999999999999",
    "received_after=yesterday",
    "received_before=0001-01-01T00:00:00%2B14:00",
    "source=%00",
    "rejected=perhaps",
    "is_duplicate=2",
    f"channel={'x' * 300}",
)


async def test_a_filter_that_cannot_be_is_left_out_and_said(stack: Stack, sign_in: SignIn) -> None:
    ada: Visitor = await sign_in("agent")
    for query in IMPOSSIBLE_FILTERS:
        status, _, leads_to = await ada.open(f"{LIST}?{query}")
        assert (status, leads_to) == (303, LIST), query


async def test_the_filter_form_becomes_an_address(stack: Stack, sign_in: SignIn) -> None:
    ada: Visitor = await sign_in("agent")
    _, _, leads_to = await ada.open(f"{LIST}?set=1&state=dead&channel=&source=&from=2026-01-02T03:04&to=&within=")
    assert leads_to == f"{LIST}?state=dead&received_after=2026-01-02T03%3A04%3A00Z"
    for query in ("older=x", "newer=1.2", "older=99999999999999999999999.x", "search=%ff%fe"):
        assert (await ada.open(f"{LIST}?{query}"))[0] in (200, 303, 400)
    for query in ("first=x", "state=nothing&first=1.00000000-0000-0000-0000-000000000000"):
        assert (await ada.open(f"{LIST}/live?{query}"))[0] == 404
