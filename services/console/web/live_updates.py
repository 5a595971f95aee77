"""Live pages: one stream a page, and one reader of the database a second for all who watch the same.

A stream sends snapshots, not differences, so that a listener who was away or slow misses nothing. A listener that is
slower than the producer gets the newest snapshot alone. Nothing is read while nobody listens.

However many listen, and whatever they ask for, reading and rendering keep to a share of the time: the more there is to
show, the less often it is shown.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from services.console.web.context import CONSOLE_CONTEXT
from services.console.web.paced_turns import PacedTurns
from services.console.web.page_view import PageView
from services.console.web.session_cookie import sent_session_token
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import RateLimited
from shared.platform.observability import logging

log = logging.get_logger()

READ_INTERVAL_SECONDS = 1.0  # seconds between two snapshots of a topic
SESSION_CHECK_SECONDS = 5.0  # seconds between two checks of a listener's session; they are answered by the cache
SEND_TIMEOUT_SECONDS = 20.0  # seconds after which a listener that takes nothing is dropped
PING_SECONDS = 15.0
SIGNED_OUT_EVENT = "signed-out"
MAX_STREAMS, MAX_ACCOUNT_STREAMS = 300, 24  # of this process; the pages of a browser need three together
RETRY_SECONDS = 10  # seconds after which a page asks again
READS_AT_ONCE, READ_SHARE = 2, 0.2  # of the time of each of them: the database has other work
RENDER_SHARE = 0.25  # of the time of this process, which takes leads as well
ACCOUNT_FULL_MESSAGE = "Too many live pages of this account are open. Close some of them."
INSTALLATION_FULL_MESSAGE = "Too many live pages are open on this installation. Their figures stand still for now."
find_line_ends = re.compile(r"\r\n|\r|\n")


class StreamNews(Protocol):
    """What a stream tells its reader beside its snapshots, as events of a name for the page's script."""

    event: str

    async def read_news(self) -> Iterable[str]:
        """Return what is new since the last time."""


SnapshotReader = Callable[[], Awaitable[Any]]
SnapshotRenderer = Callable[[PageView, Any], str]


@dataclass
class LivePace:
    """The turns at reading and at rendering, which all topics share."""

    reading: PacedTurns = field(default_factory=lambda: PacedTurns(READS_AT_ONCE, READ_SHARE))
    rendering: PacedTurns = field(default_factory=lambda: PacedTurns(1, RENDER_SHARE))


@dataclass
class LiveTopic:
    """The newest snapshot of one topic, and those who wait for the next one."""

    read: SnapshotReader
    pace: LivePace = field(default_factory=LivePace)
    listeners: int = 0
    version: int = 0
    snapshot: Any = None
    rendered: dict[Hashable, bytes] = field(default_factory=dict)  # the newest snapshot, for each kind of reader
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    producer: asyncio.Task[None] | None = None

    async def produce(self) -> None:
        """Read a snapshot each second. Without the database listeners keep the last one, whose age goes on."""
        while True:
            began = time.monotonic()
            try:
                async with self.pace.reading.turn():
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

    async def has_newer(self, version: int) -> bool:
        """Wait for a snapshot that is newer. Return False when the session is due a check before there is one."""
        try:
            async with asyncio.timeout(SESSION_CHECK_SECONDS), self.changed:
                return await self.changed.wait_for(lambda: self.version > version)
        except TimeoutError:
            return False

    async def render(self, kind: Hashable, render: Callable[[Any], str], event: str | None) -> tuple[int, bytes]:
        """Return the newest snapshot and its version, as a message for readers of a kind. It is rendered once."""
        if kind not in self.rendered:
            async with self.pace.rendering.turn():
                if kind not in self.rendered:  # another listener may have had the turn before
                    self.rendered[kind] = encode_message(render(self.snapshot), event)
        return self.version, self.rendered[kind]


class StreamOwner(NamedTuple):
    """Who watches what: an account, and the workspace that it looks at."""

    workspace_id: int
    account_id: int


class LiveUpdates:
    """The topics that somebody watches, and the streams to end when the process stops."""

    def __init__(self, make_news: Callable[[PageView], StreamNews]) -> None:
        self.make_news = make_news
        self._topics: dict[Hashable, LiveTopic] = {}
        self._streams: dict[asyncio.Task[Any], StreamOwner] = {}
        self._pace = LivePace()

    def make_room(self, owner: StreamOwner) -> None:
        """Make room for another stream of an account. Raises RateLimited if there is none.

        On a full installation the workspace with the most streams gives way to one that has fewer, and in a workspace
        its account with the most: an admin who makes many accounts takes nothing from other workspaces.
        """
        owners = list(self._streams.values())
        if sum(each.account_id == owner.account_id for each in owners) >= MAX_ACCOUNT_STREAMS:
            raise RateLimited(ACCOUNT_FULL_MESSAGE, retry_after=RETRY_SECONDS)
        if len(owners) < MAX_STREAMS:
            return
        largest = _yielding_owner(owners, owner)
        if largest is None:
            raise RateLimited(INSTALLATION_FULL_MESSAGE, retry_after=RETRY_SECONDS)
        stream = next(stream for stream, each in self._streams.items() if each == largest)
        del self._streams[stream]
        stream.cancel()

    @asynccontextmanager
    async def listening(self, key: Hashable, reader: SnapshotReader, owner: StreamOwner) -> AsyncIterator[LiveTopic]:
        """Watch a topic, in a task of its own. The topic's producer runs as long as somebody watches."""
        stream = asyncio.current_task()
        assert stream is not None  # noqa: S101 - a coroutine runs in a task
        self._streams[stream] = owner
        topic = self._topics.setdefault(key, LiveTopic(reader, self._pace))
        topic.listeners += 1
        if topic.producer is None:
            topic.producer = asyncio.create_task(topic.produce())
        try:
            yield topic
        finally:
            self._streams.pop(stream, None)
            topic.listeners -= 1
            if not topic.listeners:
                topic.producer.cancel()
                del self._topics[key]

    async def end_streams(self, _: web.Application) -> None:
        """End all streams, since a server that stops waits for its requests."""
        for stream in list(self._streams):
            stream.cancel()


def stream_owner(view: PageView) -> StreamOwner:
    """Return who watches a page of a workspace."""
    return StreamOwner(view.workspace.workspace_id, view.account.account_id)


def _yielding_owner(owners: Sequence[StreamOwner], newcomer: StreamOwner) -> StreamOwner | None:
    """Return who gives a stream away, or None if nobody holds so many more than the newcomer."""
    workspaces = Counter(owner.workspace_id for owner in owners)
    workspace_id, most = workspaces.most_common(1)[0]
    takes_from_others = most > workspaces[newcomer.workspace_id] + 1
    if not takes_from_others:
        workspace_id = newcomer.workspace_id
    held = Counter(owner for owner in owners if owner.workspace_id == workspace_id)
    if not held:
        return None
    largest, most = held.most_common(1)[0]
    return largest if takes_from_others or most > held[newcomer] + 1 else None


LIVE_UPDATES = web.AppKey("live_updates", LiveUpdates)


async def stream_snapshots(
    view: PageView,
    topic: Hashable,
    reader: SnapshotReader,
    render: SnapshotRenderer,
    *,
    event: str | None = None,
    shown: Hashable = None,
) -> web.StreamResponse:
    """Send the reader a rendered snapshot of a topic of their workspace each second, until they leave or sign out.

    What of the address a rendering depends on stands in the topic, or in `shown` where it does not change the snapshot.
    With the name of an `event` the browser changes nothing by itself: the page's script hears it.
    """
    try:
        view.request.app[LIVE_UPDATES].make_room(stream_owner(view))
    except RateLimited as error:  # a page that says it would cost more than what is refused
        headers = {**error.headers, "X-Content-Type-Options": "nosniff"}
        return web.Response(status=error.status, text=str(error), headers=headers)
    response = EventSourceResponse(sep="\n", send_timeout=SEND_TIMEOUT_SECONDS, ping_interval=PING_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(view.request)
    stream = _SnapshotStream(view, response, render, event, shown)
    # A reader who goes to another page resets the connection.
    with suppress(ConnectionResetError, TimeoutError):
        await stream.send_all(topic, reader)
    return response


def encode_message(data: str, event: str | None = None) -> bytes:
    """Return a message of a stream."""
    lines = [f"event: {event}"] if event else []
    lines += [f"data: {line}" for line in find_line_ends.split(data)]
    return "\n".join([*lines, "", ""]).encode()


@dataclass
class _SnapshotStream:
    """One reader's stream."""

    view: PageView
    response: EventSourceResponse
    render: SnapshotRenderer
    event: str | None
    shown: Hashable

    async def send_all(self, topic: Hashable, reader: SnapshotReader) -> None:
        view, version = self.view, 0
        updates, key = view.request.app[LIVE_UPDATES], (topic, view.workspace.workspace_id)
        news = updates.make_news(view)
        async with updates.listening(key, reader, stream_owner(view)) as live, self.response:
            while self.response.is_connected():
                if not await _is_still_admitted(view):
                    await self._send(encode_message("", SIGNED_OUT_EVENT))
                    break
                if await live.has_newer(version):
                    version, message = await live.render((view.reader_kind, self.shown), self._render, self.event)
                    await self._send(message)
                for text in await news.read_news():
                    await self._send(encode_message(text, news.event))

    async def _send(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                await self.response.write(message)
        except TimeoutError:
            if transport := self.view.request.transport:
                transport.abort()  # a listener that takes nothing does not take the end of the stream either
            raise

    def _render(self, snapshot: Any) -> str:
        # A view of its own, since the time in it is that of the rendering.
        view = self.view
        return self.render(PageView(view.request, view.session, view.membership), snapshot)


async def _is_still_admitted(view: PageView) -> bool:
    """Return whether the session is valid still, with the same role. Sessions in memory stay while the database is
    away."""
    token = sent_session_token(view.request, view.console.settings)
    session = await view.request.app[CONSOLE_CONTEXT].sessions.authenticate(token, is_use=False) if token else None
    if session is None:
        return False
    slug = view.workspace.workspace_slug
    return session.is_operator or session.memberships.get(slug) == view.membership
