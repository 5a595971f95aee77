"""`/api/v1/events`: the feed of a workspace's events, read by cursor."""

import time
from collections.abc import Sequence
from dataclasses import replace

import orjson
from aiohttp import web

from services.api.context import driver_connection, reading, write_driver
from services.api.event_pace import pace_seconds
from services.api.event_reads import (
    FeedPage,
    FeedRequest,
    FeedState,
    begin_feed,
    encode_cursor,
    find_feed,
    note_use,
    read_events,
    start_position,
)
from services.api.event_waiters import EVENT_WAITERS, EventWaiter
from services.api.read_timeout import READ_TIMEOUT_SECONDS
from services.api.request_parsing import key_of, query_of, workspace_of
from services.api.schemas.events import MAX_EVENTS, EventFeedPage, EventQuery
from shared.platform.db.connections import Connection, with_deadline
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scopes
from shared.service_app.middleware import IDLE_SECONDS, RATE_LIMIT_USAGE, check_key_again

NO_POSITION = 2**63  # behind all events: who waits there is woken by the end of the process alone


@requires_scopes("read:integrations", "read:leads")
@query_params(EventQuery)
@responds(EventFeedPage, envelope=False, other_statuses=(410,))
async def index(request: web.Request) -> web.Response:
    """Read events, oldest first, each with the body that a webhook has.

    A workspace's events are recorded from its first request here, and kept for 30 days, unless the operator sets
    another number (`LEADHUB_EVENT_DAYS`). If nobody asks for as long, recording ends.

    Ask again with `meta.next_cursor`. With `wait` an answer without events comes after so many seconds, and one with
    events at once, or gathered so that the key's requests last for the rest of its hour once half of them are used.
    Nothing is skipped and nothing comes twice to who goes on by cursor. Five requests of a key and
    50 of a workspace may wait at once.

    410: events after the cursor are gone. `oldest_cursor` is where to go on.
    """
    query, workspace_id = query_of(request), workspace_of(request)
    began = time.monotonic()
    until = began + query.get("wait", 0)
    feed = await _open_feed(request)
    after = start_position(query.get("after"), workspace_id, feed)
    wanted = FeedRequest(workspace_id, after, query.get("types") or (), query.get("limit", MAX_EVENTS))
    page = await _read(request, wanted)
    earliest = min(until, began + pace_seconds(request[RATE_LIMIT_USAGE]))
    if not page.payloads and until > time.monotonic():
        page = await _wait(request, wanted, page, until)
    if page.payloads and earliest > time.monotonic():
        page = await _gather(request, wanted, page, earliest)
    return _response(workspace_id, page.payloads, page.next_position)


async def _wait(request: web.Request, wanted: FeedRequest, page: FeedPage, until: float) -> FeedPage:
    """Return the first page with events, or an empty one at that time, or when the client is gone.

    Raises Unauthorized or Forbidden if the key lost its rights meanwhile.
    """
    waiters = request.app[EVENT_WAITERS]
    waiter = EventWaiter(wanted.workspace_id, page.next_position, wanted.types, request)
    request[IDLE_SECONDS] = 0.0
    with waiters.waiting(key_of(request).id, waiter):
        while not page.payloads and (now := time.monotonic()) < until and not waiters.is_closing:
            await waiter.wait(until - now)
            request[IDLE_SECONDS] += time.monotonic() - now
            if waiter.is_abandoned():
                break
            await check_key_again(request)
            waiter.woken.clear()
            page = await _read(request, wanted.from_position(page.next_position))
            waiter.after = page.next_position
    return page


async def _gather(request: web.Request, wanted: FeedRequest, page: FeedPage, earliest: float) -> FeedPage:
    """Return the page with what comes until that time, if it is not full.

    Raises Unauthorized or Forbidden if the key lost its rights meanwhile.
    """
    missing = wanted.limit - len(page.payloads)
    if missing <= 0:
        return page
    waiter = EventWaiter(wanted.workspace_id, NO_POSITION, (), request)
    began = time.monotonic()
    with request.app[EVENT_WAITERS].waiting(key_of(request).id, waiter):
        await waiter.wait(earliest - began)
    request[IDLE_SECONDS] = request.get(IDLE_SECONDS, 0.0) + time.monotonic() - began
    await check_key_again(request)
    rest = await _read(request, replace(wanted, after=page.next_position, limit=missing))
    return FeedPage([*page.payloads, *rest.payloads], rest.next_position)


async def _open_feed(request: web.Request) -> FeedState:
    """Return the state of the workspace's feed, which the first request begins."""
    workspace_id = workspace_of(request)

    async def begin(connection: Connection) -> FeedState:
        return await begin_feed(connection, workspace_id)

    async with reading(request) as connection:
        feed = await find_feed(await driver_connection(connection), workspace_id)
        if feed and feed.needs_note:
            await note_use(await driver_connection(connection), workspace_id)
    if feed is None:
        feed = await write_driver(request, begin)
    return feed


async def _read(request: web.Request, wanted: FeedRequest) -> FeedPage:
    async def read() -> FeedPage:
        async with reading(request) as connection:
            return await read_events(await driver_connection(connection), wanted)

    return await with_deadline(READ_TIMEOUT_SECONDS, read())


def _response(workspace_id: int, payloads: Sequence[bytes], position: int) -> web.Response:
    data = [orjson.Fragment(payload) for payload in payloads]
    return json_response({"data": data, "meta": {"next_cursor": encode_cursor(workspace_id, position)}})
