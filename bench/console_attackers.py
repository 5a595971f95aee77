"""Attacks on what all workspaces share: by a reader of the console, by strangers, and by another workspace."""

import asyncio
import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import available_timezones

import aiohttp

from bench.attackers import CONNECTION_ERRORS, repeat_in_parallel

STREAM_COUNT = 300
BODY_COUNT = 150
ADDRESS_COUNT = 50
ATTEMPTS_PER_SECOND = 2.0  # of each address
PAUSE_SECONDS = 1.0  # before somebody who was refused tries again
PIECE_BYTES = 64 << 10
MANY_ITEMS, ALLOWED_ITEMS, ARRAY_CONNECTIONS = 400_000, 1000, 16
LARGE_ITEM = b'{"email":"x","notes":"%s"}' % (b"x" * 990)  # a thousand of them are just below 1 MiB
IMPORT_ROWS, IMPORT_CONNECTIONS = 100_000, 8
SIGN_IN_PATH = "/console/sign-in"
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class ConsoleTarget:
    """The service under attack.

    `cookies` are those of a reader who may change nothing. `key` and `webhook_url` belong to the attacking workspace.
    """

    base_url: str
    workspace: str
    cookies: str
    key: str
    webhook_url: str


async def open_equal_streams(target: ConsoleTarget) -> None:
    """As one reader, hold 300 streams of one page, whose addresses differ in what means nothing."""
    await _open_streams(target, lambda number: (f"now/live?unlike={number}", target.cookies))


async def open_unlike_streams(target: ConsoleTarget) -> None:
    """As one reader, hold 300 streams that have nothing in common: other pages, filters and time zones."""
    zones = sorted(available_timezones())

    def stream(number: int) -> tuple[str, str]:
        query = urlencode({"known": number, "at": f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00"})
        paths = (f"dead-letters/live?{query}", f"jobs/live?n={number + 1}", "now/live", "queues/live?span=24h")
        return paths[number % len(paths)], f"{target.cookies}; leadhub_zone={zones[number]}"

    await _open_streams(target, stream)


async def send_slow_bodies(target: ConsoleTarget) -> None:
    """As strangers, send bodies without an end to the sign-in form, over 150 connections: half fast, half slowly."""
    await asyncio.gather(*(_send_bodies(target, is_fast=number % 2 == 0) for number in range(BODY_COUNT)))


async def sign_in_from_many_addresses(target: ConsoleTarget) -> None:
    """As strangers at fifty addresses, try passwords of accounts twice a second each."""
    await asyncio.gather(*(_try_passwords(target, f"127.0.1.{number + 1}") for number in range(ADDRESS_COUNT)))


async def post_webhook_arrays(target: ConsoleTarget) -> None:
    """As another workspace, post arrays to one's webhook: too many items, and as many as are allowed."""
    bodies = [b"[" + b",".join([b"1"] * MANY_ITEMS) + b"]", b"[" + b",".join([LARGE_ITEM] * ALLOWED_ITEMS) + b"]"]
    choices = itertools.cycle(bodies)
    headers = {"Content-Type": "application/json"}
    await repeat_in_parallel(
        ARRAY_CONNECTIONS, lambda session: session.post(target.webhook_url, data=next(choices), headers=headers)
    )


async def upload_imports(target: ConsoleTarget) -> None:
    """As another workspace, upload files for dry runs over eight connections."""
    numbers = itertools.count()
    headers = {"Authorization": f"Bearer {target.key}"}

    def upload(session: aiohttp.ClientSession) -> Awaitable[aiohttp.ClientResponse]:
        rows = "".join(f"person.{number}@attack.example.com,Person\n" for number in islice(numbers, IMPORT_ROWS))
        form = aiohttp.FormData()
        form.add_field("file", f"email,first_name\n{rows}".encode(), filename="attack.csv", content_type="text/csv")
        return session.post(f"{target.base_url}/api/v1/leads/import?dry_run=1", data=form, headers=headers)

    await repeat_in_parallel(IMPORT_CONNECTIONS, upload, pause=PAUSE_SECONDS)


CONSOLE_ATTACKS: dict[str, Callable[[ConsoleTarget], Coroutine[Any, Any, None]]] = {
    "streams of one page": open_equal_streams,
    "streams, all unlike": open_unlike_streams,
    "slow bodies": send_slow_bodies,
    "webhook arrays": post_webhook_arrays,
    "imports": upload_imports,
    "sign-ins": sign_in_from_many_addresses,
}


async def _open_streams(target: ConsoleTarget, stream_of: Callable[[int], tuple[str, str]]) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)

    async def read(number: int) -> None:
        path, cookies = stream_of(number)
        url = f"{target.base_url}/console/{target.workspace}/{path}"
        while True:
            with suppress(*CONNECTION_ERRORS):
                async with session.get(url, headers={"Cookie": cookies}, allow_redirects=False) as answer:
                    async for _ in answer.content.iter_any():
                        pass
            await asyncio.sleep(PAUSE_SECONDS)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(read(number) for number in range(STREAM_COUNT)))


async def _send_bodies(target: ConsoleTarget, *, is_fast: bool) -> None:
    address = urlsplit(target.base_url)
    head = f"POST {SIGN_IN_PATH} HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {target.base_url}\r\n"
    head += f"Content-Type: {FORM_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
    size = PIECE_BYTES if is_fast else 1
    piece = f"{size:x}\r\n".encode() + b"x" * size + b"\r\n"
    while True:
        with suppress(*CONNECTION_ERRORS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(head.encode())
            while not reader.at_eof() and reader.exception() is None:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01 if is_fast else 1)
            writer.close()
        await asyncio.sleep(PAUSE_SECONDS)


async def _try_passwords(target: ConsoleTarget, address: str) -> None:
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector, headers={"Origin": target.base_url}) as session:
        for number in range(10**9):
            form = {"email": f"{address}-{number}@attack.example.com", "password": "not the password"}
            with suppress(*CONNECTION_ERRORS):
                async with session.post(target.base_url + SIGN_IN_PATH, data=form) as answer:
                    await answer.read()
            await asyncio.sleep(1 / ATTEMPTS_PER_SECOND)


if __name__ == "__main__":
    asyncio.run(CONSOLE_ATTACKS[sys.argv[1]](ConsoleTarget(**json.loads(sys.argv[2]))))
