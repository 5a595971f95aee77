"""Point-in-time recovery as `docs/operations/backup.md` has it: back to a second, and nobody erased comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.people.erasure_log import LOG_NAME
from tests.support.client import Client
from tests.support.console import console_client, make_readers
from tests.support.failover_checks import EXACT_RULES
from tests.support.pgbackrest import RecoverableServer, read_commands, recoverable_server, why_no_pgbackrest
from tests.support.stack import Stack, running_stack
from tests.support.waiting import background, until_async

pytestmark = [pytest.mark.faults, pytest.mark.extended, pytest.mark.external]

NOW_PAGE = "/console/main/now"
LEAD_SQL = "SELECT count(*) FROM leads WHERE email = '{}@example.com'"
WITHOUT_TIMELINE = "submissions not exactly once on a timeline"


class Feed(NamedTuple):
    """An answer of the feed of events."""

    events: list[dict[str, Any]]
    next_cursor: str


async def test_database_goes_back_to_a_time(tmp_path: Path) -> None:
    *set_up, restore = await asyncio.to_thread(read_commands)
    async with stack_on_server(tmp_path) as (server, stack):
        for line in set_up:
            await asyncio.to_thread(server.run_line, line)
        saved_at = await asyncio.to_thread(server.fetch_value, "SELECT clock_timestamp()")
        later = f"SELECT date_trunc('second', clock_timestamp()) > '{saved_at}'"  # pgBackRest counts whole seconds
        await until_async(lambda: asyncio.to_thread(lambda: server.fetch_value(later) is True), what="the next second")
        reader = (await make_readers(server.url))["read_only"]
        async with posting(stack) as client, console_client(stack.base, reader.email) as console:
            seen = await read_feed(client, "now")
            kept, erased = [await post(client, name) for name in ("kept", "erased")]
            time = str(await asyncio.to_thread(server.fetch_value, "SELECT clock_timestamp()"))
            await post(client, "later")
            cursor = await read_until(client, seen.next_cursor, "later")
            await erase(client, stack, erased["lead_id"])

            await asyncio.to_thread(stack.stop)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.run_line, restore, time)
            await asyncio.to_thread(server.start)
            assert count_leads(server) == {"kept": 1, "erased": 1, "later": 0}
            said = await asyncio.to_thread(stack.run, "after-recovery")
            assert "erased after that time: 1" in said.stderr
            again = await asyncio.to_thread(stack.run, "after-recovery")
            assert "erased after that time: 0" in again.stderr
            assert count_leads(server) == {"kept": 1, "erased": 0, "later": 0}
            await asyncio.to_thread(stack.start)

            assert (await console.get(NOW_PAGE)).asks_sign_in
            assert (await post(client, "kept"))["lead_id"] == kept["lead_id"]
            await post(client, "later")
            await until_async(lambda: asyncio.to_thread(lambda: count_leads(server)["later"] == 1), what="the lead")
            assert count_leads(server) == {"kept": 1, "erased": 0, "later": 1}
            await read_until(client, cursor, "later")  # another number of the feed than the one that was read
        found = {name: server.fetch_value(query) for name, query in EXACT_RULES.items()}
        assert {name: number for name, number in found.items() if number} == {WITHOUT_TIMELINE: 1}  # the erased one


@asynccontextmanager
async def posting(stack: Stack) -> AsyncIterator[Client]:
    """A client for the block."""
    client = Client(stack)
    try:
        yield client
    finally:
        await client.close()


async def post(client: Client, name: str) -> dict[str, Any]:
    """Post a lead with a key of its own, as a source that repeats itself does, and return the worker's verdict."""
    answer = await client.post(
        {"email": f"{name}@example.com"}, prefer="wait=10", idempotency_key=f"point-in-time-{name}"
    )
    assert answer.status in (200, 201), answer.body
    return dict(answer.body)


async def read_feed(client: Client, cursor: str) -> Feed:
    """Return an answer of the feed of events behind a cursor."""
    answer = await client.show(f"events?after={cursor}{'' if cursor == 'now' else '&wait=10'}")
    assert answer.status == 200, answer.body
    return Feed(answer.body["data"], answer.body["meta"]["next_cursor"])


async def read_until(client: Client, cursor: str, name: str) -> str:
    """Read the feed until it tells of this lead, and return the cursor behind it."""

    async def does_tell() -> bool:
        nonlocal cursor
        feed = await read_feed(client, cursor)
        cursor = feed.next_cursor
        return f"{name}@example.com" in {event["lead"].get("email") for event in feed.events}

    await until_async(does_tell, what="the event")
    return cursor


async def erase(client: Client, stack: Stack, lead_id: int) -> None:
    """Erase a person, and wait until the log of erasures has them."""
    await client.make(f"leads/{lead_id}/erase", {"confirm": True})
    await until_async(lambda: asyncio.to_thread((stack.folder / "files" / LOG_NAME).exists), what="the log of erasures")


def count_leads(server: RecoverableServer) -> dict[str, object]:
    """How many leads there are of each name."""
    return {name: server.fetch_value(LEAD_SQL.format(name)) for name in ("kept", "erased", "later")}


@asynccontextmanager
async def stack_on_server(folder: Path) -> AsyncIterator[tuple[RecoverableServer, Stack]]:
    """A server as the page has it, and a LeadHub on it."""
    if reason := why_no_pgbackrest():
        pytest.skip(reason)
    async with (
        background(recoverable_server()) as server,
        background(running_stack(folder / "data", {"LEADHUB_DATABASE_URL": server.url})) as stack,
    ):
        yield server, stack
