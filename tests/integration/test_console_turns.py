"""Turns at the console's connections, by requests: neither strangers nor an account keep another account waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from services.console.web.connection_turns import TURNS_PER_OWNER
from services.console.web.session_cookie import SECURE_COOKIE
from shared.auth.sessions import start_session
from shared.platform.db.connections import Connection, connect
from tests.support.console import make_account
from tests.support.serving import served, settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

GUESSED_LINK, OWN_PAGE = "/console/welcome/guessed", "/console/me/account"
STUCK_SQL = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"


class Visitors(NamedTuple):
    """A client without a sign-in, and the cookies of two accounts."""

    client: aiohttp.ClientSession
    database: Connection
    accounts: list[dict[str, str]]

    async def status(self, path: str, account: dict[str, str] | None = None) -> int:
        """Return the status of an answer."""
        async with self.client.get(path, headers=account or {}) as answer:
            return answer.status

    @asynccontextmanager
    async def stuck(self, table: str, path: str, account: dict[str, str] | None = None) -> AsyncIterator[None]:
        """Have requests of this kind hold all turns of their owner for the block: they wait for a locked table."""
        async with self.database.transaction():
            await self.database.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            waiting = [asyncio.create_task(self.status(path, account)) for _ in range(TURNS_PER_OWNER)]
            await until_async(lambda: self._all_wait(table), what="requests that wait for the table")
            yield
        await asyncio.gather(*waiting)

    async def _all_wait(self, table: str) -> bool:
        row = await (await self.database.execute(STUCK_SQL, (table,))).fetchone()
        return row is not None and row[0] == TURNS_PER_OWNER


@pytest_asyncio.fixture
async def visitors(database_url: str, database: Connection, tmp_path: Path) -> AsyncIterator[Visitors]:
    settings, accounts = settings_of(database_url, tmp_path), []
    async with connect(database_url, "tests") as connection:
        for name in ("ada", "eve"):
            id_ = await make_account(connection, "main", f"{name}@console.example", "agent", name=name)
            token = await start_session(connection, settings, id_, is_kept=False, address="", agent="")
            accounts.append({"Cookie": SimpleCookie({SECURE_COOKIE: token}).output(header="").strip()})
    async with served(settings, with_console=True) as (client, _):
        yield Visitors(client, database, accounts)


async def test_guesses_of_strangers_keep_no_account_waiting(visitors: Visitors) -> None:
    ada, _ = visitors.accounts
    async with visitors.stuck("account_links", GUESSED_LINK):
        assert await visitors.status(OWN_PAGE, ada) == 200


async def test_an_account_keeps_no_other_one_waiting(visitors: Visitors) -> None:
    ada, eve = visitors.accounts
    async with visitors.stuck("account_links", GUESSED_LINK, ada):
        assert await visitors.status(OWN_PAGE, eve) == 200
