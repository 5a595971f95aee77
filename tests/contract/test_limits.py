"""Limits of a request: how large, how deep and how slow it may be."""

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest

from tests.contract.service import BATCH, INBOUND, Service, ask, new_email, post_lead
from tests.support.timing import best_within_async
from tests.support.waiting import DEADLINE_SECONDS

LIMITS = {INBOUND: 256 * 1024, BATCH: 5 * 1024 * 1024}
CUT = 15  # seconds in which a slow client is cut
JSON = {"Content-Type": "application/json"}


def head(service: Service, path: str, key: str, *more: str) -> bytes:
    """A request's head."""
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        *more,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def body_of(path: str, size: int) -> bytes:
    """A good body of exactly that many bytes."""
    lead = json.dumps({"email": new_email()})
    body = lead if path == INBOUND else f"[{lead}]"
    return (body + " " * (size - len(body))).encode()


@pytest.mark.parametrize("path", LIMITS)
async def test_the_limit_itself_is_taken(client: aiohttp.ClientSession, path: str) -> None:
    answer = await ask(client, "POST", path, data=body_of(path, LIMITS[path]), headers=JSON)
    assert answer.status in (200, 201)


@pytest.mark.parametrize("path", LIMITS)
def test_more_is_refused_before_it_is_sent(service: Service, key: str, path: str) -> None:
    with service.connect() as connection:
        connection.sendall(head(service, path, key, f"Content-Length: {LIMITS[path] + 1}"))
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"PAYLOAD_TOO_LARGE"' in answer
    assert b"X-RateLimit-Limit" in answer


@pytest.mark.parametrize("path", LIMITS)
def test_more_in_chunks_is_refused_before_it_is_whole(service: Service, key: str, path: str) -> None:
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    with service.connect() as connection:
        connection.sendall(head(service, path, key, "Transfer-Encoding: chunked"))
        for _ in range(LIMITS[path] // 0x4000 + 1):
            connection.sendall(chunk)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", LIMITS)
def test_an_endless_body_does_not_hold_the_service(service: Service, key: str, path: str) -> None:
    started = time.monotonic()
    with service.connect() as connection:
        connection.sendall(head(service, path, key, f"Content-Length: {10**15}"))
        with pytest.raises(ConnectionError):  # noqa: PT012 - it may be cut at any of these
            while time.monotonic() - started < DEADLINE_SECONDS:
                connection.sendall(b" " * 65536)
            raise AssertionError("still reading")


@pytest.mark.parametrize(("levels", "status"), [(30, 201), (31, 400)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
async def test_thirty_two_levels_and_no_more(
    client: aiohttp.ClientSession, levels: int, status: int, opening: str, closing: str
) -> None:
    deep = f'{{"a":{opening * levels}1{closing * levels}}}'
    body = f'{{"email":"{new_email()}","custom_fields":{deep}}}'
    assert (await ask(client, "POST", INBOUND, data=body, headers=JSON)).status == status


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x"])
async def test_a_parameter_does_not_change_the_type(client: aiohttp.ClientSession, media: str) -> None:
    body = json.dumps({"email": new_email()})
    assert (await ask(client, "POST", INBOUND, data=body, headers={"Content-Type": media})).status == 201


async def test_slow_clients_are_cut_and_nobody_else(service: Service, key: str, client: aiohttp.ClientSession) -> None:
    whole = head(service, INBOUND, key, "Content-Length: 5000")
    drips = {
        "nothing": b"",
        "half a line": b"POST /api",
        "headers": whole[:-2],
        "no body": whole,
        "a body": whole + b"{",
    }

    async def seconds_until_all_are_cut() -> float:
        clients = [asyncio.create_task(_drip(service, drip)) for drip in drips.values() for _ in range(4)]
        quick = [(await post_lead(client, {"email": new_email()})).status for _ in range(50)]
        assert set(quick) == {201}
        times = await asyncio.gather(*clients)
        print(dict(zip([f"{name} {n}" for name in drips for n in range(4)], times, strict=True)))
        return max(times)

    await best_within_async(CUT, seconds_until_all_are_cut, tries=3)


async def _drip(service: Service, first: bytes) -> float:
    """Sends that and then a byte a second, which ends neither head nor body; the seconds until it is cut."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.stack.port)
    writer.write(first)
    reading = asyncio.create_task(_read_to_the_end(reader))
    while not (await asyncio.wait({reading}, timeout=1))[0] and time.monotonic() - started < DEADLINE_SECONDS:
        if first and not writer.is_closing():
            writer.write(b"x")
    reading.cancel()
    writer.close()
    return time.monotonic() - started


async def _read_to_the_end(reader: asyncio.StreamReader) -> Any:
    try:
        return await reader.read()
    except ConnectionError:
        return None
