"""The page of one submission: what became of it, fix and replay, release and spam, and who may see what."""

import html
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from yarl import URL

from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
NAME = "Grace Hopper"
# As a worker marks one as dead or held, with the ledger that goes with it.
FAIL = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT id, state, 1 FROM workspaces, unnest(ARRAY['accepted', %(state)s]) state WHERE slug = 'main'
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, error, attempts, spam)
SELECT id, %(id)s, %(at)s, %(state)s, 'inbound', 'page', %(payload)s, 'ValueError: no', 5, %(spam)s::jsonb
FROM workspaces WHERE slug = 'main'
"""
SPAM = '{"score": 6.5, "reasons": [{"code": "links", "points": 6.5, "text": "Many <b>links</b>"}]}'
CHANGED_TEXT = "The payload changed since it was tried"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    location: str

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def words(self) -> str:
        """The text that is seen, without its tags."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", self.text)).split())

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        return found[1] if found else ""


class PageReader:
    """Somebody who is signed in, without scripts."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base

    async def get(self, path: str) -> Answer:
        async with self._session.get(f"{self._base}/console/main/{path}", allow_redirects=False) as answer:
            return Answer(answer.status, await answer.read(), answer.headers.get("Location", ""))

    async def post(self, path: str, **form: str) -> Answer:
        url = f"{self._base}/console/main/{path}"
        async with self._session.post(url, data=form, allow_redirects=False) as answer:
            return Answer(answer.status, await answer.read(), answer.headers.get("Location", ""))

    async def until_shown(self, path: str, words: str) -> Answer:
        """The page, once it says these words."""
        seen: list[Answer] = []

        async def says() -> bool:
            seen.append(await self.get(path))
            return words in seen[-1].words

        await until_async(says, what=f"{words!r} on {path}")
        return seen[-1]


@asynccontextmanager
async def reading_as(stack: Stack, role: Role) -> AsyncIterator[PageReader]:
    """A new account with a role, signed in."""
    email = f"{role}-{secrets.token_hex(6)}@console.example"
    async with connect(stack.database_url, "tests") as connection, connection.transaction():
        hashed = await PasswordHashing().hash_password(PASSWORD)
        await create_operator_made_user(
            connection, "main", email=email, role=role, name=NAME, password_hash=hashed, is_operator=False
        )
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(stack.base))
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": stack.base}) as session:
        form = {"email": email, "password": PASSWORD}
        async with session.post(f"{stack.base}/console/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        yield PageReader(session, stack.base)


def fail(stack: Stack, payload: Any, state: str = "dead") -> str:
    """The id of a submission that is dead, or held."""
    id_ = uuid7(now_ms())
    stored = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    spam = SPAM if state == "quarantined" else None
    with stack.database() as database:
        database.execute(FAIL, {"id": id_, "at": received_time(id_), "state": state, "payload": stored, "spam": spam})
    return id_


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


async def test_a_dead_submission_is_fixed_tried_and_replayed_as_a_new_version(stack: Stack) -> None:
    email = new_email()
    came = orjson.dumps({"email": "broken", "first_name": "Aoife", "custom_fields": {"n": 18014398509481985}})
    page = f"submissions/{fail(stack, came)}"
    async with reading_as(stack, "manager") as reader:
        shown = await reader.get(f"{page}?fix=1")
        assert "dead after 5 attempts" in shown.words
        assert "18014398509481985" in shown.text
        fixed = came.decode().replace("broken", email)
        tried = await reader.post(f"{page}/fix", do="try", payload=fixed)
        assert tried.status == 200
        assert "It would make a new lead." in tried.words
        assert f"broken {email}" in tried.words
        assert "dead after 5 attempts" in (await reader.get(page)).words  # nothing was stored

        other = fixed.replace("Aoife", "Eve")
        form = {"do": "replay", "reason": "A typo", "tried": tried.hidden("tried"), "with_automations": "1"}
        refused = await reader.post(f"{page}/fix", **form, payload=other)
        assert refused.status == 422
        assert CHANGED_TEXT in refused.words
        assert (await reader.post(f"{page}/fix", **{**form, "reason": " "}, payload=fixed)).status == 422

        assert (await reader.post(f"{page}/fix", **form, payload=fixed)).status == 303
        done = await reader.until_shown(page, "It made lead #")
        assert f"Version 2 {NAME}" in done.words
        assert "A typo" in done.words
        assert "Version 1 as it came" in done.words
        assert (await reader.get(f"{page}/raw")).body == came
        assert (await reader.post(f"{page}/fix", **form, payload=fixed)).status == 303  # too late, and harmless


async def test_an_edit_that_cannot_be_ingested_says_why_and_keeps_what_was_typed(stack: Stack) -> None:
    page = f"submissions/{fail(stack, {'email': new_email()})}"
    async with reading_as(stack, "manager") as reader:
        for typed, said in (
            ('{"email": ', "look at line 1"),
            ("[1]", "must be a JSON object"),
            ('{"email": "no address"}', "email:"),
            ('{"email": "a@example.com", "custom_fields": {"n": 123456789012345678901234}}', "too many digits"),
        ):
            answer = await reader.post(f"{page}/fix", do="try", payload=typed)
            assert answer.status == 422
            assert said in answer.words
            assert typed in html.unescape(answer.text)


async def test_secrets_are_masked_and_survive_an_edit(stack: Stack) -> None:
    email, secret = new_email(), secrets.token_hex(8)
    payload = {"email": email, "custom_fields": {"api_token": secret}}
    page = f"submissions/{fail(stack, payload)}"
    async with reading_as(stack, "manager") as reader:
        for place in (page, f"{page}?pretty=1", f"{page}?fix=1", f"{page}?try=1", f"{page}/raw"):
            answer = await reader.get(place)
            assert answer.status == 200
            assert secret not in answer.text
        edited = orjson.dumps(
            {"email": email, "first_name": "Ada", "custom_fields": {"api_token": "********"}}
        ).decode()
        tried = await reader.post(f"{page}/fix", do="try", payload=edited)
        digest = tried.hidden("tried")
        answer = await reader.post(f"{page}/fix", do="replay", payload=edited, tried=digest, reason="name")
        assert answer.status == 303
        await reader.until_shown(page, "It made lead #")
    with stack.database() as database:
        id_ = page.partition("/")[2]
        ((stored,),) = database.execute("SELECT payload FROM submissions WHERE id = %s", (id_,)).fetchall()
    assert orjson.loads(bytes(stored))["custom_fields"] == {"api_token": secret}


async def test_a_held_submission_is_marked_as_spam_and_can_still_be_released(stack: Stack) -> None:
    page = f"submissions/{fail(stack, {'email': new_email()}, 'quarantined')}"
    async with reading_as(stack, "manager") as reader:
        shown = await reader.get(f"{page}?ask=release")
        assert "Many <b>links</b>" in shown.words
        assert 'role="dialog"' in shown.text
        assert (await reader.post(f"{page}/spam", reason="Spam")).status == 303
        assert "can still be released" in (await reader.get(page)).words
        assert (await reader.post(f"{page}/replay")).status == 303  # it is not dead: nothing happens
        assert "can still be released" in (await reader.get(page)).words
        assert (await reader.post(f"{page}/release", with_automations="1")).status == 303
        await reader.until_shown(page, "It made lead #")


async def test_neighbours_keep_to_the_list_of_the_address(stack: Stack) -> None:
    older, held, newer = (fail(stack, {"email": new_email()}, state) for state in ("dead", "quarantined", "dead"))
    async with reading_as(stack, "agent") as reader:

        async def neighbour(which: str, page: str) -> str:
            shown = (await reader.get(f"submissions/{page}")).text
            [path] = re.findall(rf'data-{which}-record\s+href="([^"]+)"', shown)
            return html.unescape(path).removeprefix("/console/main/submissions/")

        listed = "?state=dead&source=page"
        assert await neighbour("previous", older + listed) == newer + listed
        assert await neighbour("next", newer + listed) == older + listed
        assert await neighbour("previous", older) == held


async def test_roles_see_and_do_what_is_theirs(stack: Stack) -> None:
    email = new_email()
    page = f"submissions/{fail(stack, {'email': email, 'first_name': 'Zenobia'})}"
    async with reading_as(stack, "read_only") as reader:
        for place in (page, f"{page}?pretty=1", f"{page}?fix=1", f"{page}?try=1"):
            shown = await reader.get(place)
            assert shown.status == 200
            assert email not in shown.text
            assert "Zenobia" not in shown.text
        assert (await reader.get(f"{page}/raw")).status == 403
        for action in ("replay", "fix", "release", "spam"):
            assert (await reader.post(f"{page}/{action}", payload="{}")).status == 403
        for unknown in ("x", "0", uuid7(now_ms())):
            assert (await reader.get(f"submissions/{unknown}")).status == 404
    async with reading_as(stack, "agent") as reader:
        assert "It would make a new lead." in (await reader.get(f"{page}?try=1")).words
        assert (await reader.post(f"{page}/replay")).status == 403
