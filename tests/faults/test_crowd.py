"""One person, many times at once, in mixed case and phone spellings: one lead, and everybody is told the truth."""

import asyncio
import uuid

import pytest

from tests.faults.conftest import Settle
from tests.support.client import Client
from tests.support.people import People
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier

pytestmark = pytest.mark.faults

TIMELINE = """
SELECT count(*) FROM activities WHERE lead_id = %s AND type IN ('lead.created', 'lead.duplicate')
"""


@pytest.mark.parametrize("n", first_in_tier(1000, 200))
async def test_person_posted_in_parallel_becomes_one_lead(stack: Stack, client: Client, settle: Settle, n: int) -> None:
    people = People(uuid.uuid4().hex, n)
    answers = await asyncio.gather(*[client.post(people.person(0), Prefer="wait=30") for _ in range(n)])
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["lead_id"] for answer in answers}) == 1
    assert [answer.body["is_duplicate"] for answer in answers].count(False) == 1
    await settle(f"one person, {n:,} in parallel", 1, client.told)
    with stack.database() as database:
        assert database.execute(TIMELINE, (answers[0].body["lead_id"],)).fetchone() == (n,)


async def test_half_know_the_email_and_half_the_phone(stack: Stack, client: Client, settle: Settle) -> None:
    """The one that names both comes first, so that all are one lead."""
    whole = People(uuid.uuid4().hex, 1).person(0)
    first = await client.post(whole)
    other = {"email": f"{uuid.uuid4()}@other.example.com", "phone": whole["phone"]}
    answers = await asyncio.gather(*[client.post(body) for body in [{"email": whole["email"]}, other] * 50])
    assert {answer.body["lead_id"] for answer in answers} == {first.body["lead_id"]}
    await settle("one person, by email and by phone", 1, client.told)
