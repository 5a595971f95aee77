"""Pages of forms while the database is away: who comes sees the form, and is counted afterwards."""

import asyncio

import aiohttp
import pytest

from tests.faults.conftest import Settle
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.waiting import background, until

pytestmark = pytest.mark.faults

VISITS = 20
FORM = {"name": "Fault", "fields": [{"key": "name", "type": "text"}], "settings": {"title": "Still here"}}
VIEWS = "SELECT coalesce(sum(n), 0)::int FROM form_counts WHERE form_id = %s AND outcome = 'view'"


async def test_forms_are_shown_while_postgresql_is_frozen(stack: Stack, client: Client, settle: Settle) -> None:
    form = await client.make("forms", FORM)
    path = f"{stack.base}/f/{form['public_id']}"
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as visitor:

        async def status_of(address: str) -> tuple[int, str]:
            async with visitor.get(address) as answer:
                return answer.status, await answer.text()

        assert (await status_of(path))[0] == 200
        async with background(stack.frozen("postgres")):
            pages = await asyncio.gather(*[status_of(path) for _ in range(VISITS)])
            assert {status for status, _ in pages} == {200}
            assert all("Still here" in html for _, html in pages)
            assert [(await status_of(f"{path}/{part}"))[0] for part in ("form.css", "embed.js", "token")] == [200] * 3
            status, html = await status_of(f"{stack.base}/f/not-seen-yet")
            assert status == 503
            assert "Please try again in a moment" in html

    def views() -> int:
        with stack.database() as connection:
            row = connection.execute(VIEWS, (form["id"],)).fetchone()
            assert row
            return int(row[0])

    await asyncio.to_thread(until, lambda: views() == VISITS + 1)
    await settle("PostgreSQL frozen, pages of forms", 1, client.told)
