"""The console as a signed-in person uses it over HTTP, and failures and held submissions as workers leave them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from shared.auth.roles import Role
from shared.operations.fingerprint import FailureCause, FailureKind
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.accounts import PASSWORD, opened_door
from tests.support.stack import Database, Stack

WORKSPACE_SQL = "SELECT id FROM workspaces WHERE slug = 'main'"
ADD_CAUSE_SQL = """
INSERT INTO causes (workspace_id, id, kind, fingerprint, error_type, place, title, first_seen_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, now(), now())
"""
# With the ledger that goes with it.
ADD_SUBMISSION_SQL = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT %(workspace)s, state, 1 FROM unnest(ARRAY['accepted', %(state)s]) state
)
INSERT INTO submissions
    (workspace_id, id, received_at, state, channel, source, payload, error, attempts, cause_id, spam)
VALUES (%(workspace)s, %(id)s, %(at)s, %(state)s, 'inbound', %(source)s, %(payload)s, %(error)s, 5, %(cause)s, %(spam)s)
"""
ADD_MANY_HELD_SQL = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT %(workspace)s, state, %(n)s FROM unnest(ARRAY['accepted', 'quarantined']) state
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts)
SELECT %(workspace)s, gen_random_uuid(), clock_timestamp(), 'quarantined', 'inbound', %(source)s::text, convert_to(
    json_build_object('email', concat(%(batch)s::text, n, '@', %(source)s::text, '.example'), 'notes', %(batch)s::text)
    ::text, 'UTF8'), 1
FROM generate_series(1, %(n)s::int) n
"""


class ConsoleReader:
    """A browser without scripts: a person who is signed in to the console of a stack."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self.stack = stack
        self._session = session

    async def get(self, page: str, **query: Any) -> tuple[int, str]:
        """The status and text of a page of the workspace."""
        async with self._session.get(f"{self.stack.base}/console/main/{page}", params=query) as answer:
            return answer.status, await answer.text()

    async def get_part(self, page: str, **query: Any) -> tuple[int, str]:
        """The status, and the part of a page that its script is answered."""
        url, headers = f"{self.stack.base}/console/main/{page}", {"HX-Request": "true"}
        async with self._session.get(url, params=query, headers=headers) as answer:
            return answer.status, await answer.text()

    async def next_message(self, page: str) -> str:
        """The next message of a stream of the workspace."""
        async with asyncio.timeout(60), self._session.get(f"{self.stack.base}/console/main/{page}") as stream:
            assert stream.content_type == "text/event-stream", stream.status
            while b"data: " not in (message := await stream.content.readuntil(b"\n\n")):  # a ping
                pass
            return message.decode()

    async def send(self, method: str, page: str, **form: str) -> tuple[int, str]:
        """The status of an answer, and where it leads, or its text."""
        url = f"{self.stack.base}/console/main/{page}"
        async with self._session.request(
            method, url, data=form or None, headers={"Origin": self.stack.base}, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location", "") or await answer.text()


@asynccontextmanager
async def signed_in_reader(stack: Stack, role: Role) -> AsyncIterator[ConsoleReader]:
    """A new person with a role in the workspace `main`, signed in."""
    email = f"{secrets.token_hex(6)}@people.example"
    async with opened_door(stack.database_url) as door:
        await door.make_person(email, role=role)
    # A loopback address is secure, so that the cookie is: a browser sends it there, which aiohttp's jar does not.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        form = {"email": email, "password": PASSWORD}
        async with session.post(
            f"{stack.base}/console/sign-in", data=form, headers={"Origin": stack.base}, allow_redirects=False
        ) as answer:
            assert answer.status == 303, await answer.text()
            session.headers["Cookie"] = "; ".join(f"{name}={one.value}" for name, one in answer.cookies.items())
        yield ConsoleReader(stack, session)


def add_cause(database: Database, kind: FailureKind, title: str) -> int:
    """A cause that was seen just now; its id."""
    cause = FailureCause(kind, "ValueError", "place.py:fail", f"{title} {secrets.token_hex(4)}")
    values = (workspace_of(database), cause.id, kind, cause.fingerprint, cause.error_type, cause.place, cause.title)
    database.execute(ADD_CAUSE_SQL, values)
    return cause.id


def add_submission(
    database: Database,
    state: str,
    payload: Any,
    *,
    source: str = "website",
    cause: int | None = None,
    spam: Any = None,
) -> str:
    """A dead or held submission; its id."""
    id_ = uuid7(now_ms())
    values = {
        "workspace": workspace_of(database),
        "id": id_,
        "at": received_time(id_),
        "state": state,
        "source": source,
        "payload": orjson.dumps(payload),
        "error": "ValueError: no" if state == "dead" else None,
        "cause": cause,
        "spam": None if spam is None else orjson.dumps(spam).decode(),
    }
    database.execute(ADD_SUBMISSION_SQL, values)
    return id_


def add_many_held(database: Database, source: str, batch: str, n: int) -> None:
    """Held submissions of `n` persons. `batch` stands in their notes and addresses."""
    values = {"workspace": workspace_of(database), "source": source, "batch": batch, "n": n}
    database.execute(ADD_MANY_HELD_SQL, values)


def workspace_of(database: Database) -> int:
    """The id of the workspace `main`."""
    ((found,),) = database.execute(WORKSPACE_SQL).fetchall()
    return int(found)
