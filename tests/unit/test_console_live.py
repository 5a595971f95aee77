"""What listeners of a live page share: readings and renderings of what is the same for them, and nothing else."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from services.console.jobs.news import JobNews
from services.console.queues.queues_page import live_topic
from services.console.web import live_updates
from services.console.web.context import CONSOLE_CONTEXT, ConsoleContext
from services.console.web.live_updates import LiveTopic, LiveUpdates, StreamOwner, encode_message
from services.console.web.page_view import PageView
from services.console.web.rendering import CONSOLE_DIR
from services.console.web.translations import load_languages
from shared.auth.roles import Role
from shared.auth.sessions import AuthenticatedSession, Membership
from shared.platform.errors import RateLimited
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.unit

INCLUDED = re.compile(r'\{% (?:include|import|from) "([^"]+)"')
OF_ONE_READER = re.compile(r"nonce|toast|view\.(?:account|session|theme|host_tag|client_address|needs_password)\b")
CONSOLE = cast(ConsoleContext, SimpleNamespace(renderer=SimpleNamespace(languages=load_languages())))


def view_of(
    query: str = "", *, language: str = "en", zone: str = "UTC", role: Role = "agent", is_operator: bool = False
) -> PageView:
    """A reader's request for the live page of queues."""
    app = web.Application()
    app[CONSOLE_CONTEXT] = CONSOLE
    headers = {"Cookie": f"leadhub_zone={zone}"}
    request = make_mocked_request("GET", f"/console/main/queues/live?{query}", headers=headers, app=app)
    session = SimpleNamespace(preferences={"language": language}, is_operator=is_operator)
    return PageView(request, cast(AuthenticatedSession, session), Membership(1, "main", "Main", 1, role))


async def read_nothing() -> None:
    return None


async def test_a_snapshot_is_rendered_once_for_all_whom_the_same_is_shown_to() -> None:
    rendered: list[Any] = []

    def render(snapshot: Any) -> str:
        rendered.append(snapshot)
        return f"{snapshot} for reader {len(rendered)}"

    topic = LiveTopic(read_nothing, version=1, snapshot="figures")
    same = [view_of(f"span=1h&unknown={number}") for number in range(10)]
    shown = await asyncio.gather(*(topic.render(view.reader_kind, render, None) for view in same))
    assert set(shown) == {(1, b"data: figures for reader 1\n\n")}
    others = [
        view_of("span=1h", language="ar"),
        view_of("span=1h", zone="Europe/Oslo"),
        view_of("span=1h", role="manager"),
        view_of("span=1h", is_operator=True),
    ]
    shown = await asyncio.gather(*(topic.render(view.reader_kind, render, None) for view in (*others, *others)))
    assert len(set(shown)) == len(others)
    assert len(rendered) == 1 + len(others)


def test_a_message_keeps_the_lines_of_a_part() -> None:
    assert encode_message("<p>\r\none\ntwo</p>") == b"data: <p>\ndata: one\ndata: two</p>\n\n"
    assert encode_message("{}", "new-rows") == b"event: new-rows\ndata: {}\n\n"


async def listen(updates: LiveUpdates, owner: StreamOwner) -> None:
    updates.make_room(owner)
    async with updates.listening("topic", read_nothing, owner):
        await asyncio.Event().wait()


async def open_streams(
    updates: LiveUpdates, account_id: int, n: int, *, workspace_id: int = 1
) -> list[asyncio.Task[None]]:
    owner = StreamOwner(workspace_id, account_id)
    streams = [asyncio.create_task(listen(updates, owner)) for _ in range(n)]
    await asyncio.sleep(0)
    return streams


async def test_an_account_has_so_many_streams_and_gives_way_on_a_full_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_updates, "MAX_ACCOUNT_STREAMS", 4)
    monkeypatch.setattr(live_updates, "MAX_STREAMS", 6)
    updates = LiveUpdates(JobNews)
    greedy = await open_streams(updates, 1, 5)
    with pytest.raises(RateLimited):
        await greedy[4]
    modest = await open_streams(updates, 2, 2)
    late = await open_streams(updates, 3, 3)
    assert [stream.cancelling() for stream in greedy[:4]] == [1, 1, 0, 0]
    with pytest.raises(RateLimited):  # all have two
        await late[2]
    assert not any(stream.done() for stream in (*greedy[2:4], *modest, *late[:2]))
    await updates.end_streams(web.Application())
    await asyncio.gather(*greedy, *modest, *late, return_exceptions=True)


async def test_many_accounts_of_one_workspace_take_no_stream_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_updates, "MAX_STREAMS", 6)
    updates = LiveUpdates(JobNews)
    crowd = [(await open_streams(updates, account_id, 1))[0] for account_id in range(1, 8)]
    with pytest.raises(RateLimited):
        await asyncio.wait_for(crowd[6], DEADLINE_SECONDS)
    others = await open_streams(updates, 100, 3, workspace_id=2)
    assert [stream.cancelling() for stream in crowd[:6]] == [1, 1, 1, 0, 0, 0]
    late = await open_streams(updates, 100, 1, workspace_id=2)
    with pytest.raises(RateLimited):  # each workspace has half
        await asyncio.wait_for(late[0], DEADLINE_SECONDS)
    assert not any(stream.done() for stream in others)
    await updates.end_streams(web.Application())
    await asyncio.gather(*crowd, *others, return_exceptions=True)


def test_the_lane_decides_whose_history_an_operator_sees() -> None:
    asked = ("", "lane=bulk", "lane=deliveries", "lane=bulk&span=24h")
    assert len({live_topic(view_of(query, is_operator=True)) for query in asked}) == len(asked)
    assert len({live_topic(view_of(query)) for query in asked[:3]}) == 1
    assert live_topic(view_of("lane=no-such")) == live_topic(view_of())


def test_live_parts_show_nothing_of_their_reader_alone() -> None:
    parts = [path for path in CONSOLE_DIR.glob("*/templates/_*") if re.search(r"_(live|stream)\.html$", path.name)]
    assert len(parts) >= 4
    for part in parts:
        names = INCLUDED.findall(part.read_text())
        # `now/_ledger.html` is of a feature, `_lists.html` of all.
        included = [CONSOLE_DIR / re.sub("^(.*/)?", r"\1templates/", name) for name in names]
        parts += [path for path in included if path not in parts]
    assert [part.name for part in parts if OF_ONE_READER.search(part.read_text())] == []
