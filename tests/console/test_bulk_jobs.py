"""Bulk jobs in the console: confirmed by their exact count, watched, steered, and never for more than was confirmed."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.db.connections import connect
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "correct horse battery"
HOSTILE = '<script>alert("1")</script>'
CONFIRM = "/console/main/jobs/confirm"
# Dead or held ones as a worker stores them, with the ledger that goes with them.
ADD_ROWS = """
WITH made AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts)
    SELECT w.id, gen_random_uuid(), clock_timestamp(), %(state)s::text, 'inbound', %(source)s::text,
           convert_to(json_build_object('email', %(source)s::text || n || '@example.com',
                                        'first_name', %(name)s::text)::text, 'UTF8'), 1
    FROM workspaces w, generate_series(1, %(n)s::int) n WHERE w.slug = 'main' RETURNING 1
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT w.id, counted, (SELECT count(*) FROM made)
FROM workspaces w, unnest(ARRAY['accepted', %(state)s::text]) counted WHERE w.slug = 'main'
"""


class PageAnswer(NamedTuple):
    """An answer of the console."""

    status: int
    text: str
    location: str


class JobsReader:
    """Somebody who is signed in, with a browser without scripts."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session

    async def get(self, path: str) -> PageAnswer:
        """What an address shows."""
        async with self.session.get(self.base + path, allow_redirects=False) as answer:
            return PageAnswer(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def post(self, path: str, **fields: str) -> PageAnswer:
        """What a form comes to."""
        async with self.session.post(self.base + path, data=fields, allow_redirects=False) as answer:
            return PageAnswer(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def hidden_fields(self, query: str) -> dict[str, str]:
        """What the confirmation of a selection binds its form to."""
        answer = await self.get(f"{CONFIRM}?{query}")
        assert answer.status == 200, answer.text
        return hidden_fields(answer.text)

    async def start(self, query: str, **fields: str) -> str:
        """The address of a job for all that match."""
        answer = await self.post(f"{CONFIRM}?{query}", **await self.hidden_fields(query), reason="wanted", **fields)
        assert answer.status == 303, answer.text
        return answer.location


def hidden_fields(page: str) -> dict[str, str]:
    """The count that a confirmation was shown with, and when."""
    return dict(re.findall(r'type="hidden" name="(confirmed|counted_at)" value="([^"]+)"', page))


def ledger(page: str) -> dict[str, int]:
    """The figures of a job's own ledger, by label."""
    [found] = re.findall(r'<dl class="ledger".*?</dl>', page, re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", found.replace("</dd>", ";"))
    pairs = re.findall(r"([A-Z][a-z ]+?)\s+([\d,]+)\s*;", plain)
    return {label: int(number.replace(",", "")) for label, number in pairs}


@asynccontextmanager
async def signed_in(stack: Stack, role: Role) -> AsyncIterator[JobsReader]:
    """A reader with an account of their own."""
    email = f"{secrets.token_hex(6)}@jobs.example"
    async with connect(stack.database_url, "tests") as connection, connection.transaction():
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        await create_operator_made_user(
            connection, "main", email=email, name="Ada <b>Lovelace</b>", role=role, password_hash=password_hash
        )
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(stack.base))
    timeout = aiohttp.ClientTimeout(20)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, headers={"Origin": stack.base}) as session:
        reader = JobsReader(stack.base, session)
        assert (await reader.post("/console/sign-in", email=email, password=PASSWORD)).status == 303
        yield reader


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def reader(shared_stack: Stack) -> AsyncIterator[JobsReader]:
    async with AsyncExitStack() as exits:
        yield await exits.enter_async_context(signed_in(shared_stack, "manager"))


def add_rows(stack: Stack, source: str, n: int, state: str = "dead", name: str = HOSTILE) -> None:
    with stack.database() as database:
        database.execute(ADD_ROWS, {"source": source, "n": n, "state": state, "name": name})


def states_of(stack: Stack, source: str) -> dict[str, int]:
    query = "SELECT state, count(*) FROM submissions WHERE source = %s GROUP BY 1"
    with stack.database() as database:
        return dict(database.execute(query, (source,)).fetchall())


def shows(reader: JobsReader, path: str, wanted: Callable[[str], bool]) -> Callable[[], Awaitable[bool]]:
    """Whether a page says that."""

    async def says() -> bool:
        return wanted((await reader.get(path)).text)

    return says


async def test_a_job_takes_exactly_what_was_confirmed_and_its_ledger_adds_up(
    shared_stack: Stack, reader: JobsReader
) -> None:
    source = f"bulk-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 30)
    query = f"kind=replay&source={source}"
    shown = await reader.get(f"{CONFIRM}?{query}")
    assert "Replay 30" in shown.text
    assert source in shown.text
    assert "would make a new lead" in shown.text
    assert "<script>alert" not in shown.text
    path = f"{CONFIRM}?{query}"
    fields = hidden_fields(shown.text)
    assert (await reader.post(path, **fields, reason=" ")).status == 422  # a reason is needed
    assert (await reader.post(path, **fields, reason="x", rate="fast")).status == 422

    add_rows(shared_stack, source, 2)  # meanwhile
    moved = await reader.post(path, **fields, reason="token <i>expired</i>")
    assert moved.status == 409
    assert "you saw 30, 32 match now" in moved.text
    assert states_of(shared_stack, source) == {"dead": 32}  # nothing has started
    [narrowed] = re.findall(r'formaction="([^"]+)" name="recount"', moved.text)
    again = await reader.post(narrowed.replace("&amp;", "&"), **fields, reason="token <i>expired</i>", recount="1")
    assert again.status == 200
    assert hidden_fields(again.text)["confirmed"] == "30"
    assert "token &lt;i&gt;expired&lt;/i&gt;" in again.text  # what was typed is kept
    started = await reader.post(
        narrowed.replace("&amp;", "&"), **hidden_fields(again.text), reason="token <i>", rate=""
    )
    assert started.status == 303, started.text
    await until_async(shows(reader, started.location, lambda page: ledger(page)["Done"] == 30), what="the job")
    page = (await reader.get(started.location)).text
    assert ledger(page) == {
        **{"Asked for": 30, "Done": 30, "Failed": 0, "Skipped": 0, "To go": 0, "Cancelled": 0},
        "Unaccounted": 0,
    }
    assert "Ada &lt;b&gt;Lovelace" in page
    await until_async(lambda: states_of(shared_stack, source) == {"done": 30, "dead": 2}, what="the replay")
    listed = (await reader.get("/console/main/jobs")).text
    assert "Replay 30 submissions" in listed
    assert "token &lt;i&gt;" in listed


async def test_a_running_job_is_paced_paused_and_the_rest_cancelled(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"pace-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 200)
    job = await reader.start(f"kind=replay&source={source}", rate="1")
    running = await reader.get(job)
    assert re.search(r'name="rate"[^>]* value="1"', running.text)
    assert '<span class="n">1</span>' in running.text  # the navigation counts it
    assert (await reader.post(f"{job}/rate", rate="0")).status == 422
    assert (await reader.post(f"{job}/rate", rate="100")).status == 303
    await until_async(shows(reader, job, lambda page: ledger(page)["Done"] >= 20), what="the new rate")
    assert (await reader.post(f"{job}/pause")).status == 303
    paused = (await reader.get(job)).text
    assert "paused: nothing is done until somebody resumes it" in paused
    assert ledger(paused)["To go"] > 0
    assert "are still to go" in (await reader.get(f"{job}?cancel=1")).text
    assert (await reader.post(f"{job}/cancel")).status == 303
    ended = ledger((await reader.get(job)).text)
    assert (ended["To go"], ended["Unaccounted"]) == (0, 0)
    assert ended["Done"] + ended["Cancelled"] == 200
    assert (await reader.post(f"{job}/resume")).status == 303
    assert "had ended already" in (await reader.get(job)).text
    left = await reader.get(f"{job}?outcome=waiting")
    assert "without a name" not in left.text
    assert "&lt;script&gt;" in left.text


async def test_spam_is_marked_only_with_the_number_typed(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"spam-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 3, "quarantined")
    query = f"kind=reject&source={source}"
    path, fields = f"{CONFIRM}?{query}", await reader.hidden_fields(query)
    assert (await reader.post(path, **fields, reason="spam")).status == 422
    assert (await reader.post(path, **fields, reason="spam", typed="4")).status == 422
    job = (await reader.post(path, **fields, reason="spam", typed="3")).location
    await until_async(shows(reader, job, lambda page: ledger(page)["Done"] == 3), what="the job")
    assert "Nothing matches" in (await reader.get(path)).text


async def test_a_filter_that_cannot_be_read_lets_nothing_match(reader: JobsReader) -> None:
    for query in (
        "kind=replay&sorce=meta",
        "kind=replay&lead_id=x",
        "kind=replay&state=done",
        "kind=replay&received_after=never",
        "kind=replay&ids=1,2",
        "kind=deliveries&ids=x",
        "kind=replay&changes=%7B",
        "kind=replay&changes=%5B%7B%22op%22%3A%22set%22%2C%22field%22%3A%22a%22%7D%5D",
    ):
        answer = await reader.get(f"{CONFIRM}?{query}")
        assert (answer.status, "cannot be read" in answer.text) == (422, True), query
        posted = await reader.post(f"{CONFIRM}?{query}", confirmed="1", reason="x")
        assert (posted.status, "cannot be read" in posted.text) == (422, True), query
    assert (await reader.get(f"{CONFIRM}?kind=erase")).status == 404
    assert (await reader.get("/console/main/jobs/999999999")).status == 404
    assert (await reader.get("/console/main/jobs/x")).status == 404


async def test_those_who_may_not_steer_see_jobs_without_persons_and_change_none(
    shared_stack: Stack, reader: JobsReader
) -> None:
    source = f"seen-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 5, name="Zebedee")
    query = f"kind=replay&source={source}"
    fields = await reader.hidden_fields(query)
    job = await reader.start(query, rate="1")
    async with signed_in(shared_stack, "read_only") as other:
        seen = (await other.get(f"{job}?outcome=all")).text
        assert ledger(seen)["Asked for"] == 5
        assert "Zebedee" not in seen
        assert f"{source}1@example.com" not in seen
        assert "/cancel" not in seen
        assert "Zebedee" in (await reader.get(f"{job}?outcome=all")).text
        for action in ("pause", "resume", "cancel", "rate"):
            assert (await other.post(f"{job}/{action}")).status == 403
        assert (await other.get(f"{CONFIRM}?{query}")).status == 403
        assert (await other.post(f"{CONFIRM}?{query}", **fields, reason="x")).status == 403
    await reader.post(f"{job}/cancel")


async def test_progress_streams_to_whoever_watches(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"live-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 40)
    job = await reader.start(f"kind=replay&source={source}", rate="2")
    streamed = ""
    async with asyncio.timeout(20), reader.session.get(f"{reader.base}{job}/live") as stream:
        assert stream.content_type == "text/event-stream"
        async for line in stream.content:
            streamed += line.decode()
            if "live leads, beside it" in streamed:  # the chart of the pace: it needs figures of some seconds
                break
    assert "style=" not in streamed
    assert "Unaccounted" in streamed
    await reader.post(f"{job}/cancel")
