"""What is known of other posts, with a Redis of its own: counted once a post, and nothing while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio as redis

from services.gateway.public_forms import spam_observations
from services.gateway.public_forms.spam_observations import BUSY_POSTS, PostMarks, PostObservation, PostObservations
from shared.platform.data_dir import free_port
from tests.support.spooling import server, spooling
from tests.support.waiting import DEADLINE_SECONDS, until_async

pytestmark = pytest.mark.integration


@asynccontextmanager
async def observing(url: str) -> AsyncIterator[PostObservations]:
    async with redis.from_url(url) as client:
        yield PostObservations(client)


def post(number: int, **marks: str) -> PostMarks:
    return PostMarks(workspace_id=1, form_id=7, submission_id=f"post {number}", **marks)


async def test_posts_are_counted_by_what_they_have_in_common(tmp_path: Path) -> None:
    with spooling(tmp_path) as url:
        async with observing(url) as gateway, observing(url) as other:
            marks = {"address": "a", "token": "t", "proof": "p", "text": "x"}
            first = await gateway.observe(post(1, **marks, sender="s1"))
            assert first == PostObservation()
            again = await gateway.observe(post(1, **marks, sender="s1"))  # the same post, sent again
            assert (again.token_uses, again.proof_uses, again.address_posts, again.text_senders) == (0, 0, 0, 0)
            second = await other.observe(post(2, **marks, sender="s2"))
            assert (second.token_uses, second.proof_uses, second.address_posts, second.text_senders) == (1, 1, 1, 1)
            assert (second.text_forms, second.form_posts) == (0, 2)
            assert await gateway.observe(post(3)) == PostObservation(form_posts=3)


async def test_a_busy_form_is_known_and_everything_ends(tmp_path: Path) -> None:
    with spooling(tmp_path) as url:
        async with observing(url) as gateway:
            for number in range(BUSY_POSTS):
                assert not await gateway.is_form_busy(7)
                seen = await gateway.observe(post(number, address="a", token="t", text="x", sender="s"))
                assert not seen.is_busy
            assert await gateway.is_form_busy(7)
            assert not await gateway.is_form_busy(8)
        async with redis.from_url(url) as client:
            ends = [await client.ttl(name) for name in await client.keys()]
            assert len(ends) >= 4
            assert all(0 < end <= spam_observations.TOKEN_MEMORY_SECONDS for end in ends)


async def test_while_redis_does_not_answer_one_post_waits_for_it_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spam_observations, "PAUSE_AFTER_FAILURE_SECONDS", 600.0)
    asked: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: asked.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, observing(f"redis://127.0.0.1:{port}") as gateway, asyncio.timeout(DEADLINE_SECONDS):
        assert await gateway.observe(post(0, address="a")) == PostObservation()
        await until_async(lambda: len(asked) == 1, what="a connection")
        for number in range(50):
            assert await gateway.observe(post(number, address="a")) == PostObservation()
        assert not await gateway.is_form_busy(7)
        assert len(asked) == 1
        asked[0].close()


async def test_posts_are_counted_again_once_redis_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spam_observations, "PAUSE_AFTER_FAILURE_SECONDS", 0.3)
    port = free_port("127.0.0.1")
    async with observing(f"redis://127.0.0.1:{port}") as gateway:
        assert await gateway.observe(post(1, address="a")) == PostObservation()

        async def is_counted() -> bool:
            return (await gateway.observe(post(1, address="a"))).form_posts > 0

        with server(tmp_path, port):
            await until_async(is_counted, what="a count")
