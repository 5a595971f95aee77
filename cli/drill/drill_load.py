"""The senders of a drill: posts at a steady rate, each sent again until it is acknowledged."""

import asyncio
import threading
import time
from collections.abc import Iterator
from random import Random

import aiohttp
import orjson

from cli.drill.drill_ledger import DrillLedger, PostRecord
from cli.drill.made_up_posts import MadeUpPost

MAX_IN_FLIGHT = 1000  # posts; further ones wait, since a load without a bound would measure itself
RETRY_PAUSES_SECONDS = (0.1, 0.25, 0.5, 1.0)  # seconds before each further try; the last one repeats
GIVE_UP_SECONDS = 90.0  # seconds after which a sender tries no more
REQUEST_TIMEOUT_SECONDS = 30.0
TICK_SECONDS = 0.01  # seconds between two looks at the clock
REPEATED_KEY_SHARE = 0.1  # of the posts are sent once more after their answer, as senders do that lost it
CLOSE_TIMEOUT_SECONDS = GIVE_UP_SECONDS + REQUEST_TIMEOUT_SECONDS + 30


class DrillLoad:
    """Posts from a thread of its own, since the kills of the drill may keep the main thread waiting."""

    def __init__(self, base_url: str, posts: Iterator[MadeUpPost], ledger: DrillLedger, rate: float) -> None:
        self._base_url, self._posts, self._ledger, self._rate = base_url, posts, ledger, rate
        self._random = Random(0)  # noqa: S311 - which posts are sent twice is no secret
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="drill load", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        """Start to post."""
        self._thread.start()

    def finish(self) -> None:
        """Send no new posts, and wait until each one is acknowledged or given up. RuntimeError if the load failed."""
        self._stopping.set()
        self._thread.join(CLOSE_TIMEOUT_SECONDS)
        self.raise_error()

    def abandon(self) -> None:
        """End at once, whatever is under way."""
        self._abandoned.set()
        self._stopping.set()
        self._thread.join(REQUEST_TIMEOUT_SECONDS)

    def raise_error(self) -> None:
        """RuntimeError if the load ended by an error of its own."""
        if self.error:
            raise RuntimeError(f"the drill's load failed: {self.error!r}") from self.error

    async def _run(self) -> None:
        try:
            await self._post_steadily()
        except Exception as error:
            self.error = error

    async def _post_steadily(self) -> None:
        started, posted = time.monotonic(), 0
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(self._base_url, timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            tasks: set[asyncio.Task[None]] = set()
            while not self._stopping.is_set():
                due = int((time.monotonic() - started) * self._rate) - posted
                for _ in range(min(due, MAX_IN_FLIGHT - len(tasks))):
                    task = group.create_task(self._deliver_post(session, next(self._posts)))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    posted += 1
                await asyncio.sleep(TICK_SECONDS)
            while tasks and not self._abandoned.is_set():
                await asyncio.wait(tasks, timeout=0.5)
            for task in tasks:
                task.cancel()

    async def _deliver_post(self, session: aiohttp.ClientSession, post: MadeUpPost) -> None:
        record = self._ledger.open_record(post.kind, post.submission_id, time.monotonic())
        await self._send_until_acknowledged(session, post, record)
        if self._random.random() < REPEATED_KEY_SHARE and record.acknowledged_at is not None:
            self._ledger.repeats += 1
            await self._send_until_acknowledged(session, post, record)

    async def _send_until_acknowledged(
        self, session: aiohttp.ClientSession, post: MadeUpPost, record: PostRecord
    ) -> None:
        deadline, tries = time.monotonic() + GIVE_UP_SECONDS, 0
        while not await self._send_once(session, post, record):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(RETRY_PAUSES_SECONDS[min(tries, len(RETRY_PAUSES_SECONDS) - 1)])
            tries += 1

    async def _send_once(self, session: aiohttp.ClientSession, post: MadeUpPost, record: PostRecord) -> bool:
        """Return whether the post was acknowledged."""
        try:
            async with session.post(post.path, data=post.body, headers=post.headers) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._ledger.note_lost_try(0, time.monotonic())
            return False
        if not 200 <= answer.status < 300:
            self._ledger.note_lost_try(answer.status, time.monotonic())
            return False
        told_id = orjson.loads(body).get("submission_id") if post.kind != "webhook" else None
        self._ledger.acknowledge(record, told_id, time.monotonic())
        return True
