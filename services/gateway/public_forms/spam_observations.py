"""Counts over many posts, from which floods, copies and used tokens are known. They are in Redis, for all gateways.

A post costs one pipeline of a few milliseconds at most. While Redis is away nothing is counted and nobody waits: after
a failure it is asked again a few seconds later. Addresses and texts are counted under keyed digests.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis

from shared.platform.observability import logging

log = logging.get_logger()

OBSERVATION_TIMEOUT_SECONDS = 0.2
PAUSE_AFTER_FAILURE_SECONDS = 5.0
ADDRESS_WINDOW_SECONDS = 600
FORM_WINDOW_SECONDS = 60
TOKEN_MEMORY_SECONDS = 90_000  # longer than a token is valid
TEXT_MEMORY_SECONDS = 86_400
BUSY_POSTS = 30  # posts of a form within a minute from which on a proof of work is asked for
MAX_COUNTED_MEMBERS = 1_000  # members of a set, beyond which it grows no further
KEY_PREFIX = "leadhub:forms"
REDIS_FAILURES = (redis.RedisError, TimeoutError, OSError)

# Adds a member unless the set is full, and returns its size without the member. A repeat of a post adds nothing.
_COUNT_OTHERS_SCRIPT = """
local size = redis.call('SCARD', KEYS[1])
local known = redis.call('SISMEMBER', KEYS[1], ARGV[1])
if known == 0 and size < tonumber(ARGV[3]) then redis.call('SADD', KEYS[1], ARGV[1]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return size - known
"""


@dataclass(frozen=True, slots=True)
class PostMarks:
    """What tells a post from others. Digests of an address, a sender and a text; nonces of token and proof.

    Empty ones are not counted.
    """

    workspace_id: int
    form_id: int
    submission_id: str
    address: str = ""
    sender: str = ""
    text: str = ""
    token: str = ""
    proof: str = ""


@dataclass(frozen=True, slots=True)
class PostObservation:
    """Counts of other posts, see `SpamEvidence`. All 0 while Redis is away."""

    token_uses: int = 0
    proof_uses: int = 0
    address_posts: int = 0
    form_posts: int = 0
    text_senders: int = 0
    text_forms: int = 0

    @property
    def is_busy(self) -> bool:
        return self.form_posts >= BUSY_POSTS


class PostObservations:
    """The counts of all gateways. There is one for each gateway process."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._silent_until = 0.0

    async def observe(self, marks: PostMarks) -> PostObservation:
        """Count a post and return what is known of others like it. Never raises."""
        questions = _questions(marks)
        answers = await self._ask([(keys, arguments) for _, keys, arguments in questions], _form_key(marks.form_id))
        if answers is None:
            return PostObservation()
        *counts, before, now = answers
        found = {name: int(count) for (name, _, _), count in zip(questions, counts, strict=True)}
        return PostObservation(**found, form_posts=int(before or 0) + int(now) - 1)

    async def is_form_busy(self, form_id: int) -> bool:
        """Return whether a form gets more posts than people send: then its pages have to bring a proof of work."""
        key = _form_key(form_id)
        answers = await self._run(lambda pipeline: pipeline.mget(_window_keys(key, FORM_WINDOW_SECONDS)))
        return answers is not None and sum(int(count or 0) for count in answers[0]) >= BUSY_POSTS

    async def _ask(self, scripts: Sequence[tuple[str, list[Any]]], form_key: str) -> list[Any] | None:
        before, now = _window_keys(form_key, FORM_WINDOW_SECONDS)

        def fill(pipeline: Any) -> None:
            for key, arguments in scripts:
                pipeline.eval(_COUNT_OTHERS_SCRIPT, 1, key, *arguments)
            pipeline.get(before)
            pipeline.incr(now)
            pipeline.expire(now, 2 * FORM_WINDOW_SECONDS)

        answers = await self._run(fill)
        return answers[:-1] if answers else None

    async def _run(self, fill: Any) -> list[Any] | None:
        """Return the answers of a pipeline, or None while Redis is away."""
        if time.monotonic() < self._silent_until:
            return None
        try:
            async with asyncio.timeout(OBSERVATION_TIMEOUT_SECONDS):
                pipeline = self._redis.pipeline(transaction=False)
                fill(pipeline)
                answers: list[Any] = await pipeline.execute()
                return answers
        except REDIS_FAILURES as error:
            log.warning("form_posts.uncounted", error=type(error).__name__)
            self._silent_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            return None


def _questions(marks: PostMarks) -> list[tuple[str, str, list[Any]]]:
    """Return the sets to count in: the name of the count, the key, and the arguments of the script."""
    workspace = f"{KEY_PREFIX}:{marks.workspace_id}"
    post = marks.submission_id
    window = int(time.time()) // ADDRESS_WINDOW_SECONDS
    questions = [
        ("token_uses", marks.token and f"{KEY_PREFIX}:token:{marks.token}", post, TOKEN_MEMORY_SECONDS),
        ("proof_uses", marks.proof and f"{KEY_PREFIX}:proof:{marks.proof}", post, TOKEN_MEMORY_SECONDS),
        (
            "address_posts",
            marks.address and f"{workspace}:address:{window}:{marks.address}",
            post,
            ADDRESS_WINDOW_SECONDS,
        ),
        ("text_senders", marks.text and f"{workspace}:senders:{marks.text}", marks.sender or post, TEXT_MEMORY_SECONDS),
        ("text_forms", marks.text and f"{workspace}:forms:{marks.text}", marks.form_id, TEXT_MEMORY_SECONDS),
    ]
    return [(name, key, [member, seconds, MAX_COUNTED_MEMBERS]) for name, key, member, seconds in questions if key]


def _form_key(form_id: int) -> str:
    return f"{KEY_PREFIX}:posts:{form_id}"


def _window_keys(key: str, seconds: int) -> tuple[str, str]:
    """Return the keys of the window before this one and of this one."""
    window = int(time.time()) // seconds
    return f"{key}:{window - 1}", f"{key}:{window}"
