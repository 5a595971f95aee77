"""A synchronous standby is away: commits wait for it without end. Nobody else does, and nothing is lost or doubled."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from services.gateway.durable_store import DurableStore
from services.gateway.journal_writer import JournalWriter
from services.gateway.recent_rows import RecentRows
from services.gateway.verdict_waiters import STALE_HEARTBEAT_SECONDS, STANDBY_SECONDS, WORKER_CHECK_SECONDS
from services.workers.processes.heartbeat import STUCK_BATCH_SECONDS
from shared.intake.spool import Spool, open_spool_client
from shared.platform.db.connections import make_pool
from shared.platform.db.standby_watch import LOOK_SECONDS, SLOW_CHANGE_SECONDS, STANDBY_COMMIT_SECONDS
from tests.support.client import Client
from tests.support.console import console_client, make_readers
from tests.support.receivers import MailServer
from tests.support.stack import Stack, running_stack
from tests.support.standby import ReplicaServer, lone_primary
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

WRITERS = 12  # more than an API has connections
CALLERS = 5
FLUSH_SECONDS = 1.0  # that PostgreSQL gets to take a row
# Until the process knows it, and what a commit that had just begun then still waits.
LONGEST_WRITE_SECONDS = SLOW_CHANGE_SECONDS + 2 * LOOK_SECONDS + STANDBY_COMMIT_SECONDS
SOON_SECONDS = 3.0  # for a change that is refused before it begins
SOONEST_ANSWER_SECONDS = 2 * WORKER_CHECK_SECONDS + STANDBY_SECONDS  # two looks at the worker's commit
EMAIL_FIELD = {"key": "email", "type": "email", "maps_to": "email", "required": True}
WAITING_SQL = "SELECT application_name FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
# Longer than a batch may take, and than a heartbeat counts.
LONG_BATCH_SQL = f"""
SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'leadhub worker'
  AND query_start < clock_timestamp() - make_interval(secs => {STUCK_BATCH_SECONDS + STALE_HEARTBEAT_SECONDS + 2})
"""
LEDGER_STATES = ("accepted", "done", "pending", "dead", "quarantined", "spooled")  # in the order of the page
AUDITED_SQL = "SELECT count(*), count(DISTINCT request_id) FROM audit_log WHERE action = 'tag.created'"


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaServer]:
    with lone_primary(tmp_path_factory.mktemp("primary")) as primary:
        yield primary


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture(scope="module")
def waiting_stack(
    primary: ReplicaServer, mail_server: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    mail = {"LEADHUB_SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}", "LEADHUB_MAIL_FROM": "us@standby.example"}
    with running_stack(folder / "data", {"LEADHUB_DATABASE_URL": primary.url, **mail}) as stack:
        yield stack


@pytest_asyncio.fixture
async def poster(waiting_stack: Stack) -> AsyncIterator[Client]:
    client = Client(waiting_stack)
    yield client
    await client.close()


async def test_writes_of_the_api_are_answered_and_reads_go_on(
    primary: ReplicaServer, waiting_stack: Stack, poster: Client
) -> None:
    async with await_standby(primary):
        writing = [asyncio.create_task(post_tag(waiting_stack, f"tag {n}")) for n in range(WRITERS)]
        await until_async(lambda: ("leadhub api",) in primary.execute(WAITING_SQL), what="a commit that waits")
        reads = [await poster.show("leads?per_page=1") for _ in range(10)]
        assert {read.status for read in reads} == {200}
        answers = await asyncio.gather(*writing)
        assert {status for status, _, _ in answers} == {503}
        assert max(seconds for _, _, seconds in answers) < LONGEST_WRITE_SECONDS
        assert all("standby" in body["message"] for _, body, _ in answers), "each names the cause"
        told = [body for _, body, _ in answers if "made, or may have been" in body["message"]]
        unmade = [body for _, body, _ in answers if "Nothing was changed" in body["message"]]
        assert len(told) + len(unmade) == WRITERS
        later = [await post_tag(waiting_stack, f"later {n}") for n in range(3)]
        assert {status for status, _, _ in later} == {503}
        assert all("Nothing was changed" in body["message"] for _, body, _ in later)
        assert max(seconds for _, _, seconds in later) < SOON_SECONDS
        names = {tag["name"] for tag in (await poster.show("tags?per_page=100")).body["data"]}
        assert len(told) == len(names) > 0, "made, and told that it may be"
        assert ("leadhub api",) not in primary.execute(WAITING_SQL), "a session was left waiting"

    async def is_taken() -> bool:
        return (await post_tag(waiting_stack, "after"))[0] == 201

    await until_async(is_taken, what="a change, soon after the standby is back")

    def audited() -> bool:
        [(entries, requests)] = primary.execute(AUDITED_SQL)
        return entries == requests and int(str(entries)) >= WRITERS + 4

    await until_async(audited, what="an entry in the audit log for each request, and no second one")


@pytest.mark.extended
async def test_a_change_in_the_console_is_answered(primary: ReplicaServer, waiting_stack: Stack) -> None:
    readers = await make_readers(primary.url, "absent")
    form = "/console/main/settings/retention"
    async with console_client(waiting_stack.base, readers["admin"].email) as browser:
        async with await_standby(primary):
            saved = await browser.post(form, {"held_days": "36"})
            assert saved.status == 503
            assert "The change is not confirmed." in saved.text
            again = await browser.post(form, {"held_days": "37"})
            assert again.status == 503
            assert "Nothing was changed." in again.text
            assert again.headers["Retry-After"] == "2"
            assert 'value="36"' in (await browser.get(form)).text
            signing_in = await browser.sign_in(readers["manager"].email)
            assert signing_in.status == 503
        assert (await browser.post(form, {})).status == 303


async def test_leads_are_acknowledged_soon(primary: ReplicaServer, waiting_stack: Stack, poster: Client) -> None:
    await until_decided(poster, "before")
    taken = (await asyncio.to_thread(waiting_stack.status))["accepted"]
    reader = (await make_readers(primary.url, "counts"))["operator"]
    async with console_client(waiting_stack.base, reader.email) as browser, await_standby(primary):
        first = await asyncio.gather(*[poster.post(person(f"first{n}")) for n in range(CALLERS)])
        later = [await poster.post(person(f"later{n}")) for n in range(3)]
        assert {answer.status for answer in (*first, *later)} == {202}
        assert min(answer.seconds for answer in first) < SOONEST_ANSWER_SECONDS, [a.seconds for a in first]
        ledger = await asyncio.to_thread(waiting_stack.status)
        assert "standby" in ledger["unavailable"]
        assert ledger["accepted"] == taken + CALLERS + 3, "a lead counts twice"
        assert ledger["done"] == taken
        told = (await poster.show("operations")).body["data"]["ledger"]
        assert told["accepted"] == taken + CALLERS + 3, "a lead counts twice in the API"
        page = (await browser.get("/console/main/now")).text
        assert shown_figures(page) == [ledger[name] for name in LEDGER_STATES], "the console counts otherwise"

        async def is_measured() -> bool:
            return await measured_ledger(waiting_stack) == {name: ledger[name] for name in LEDGER_STATES}

        await until_async(is_measured, what="the same figures in the metrics")

    async def is_settled() -> bool:
        ledger = await asyncio.to_thread(waiting_stack.status)
        return bool(ledger["accepted"] == ledger["done"] == taken + CALLERS + 3)

    await until_async(is_settled, what="each lead once")
    await until_decided(poster, "after")


async def test_a_gateway_uses_no_journal_before_the_standby_is_back(
    primary: ReplicaServer, waiting_stack: Stack
) -> None:
    """Otherwise callers would wait for it again and again."""
    writer = JournalWriter(primary.url)
    async with make_pool(primary.url, "tests", size=2) as pool, open_spool_client(waiting_stack.spool_url) as client:
        stores = DurableStore(pool, writer, Spool(client), FLUSH_SECONDS, RecentRows(10.0))
        watching = asyncio.create_task(stores.watch_journal())
        async with await_standby(primary):
            stores.trip_breaker()
            for _ in range(3):
                assert not await stores._does_journal_answer()
            assert not stores.is_journal_available

        async def is_used() -> bool:
            return stores.is_journal_available

        await until_async(is_used, what="the journal once more")
        watching.cancel()
    writer.close()


@pytest.mark.extended
async def test_a_visitor_who_confirms_is_answered(
    primary: ReplicaServer, waiting_stack: Stack, mail_server: MailServer, poster: Client
) -> None:
    form = await poster.make("forms", {"name": "News", "fields": [EMAIL_FIELD], "settings": {"double_opt_in": True}})
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as visitor:
        posted = await visitor.post(f"{waiting_stack.base}/f/{form['public_id']}", data={"email": "ada@news.example"})
        assert posted.status == 200
        await until_async(lambda: bool(mail_server.mails), what="the mail with the link")
        link = f"{waiting_stack.base}{confirmation_path(mail_server)}"

        async def confirm() -> tuple[int, float]:
            started = asyncio.get_running_loop().time()
            async with visitor.post(link) as answer:
                return answer.status, asyncio.get_running_loop().time() - started

        async with await_standby(primary):
            status, seconds = await confirm()
            assert (status, seconds < LONGEST_WRITE_SECONDS) == (503, True), seconds
            status, seconds = await confirm()
            assert (status, seconds < SOON_SECONDS) == (503, True), seconds
        assert (await confirm())[0] == 200

    async def is_done() -> bool:
        return len((await poster.show("leads?email=ada@news.example")).body["data"]) == 1

    await until_async(is_done, what="the lead, once")


@pytest.mark.extended
async def test_a_worker_that_waits_for_the_standby_counts_as_alive(
    primary: ReplicaServer, waiting_stack: Stack, poster: Client
) -> None:
    await until_decided(poster, "alive")
    async with await_standby(primary):
        await poster.post(person("held"))
        await until_async(lambda: primary.execute(LONG_BATCH_SQL) != [], 120, "a batch that waits for long")
        assert (await asyncio.to_thread(waiting_stack.status))["workers"] == 1
    await until_decided(poster, "released")


async def until_decided(poster: Client, name: str) -> int:
    """Post leads until one gets a 201, and return how many. Gateways look for the standby once a second."""
    number = 0

    async def is_decided() -> bool:
        nonlocal number
        number += 1
        return (await poster.post(person(f"{name}{number}"))).status == 201

    await until_async(is_decided, what="a lead that is decided while its caller waits")
    return number


def shown_figures(page: str) -> list[int]:
    """The figures of the ledger on the page Now."""
    shown = page.partition('aria-label="The ledger"')[2].partition('class="proof')[0]
    return [int(figure) for figure in re.findall(r"<dd>\s*(?:<a[^>]*>)?\s*(\d+)", shown)]


async def measured_ledger(stack: Stack) -> dict[str, int]:
    """The gauges of the ledger."""
    async with aiohttp.ClientSession() as session, session.get(stack.metrics) as answer:
        found = re.findall(r'^leadhub_ledger{state="(\w+)"} (\d+)', await answer.text(), re.MULTILINE)
    return {name: int(figure) for name, figure in found}


def confirmation_path(mail_server: MailServer) -> str:
    """The path of the link in the one mail."""
    [mail] = mail_server.mails
    assert isinstance(mail.content, bytes)
    found = re.search(r"/c/\S+", message_from_bytes(mail.content, policy=policy.default).get_content())
    assert found
    return found[0]


def person(name: str) -> dict[str, str]:
    """A lead of its own."""
    return {"first_name": name, "email": f"{name}@standby.example"}


async def post_tag(stack: Stack, name: str) -> tuple[int, dict[str, str], float]:
    """The status, the body and the seconds of a new tag."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with (
        aiohttp.ClientSession(headers=stack.headers) as session,
        session.post(f"{stack.base}/api/v1/tags", json={"name": name}) as answer,
    ):
        return answer.status, await answer.json(), loop.time() - started


@asynccontextmanager
async def await_standby(primary: ReplicaServer) -> AsyncIterator[None]:
    """Commits wait for a standby that is away for as long as the block lasts."""
    primary.wait_for("absent")
    try:
        yield
    finally:
        primary.wait_for("")
        await until_async(lambda: not primary.execute(WAITING_SQL), what="the commits that waited")
