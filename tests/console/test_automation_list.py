"""The list of automations page by page, and back to the page on which one was switched."""

import re
import secrets

import pytest_asyncio

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, console_client, make_account
from tests.support.stack import Stack

ADD_MANY = """
WITH made AS (
    INSERT INTO automations (workspace_id, name, is_active, trigger, trigger_type, steps, version)
    SELECT id, 'Number ' || lpad(n::text, 3, '0'), false, '{"type": "manual"}', 'manual', '[]', 1
    FROM workspaces, generate_series(1, %s) n WHERE slug = %s RETURNING *
)
INSERT INTO automation_versions (workspace_id, automation_id, version, name, trigger, steps)
SELECT workspace_id, id, version, name, trigger, steps FROM made
"""
find_names = re.compile(r'class="long-name">(Number \d+)<').findall


@pytest_asyncio.fixture
async def slug(shared_stack: Stack) -> str:
    """A workspace with 120 automations, and a manager."""
    name = f"many-{secrets.token_hex(6)}"
    async with connect(shared_stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, name, "Many")
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        await make_account(
            connection, name, f"{name}@console.example", "manager", name="Ada", password_hash=password_hash
        )
    with shared_stack.database() as database:
        database.execute(ADD_MANY, (120, name))
    return name


async def test_many_automations_are_listed_page_by_page(shared_stack: Stack, slug: str) -> None:
    page = f"/console/{slug}/automations"
    async with console_client(shared_stack.base, f"{slug}@console.example") as client:
        first, third = (await client.get(page)).text, (await client.get(f"{page}?n=3")).text
        assert find_names(first) == [f"Number {n:03}" for n in range(1, 51)]
        assert find_names(third) == [f"Number {n:03}" for n in range(101, 121)]
        assert "101–120 of 120" in third
        assert (f"{page}?n=2" in first, f"{page}?n=2" in third, f"{page}?n=4" in third) == (True, True, False)
        for beyond in ("99", "0", "-1", "x", "9" * 50):
            assert (await client.get(f"{page}?n={beyond}")).status == 200, beyond
        assert find_names((await client.get(f"{page}?n=99")).text) == find_names(third)
        few = (await client.get(f"{page}?q=07&n=2")).text
        assert find_names(few) == ["Number 007", *(f"Number {n:03}" for n in range(70, 80)), "Number 107"]

        [id_] = re.findall(rf'href="{page}/(\d+)">\s*<bdi class="long-name">Number 120<', third)
        switched = await client.post(f"{page}/{id_}/switch", {"list": "1", "on": "1", "n": "3", "q": ""})
        assert (switched.status, switched.location) == (303, f"{page}?n=3")
