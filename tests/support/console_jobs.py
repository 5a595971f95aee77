"""Bulk jobs as a person without scripts confirms, watches and steers them, and rows for them."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
from yarl import URL

from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.stack import Stack

PASSWORD = "correct horse battery"
HOSTILE = '<script>alert("1")</script>'
CONFIRM = "/console/main/jobs/confirm"
# Dead or held ones as a worker stores them, with the ledger that goes with them.
ADD_ROWS = """
WITH made AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts)
    SELECT w.id, gen_random_uuid(), date_trunc('milliseconds', clock_timestamp()), %(state)s::text, 'inbound',
           %(source)s::text, convert_to(json_build_object('email', %(source)s::text || n || '@example.com',
                                        'first_name', %(name)s::text)::text, 'UTF8'), 1
    FROM workspaces w, generate_series(1, %(n)s::int) n WHERE w.slug = 'main' RETURNING 1
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT w.id, counted, (SELECT count(*) FROM made)
FROM workspaces w, unnest(ARRAY['accepted', %(state)s::text]) counted WHERE w.slug = 'main'
"""


class PageAnswer(NamedTuple):
    """An answer of the console."""

    status: int
    text: str
    location: str


class JobsReader:
    """Somebody who is signed in, with a browser without scripts."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session

    async def get(self, path: str) -> PageAnswer:
        """What an address shows."""
        async with self.session.get(self.base + path, allow_redirects=False) as answer:
            return PageAnswer(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def post(self, path: str, **fields: str) -> PageAnswer:
        """What a form comes to."""
        async with self.session.post(self.base + path, data=fields, allow_redirects=False) as answer:
            return PageAnswer(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def hidden_fields(self, query: str) -> dict[str, str]:
        """What the confirmation of a selection binds its form to."""
        answer = await self.get(f"{CONFIRM}?{query}")
        assert answer.status == 200, answer.text
        return hidden_fields(answer.text)

    async def start(self, query: str, **fields: str) -> str:
        """The address of a job for all that match."""
        answer = await self.post(f"{CONFIRM}?{query}", **await self.hidden_fields(query), reason="wanted", **fields)
        assert answer.status == 303, answer.text
        return answer.location


def hidden_fields(page: str) -> dict[str, str]:
    """The count that a confirmation was shown with, and when."""
    return dict(re.findall(r'type="hidden" name="(confirmed|counted_at)" value="([^"]+)"', page))


def ledger(page: str) -> dict[str, int]:
    """The figures of a job's own ledger, by label."""
    [found] = re.findall(r'<dl class="ledger auto".*?</dl>', page, re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", found.replace("</dd>", ";"))
    pairs = re.findall(r"([A-Z][a-z ]+?)\s+([\d,]+)\s*;", plain)
    return {label: int(number.replace(",", "")) for label, number in pairs}


@asynccontextmanager
async def signed_in(stack: Stack, role: Role) -> AsyncIterator[JobsReader]:
    """A reader with an account of their own."""
    email = f"{secrets.token_hex(6)}@jobs.example"
    async with connect(stack.database_url, "tests") as connection, connection.transaction():
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        await create_operator_made_user(
            connection, "main", email=email, name="Ada <b>Lovelace</b>", role=role, password_hash=password_hash
        )
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(stack.base))
    timeout = aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, headers={"Origin": stack.base}) as session:
        reader = JobsReader(stack.base, session)
        assert (await reader.post("/console/sign-in", email=email, password=PASSWORD)).status == 303
        yield reader


def add_rows(stack: Stack, source: str, n: int, state: str = "dead", name: str = HOSTILE) -> None:
    with stack.database() as database:
        database.execute(ADD_ROWS, {"source": source, "n": n, "state": state, "name": name})


def states_of(stack: Stack, source: str) -> dict[str, int]:
    query = "SELECT state, count(*) FROM submissions WHERE source = %s GROUP BY 1"
    with stack.database() as database:
        return dict(database.execute(query, (source,)).fetchall())


def shows(reader: JobsReader, path: str, wanted: Callable[[str], bool]) -> Callable[[], Awaitable[bool]]:
    """Whether a page says that."""

    async def says() -> bool:
        return wanted((await reader.get(path)).text)

    return says


def submission_ids(stack: Stack, source: str) -> list[str]:
    query = "SELECT id::text FROM submissions WHERE source = %s ORDER BY received_at, id"
    with stack.database() as database:
        return [row[0] for row in database.execute(query, (source,)).fetchall()]


def set_states(stack: Stack, states: dict[str, str]) -> None:
    """Let submissions stand otherwise, as if workers had decided so."""
    with stack.database() as database:
        for id_, state in states.items():
            database.execute("UPDATE submissions SET state = %s WHERE id = %s", (state, id_))
