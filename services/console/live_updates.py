"""Live pages: one stream a page, and one reader of the database a second for all who watch the same.

A stream sends snapshots, not differences, so that a listener who was away or slow misses nothing. A listener that is
slower than the producer gets the newest snapshot alone. Nothing is read while nobody listens.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from services.console.context import CONSOLE_CONTEXT
from services.console.job_news import JOB_ENDED_EVENT, JobNews
from services.console.page_view import PageView
from services.console.session_cookie import sent_session_token
from shared.db.errors import is_unavailable
from shared.observability import logging

log = logging.get_logger()

READ_INTERVAL_SECONDS = 1.0  # seconds between two snapshots of a topic
SESSION_CHECK_SECONDS = 5.0  # seconds between two checks of a listener's session; they are answered by the cache
SEND_TIMEOUT_SECONDS = 20.0  # seconds after which a listener that takes nothing is dropped
PING_SECONDS = 15.0
SIGNED_OUT_EVENT = "signed-out"

SnapshotReader = Callable[[], Awaitable[Any]]


@dataclass
class LiveTopic:
    """The newest snapshot of one topic, and those who wait for the next one."""

    read: SnapshotReader
    listeners: int = 0
    version: int = 0
    snapshot: Any = None
    rendered: dict[Hashable, str] = field(default_factory=dict)  # the newest snapshot, for each kind of reader
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    producer: asyncio.Task[None] | None = None

    async def produce(self) -> None:
        """Read a snapshot each second. Without the database listeners keep the last one, whose age goes on."""
        while True:
            began = time.monotonic()
            try:
                snapshot = await self.read()
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("console.live_failed")
            else:
                async with self.changed:
                    self.snapshot, self.version = snapshot, self.version + 1
                    self.rendered = {}
                    self.changed.notify_all()
            await asyncio.sleep(max(READ_INTERVAL_SECONDS - (time.monotonic() - began), 0.1))

    async def next_version(self, after: int) -> int | None:
        """Return the version of the snapshot once it is newer than `after`, or None when the session is due a check."""
        try:
            async with asyncio.timeout(SESSION_CHECK_SECONDS), self.changed:
                await self.changed.wait_for(lambda: self.version > after)
                return self.version
        except TimeoutError:
            return None

    def render(self, view: PageView, render: Callable[[PageView, Any], str]) -> str:
        """Return the newest snapshot as that reader sees it. It is rendered once for all whom the same is shown to."""
        key = _reader_key(view)
        if key not in self.rendered:
            # A view of its own, since the time in it is that of the rendering.
            self.rendered[key] = render(PageView(view.request, view.session, view.membership), self.snapshot)
        return self.rendered[key]


class LiveUpdates:
    """The topics that somebody watches, and the streams to end when the process stops."""

    def __init__(self) -> None:
        self._topics: dict[Hashable, LiveTopic] = {}
        self._streams: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def listening(self, key: Hashable, read: SnapshotReader) -> AsyncIterator[LiveTopic]:
        """Watch a topic. Its producer runs as long as somebody watches."""
        topic = self._topics.setdefault(key, LiveTopic(read))
        topic.listeners += 1
        if topic.producer is None:
            topic.producer = asyncio.create_task(topic.produce())
        stream = asyncio.current_task()
        if stream is not None:
            self._streams.add(stream)
        try:
            yield topic
        finally:
            if stream is not None:
                self._streams.discard(stream)
            topic.listeners -= 1
            if not topic.listeners:
                topic.producer.cancel()
                del self._topics[key]

    async def end_streams(self, _: web.Application) -> None:
        """End all streams, since a server that stops waits for its requests."""
        for stream in list(self._streams):
            stream.cancel()


LIVE_UPDATES = web.AppKey("live_updates", LiveUpdates)


async def stream_snapshots(
    view: PageView,
    topic: Hashable,
    read: SnapshotReader,
    render: Callable[[PageView, Any], str],
    *,
    event: str | None = None,
) -> web.StreamResponse:
    """Send the reader a rendered snapshot of a topic of their workspace each second, until they leave or sign out.

    With the name of an `event` the browser changes nothing by itself: the page's script hears it.
    """
    response = EventSourceResponse(send_timeout=SEND_TIMEOUT_SECONDS, ping_interval=PING_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(view.request)
    # A reader who goes to another page resets the connection.
    with suppress(ConnectionResetError):
        await _send_snapshots(view, response, topic, read, render, event)
    return response


async def _send_snapshots(
    view: PageView,
    response: EventSourceResponse,
    topic: Hashable,
    read: SnapshotReader,
    render: Callable[[PageView, Any], str],
    event: str | None,
) -> None:
    updates, version, news = view.request.app[LIVE_UPDATES], 0, JobNews(view)
    async with updates.listening((topic, view.workspace.workspace_id), read) as live, response:
        while response.is_connected():
            if not await _is_still_admitted(view):
                await response.send("", event=SIGNED_OUT_EVENT)
                break
            found = await live.next_version(version)
            if found is not None:
                version = found
                await response.send(live.render(view, render), event=event)
            for said in await news.read_news():
                await response.send(said, event=JOB_ENDED_EVENT)


def _reader_key(view: PageView) -> Hashable:
    """Return what a rendering depends on. A live part shows nothing else of its reader, and has no nonce."""
    role = view.membership.role if view.membership else None
    return view.language.code, str(view.zone), role, view.account.is_operator, view.request.query_string


async def _is_still_admitted(view: PageView) -> bool:
    """Return whether the session is valid still, with the same role. Sessions in memory stay while the database is
    away."""
    token = sent_session_token(view.request, view.console.settings)
    session = await view.request.app[CONSOLE_CONTEXT].sessions.authenticate(token, is_use=False) if token else None
    if session is None:
        return False
    slug = view.workspace.workspace_slug
    return session.is_operator or session.memberships.get(slug) == view.membership
