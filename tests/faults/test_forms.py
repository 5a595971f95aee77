"""Forms go on being filled in while the database is away."""

import asyncio
from typing import Any

import pytest
import redis.asyncio as redis

from shared.intake.spool import Spool
from tests.faults.conftest import Settle
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.waiting import background

pytestmark = pytest.mark.faults

FORM = {
    "name": "Fault",
    "fields": [
        {"key": "name", "type": "text", "required": True, "maps_to": "full_name"},
        {"key": "note", "type": "text"},
    ],
}


async def test_forms_are_taken_while_postgresql_is_away(stack: Stack, client: Client, settle: Settle) -> None:
    url = f"{stack.base}/api/v1/forms/{(await client.make('forms', FORM))['id']}/submissions"

    async def fill_in(**values: Any) -> Any:
        return await client.post({"name": "Ada Lovelace", **values}, url=url)

    assert (await fill_in()).status == 201
    async with background(stack.away("postgres")):
        answers = await asyncio.gather(*[fill_in(note=str(number)) for number in range(30)])
        refused = await fill_in(name="")
        assert await asyncio.to_thread(stack.is_healthy)
        async with redis.Redis.from_url(stack.spool_url) as spool:
            assert await Spool(spool).count_workspace_submissions(1) == 30
            assert await Spool(spool).count_workspace_submissions(2) == 0
            assert 0 < await Spool(spool).oldest_waiting_s() < 60
    assert {answer.status for answer in answers} == {202}
    assert (refused.status, list(refused.body["errors"])) == (422, ["name"])
    await settle("PostgreSQL away, forms", 1, client.told)
