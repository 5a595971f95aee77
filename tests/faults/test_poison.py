"""A lead that cannot be ingested: the others of its batch are done, it is kept as dead, and can be replayed."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from tests.faults.conftest import Settle
from tests.faults.gates import Gates
from tests.support.client import Client
from tests.support.stack import Database, Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

REFUSE = """
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this one cannot be kept'; END $$
"""
TRIGGER = """
CREATE TRIGGER test_refuse BEFORE INSERT ON leads
FOR EACH ROW WHEN (NEW.email LIKE 'poison%') EXECUTE FUNCTION test_refuse()
"""
ALL = "SELECT count(*) FROM submissions WHERE id = ANY(%s)"
DEAD = "SELECT id::text, attempts, payload, error FROM submissions WHERE state = 'dead' AND id = ANY(%s)"
STATES = "SELECT state, count(*) FROM submissions WHERE id = ANY(%s) GROUP BY state ORDER BY state"


@contextmanager
def poison(database: Database) -> Iterator[None]:
    """For as long as the block lasts the table refuses certain leads."""
    database.execute(REFUSE)
    database.execute(TRIGGER)
    try:
        yield
    finally:
        database.execute("DROP FUNCTION test_refuse CASCADE")


@pytest.mark.parametrize("prefer", ["respond-async", "wait=3"])
async def test_poison_lead_in_a_batch_of_two_hundred_dies_alone(
    stack: Stack, client: Client, settle: Settle, prefer: str
) -> None:
    bad = f"poison-{uuid.uuid4()}@example.com"
    leads = [{"email": f"{uuid.uuid4()}@example.com"} for _ in range(199)]
    leads.insert(77, {"email": bad})
    with stack.database() as database:
        with poison(database):
            answer = await client.post(leads, path="/batch", Prefer=prefer)
            ids = [line["submission_id"] for line in answer.body["data"]]
            states = [("dead", 1), ("done", 199)]
            await until_async(lambda: database.execute(STATES, (ids,)).fetchall() == states, 60, "199 done and 1 dead")
        assert (dead := database.execute(DEAD, (ids,)).fetchone()) is not None
        assert (dead[0], dead[1], orjson.loads(dead[2])) == (ids[77], 5, {"email": bad})
        assert "this one cannot be kept" in dead[3]
        await asyncio.to_thread(stack.run, "replay", ids[77], "--yes")
        await until_async(lambda: database.execute(STATES, (ids,)).fetchall() == [("done", 200)], what="the replay")
        assert database.execute("SELECT count(*) FROM leads WHERE email = %s", (bad,)).fetchone() == (1,)
    await settle("poison in a batch of 200", 1, client.told)


async def test_callers_beside_a_poisoned_lead_are_told_their_verdict(
    stack: Stack, client: Client, settle: Settle
) -> None:
    """The poisoned one's caller is told 202: accepted is accepted."""
    with stack.database() as database, poison(database):
        leads = [{"email": f"{uuid.uuid4()}@example.com"} for _ in range(20)]
        leads.insert(5, {"email": f"poison-{uuid.uuid4()}@example.com"})
        answers = await asyncio.gather(*[client.post(lead, Prefer="wait=3") for lead in leads])
        assert [answer.status for answer in answers] == [201] * 5 + [202] + [201] * 15
        await settle("callers beside poison", 1, client.told)


async def test_a_lead_that_takes_its_worker_down_takes_no_other_lead_along(
    stack: Stack, client: Client, settle: Settle, gates: Gates
) -> None:
    """It is held at a gate, and whoever comes there with it is killed, until it is kept as dead by itself."""
    leads = [{"email": f"{uuid.uuid4()}@example.com"} for _ in range(20)]
    leads.insert(5, {"email": f"killer-{uuid.uuid4()}@example.com"})
    with gates.closed("leads", "AFTER INSERT", only="NEW.email LIKE 'killer%'") as gate, stack.database() as database:
        answer = await client.post(leads, path="/batch", Prefer="respond-async")
        ids = [line["submission_id"] for line in answer.body["data"]]

        def all_decided() -> bool:
            return database.execute(ALL, (ids,)).fetchone() == (21,)

        for _ in range(12):
            await until_async(lambda: gate.is_reached() or all_decided(), what="somebody with the lead in hand")
            if all_decided():
                break
            for role in ("worker", "sweeper"):
                await asyncio.to_thread(stack.kill, role)
            await until_async(lambda: not gate.is_reached(), what="the end of the killed one's transaction")
        assert database.execute(STATES, (ids,)).fetchall() == [("dead", 1), ("done", 20)]
    await settle("a lead that kills its worker", 1, client.told)
