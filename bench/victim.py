"""Latencies of one workspace's leads: from the post to the answer, and from the post to the webhook's receiver."""

import asyncio
import json
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import aiohttp
from aiohttp import web

from bench.load import percentile

POSTS_PER_SECOND = 20.0  # leads a second
WEBHOOK_TIMEOUT_SECONDS = 30.0  # the wait for webhooks after the last post
MAX_CONNECTIONS = 50


@dataclass(frozen=True)
class VictimWorkspace:
    """The observed workspace. `port` is the port of its webhook receiver."""

    inbound_url: str
    key: str
    port: int
    seconds: float


@dataclass
class VictimLatencies:
    """Latencies in milliseconds from the scheduled time of each post, so that every stall counts."""

    answers: list[float] = field(default_factory=list)
    webhooks: list[float] = field(default_factory=list)
    refused: int = 0
    missing: int = 0  # webhooks that did not arrive

    def to_figures(self) -> dict[str, float]:
        found: dict[str, float] = {"refused": self.refused, "missing": self.missing}
        for name in ("answers", "webhooks"):
            ordered = sorted(getattr(self, name))
            found |= {f"{name}_p50": percentile(ordered, 0.5), f"{name}_max": percentile(ordered, 1.0)}
        return found


class VictimProbe:
    """Posts new leads at a steady rate and records their answers and webhooks."""

    def __init__(self, victim: VictimWorkspace) -> None:
        self._victim = victim
        self._latencies = VictimLatencies()
        self._sent: dict[str, float] = {}  # email to its scheduled time, until its webhook arrives
        self._all_arrived = asyncio.Event()

    async def run(self) -> VictimLatencies:
        app = web.Application()
        app.router.add_post("/", self._receive_webhook)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._victim.port).start()
        timeout = aiohttp.ClientTimeout(60)
        headers = {"Authorization": f"Bearer {self._victim.key}", "Prefer": "wait=30"}
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector) as session:
            await self._post_all(session)
        await self._await_webhooks()
        await runner.cleanup()
        self._latencies.missing = len(self._sent)
        return self._latencies

    async def _post_all(self, session: aiohttp.ClientSession) -> None:
        started = time.monotonic()
        posts = []
        for number in range(int(self._victim.seconds * POSTS_PER_SECOND)):
            due = started + number / POSTS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            posts.append(asyncio.create_task(self._post_lead(session, due)))
        await asyncio.gather(*posts)

    async def _post_lead(self, session: aiohttp.ClientSession, due: float) -> None:
        email = f"{uuid.uuid4()}@victim.example.com"
        self._sent[email] = due
        try:
            async with session.post(self._victim.inbound_url, json={"email": email}) as answer:
                await answer.read()
                refused = answer.status not in (201, 202)
        except (aiohttp.ClientError, TimeoutError):
            refused = True
        if refused:
            self._latencies.refused += 1
            self._sent.pop(email, None)
        else:
            self._latencies.answers.append((time.monotonic() - due) * 1e3)

    async def _receive_webhook(self, request: web.Request) -> web.Response:
        now = time.monotonic()
        due = self._sent.pop((await request.json())["lead"]["email"], None)
        if due is not None:
            self._latencies.webhooks.append((now - due) * 1e3)
        if not self._sent:
            self._all_arrived.set()
        return web.Response()

    async def _await_webhooks(self) -> None:
        if not self._sent:
            return
        self._all_arrived.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_arrived.wait(), WEBHOOK_TIMEOUT_SECONDS)


if __name__ == "__main__":
    latencies = asyncio.run(VictimProbe(VictimWorkspace(**json.loads(sys.argv[1]))).run())
    print(json.dumps(asdict(latencies)))
