"""Receivers that stream without end: each attempt ends soon, in little memory, and holds up nobody else."""

import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.workers.deliveries.bounded_connection import (
    MAX_INFORMATIONAL_RESPONSES,
    MAX_RESPONSE_BYTES,
    RESPONSE_TOO_LARGE_MESSAGE,
    TOO_MANY_INFORMATIONAL_MESSAGE,
)
from services.workers.deliveries.http_client import HttpClient, SafeResolver
from services.workers.deliveries.types import AttemptResult, HttpRequest
from shared import workspaces
from shared.outbound.address_policy import AddressPolicy
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from tests.support.receivers import Receiver, flooding
from tests.support.sending import Outbox, tell
from tests.support.timing import best_within_async
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
TOO_LARGE = RESPONSE_TOO_LARGE_MESSAGE.format(kilobytes=MAX_RESPONSE_BYTES >> 10)
NO_HTTP = "The answer was no HTTP, or had too many or too long headers."
MOST_GROWTH = 64 << 20  # bytes of memory
PAGE = 4096


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[HttpClient]:
    caller = HttpClient(SafeResolver(AddressPolicy.from_text("127.0.0.1")))
    yield caller
    await caller.close()


async def _ask(caller: HttpClient, first: bytes, more: bytes = b"") -> AttemptResult:
    with flooding(first, more) as url:
        return await caller.send_request(HttpRequest(url, {}, b"{}", {}))


def _memory() -> int:
    """What this process holds, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.parametrize(
    ("first", "more", "error"),
    [
        (b"", CONTINUE, TOO_MANY_INFORMATIONAL_MESSAGE),
        (b"", PROCESSING, TOO_MANY_INFORMATIONAL_MESSAGE),
        (b"", HINTS, TOO_MANY_INFORMATIONAL_MESSAGE),
        (CONTINUE + PROCESSING, HINTS, TOO_MANY_INFORMATIONAL_MESSAGE),
        (OK, b"X-A: 1\r\n", NO_HTTP),
        (OK + b"X-A: ", b"x", NO_HTTP),
        (OK, b"X-A: " + b"x" * 8000 + b"\r\n", TOO_LARGE),
        (b"", b"\r\n", TOO_LARGE),
    ],
)
async def test_flood_without_an_answer_fails_with_a_reason(
    caller: HttpClient, first: bytes, more: bytes, error: str
) -> None:
    before = _memory()
    answer = await _ask(caller, first, more)  # no time ran out: the reason would be another
    assert (answer.status, answer.error, answer.hopeless) == (None, error, False)
    assert _memory() - before < MOST_GROWTH


def _bomb() -> bytes:
    """The beginning of 64 MB of zeros."""
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(64 << 20))


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (OK + b"\r\n", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (OK + b"Content-Encoding: gzip\r\n\r\n", _bomb()),
        (b"", OK + b"Content-Length: 2\r\n\r\nok"),
    ],
)
async def test_answer_counts_despite_an_endless_body(caller: HttpClient, first: bytes, more: bytes) -> None:
    async def seconds_until_answered() -> float:
        before, started = _memory(), time.monotonic()
        answer = await _ask(caller, first, more)
        assert (answer.status, answer.error) == (200, None)
        assert answer.body
        assert len(answer.body) <= 4096
        assert _memory() - before < MOST_GROWTH
        return time.monotonic() - started

    await best_within_async(10, seconds_until_answered)


async def test_a_few_informational_answers_are_passed_over(caller: HttpClient) -> None:
    few = CONTINUE + (PROCESSING + HINTS) * ((MAX_INFORMATIONAL_RESPONSES - 1) // 2)
    answer = await _ask(caller, few + OK + b"Content-Length: 2\r\n\r\nok")
    assert (answer.status, answer.body, answer.error) == (200, "ok", None)


async def test_byte_limit_restarts_with_each_answer_of_a_connection(caller: HttpClient, receiver: Receiver) -> None:
    for _ in range(5):
        answer = await caller.send_request(HttpRequest(receiver.url, {}, b"{}", {}))
        assert (answer.status, answer.body) == (200, "ok")
    assert len(receiver.requests) == 5


async def test_a_flood_holds_up_no_other_workspace(outbox: Outbox, receiver: Receiver) -> None:
    other = await workspaces.create_workspace(outbox.connection, "other", "Other")
    theirs = Outbox(outbox.url, outbox.connection, other)
    with flooding(b"", CONTINUE) as url:
        await tell(outbox, await outbox.subscribe(url), *[await outbox.lead() for _ in range(20)])
        subscription_id, lead_id = await theirs.subscribe(receiver.url), await theirs.lead()
        what = await theirs.happening(lead_id)
        async with outbox.sending() as sender:
            await until_async(lambda: _has_failed(outbox), what="the flood's first failure")
            await enqueue_deliveries(outbox.connection, [webhook_to_subscription(other, subscription_id, what)])
            sender.wake()
            await until_async(lambda: len(receiver.requests) == 1, what="the other's message")
    errors = {one["error"] for one in await outbox.attempts() if one["status"] is None and one["finished_at"]}
    assert errors == {TOO_MANY_INFORMATIONAL_MESSAGE}


async def _has_failed(outbox: Outbox) -> bool:
    return bool(await outbox.one("SELECT count(*) FROM delivery_attempts WHERE error IS NOT NULL"))
