"""Pairs of leads that are probably one person, each with the further leads of its group."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.contract.service import Service
from tests.contract.workspaces import Through, Workspace, new_workspace
from tests.support.waiting import until_async

SHORT_FIELDS = {"id", "first_name", "last_name", "email", "phone", "company"}
OKONKWO = {"last_name": "Okonkwo", "company": "Lagoon Freight"}


@pytest_asyncio.fixture(scope="module")
async def team(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


async def listed(team: Workspace, path: str = "/duplicates?min_score=0.9") -> list[dict[str, Any]]:
    answer = await team.ask("GET", path)
    assert answer.status == 200, answer.raw
    pairs: list[dict[str, Any]] = answer.body["data"]
    return pairs


def groups(pairs: list[dict[str, Any]]) -> dict[tuple[int, ...], list[int]]:
    """The further leads of each pair, by the leads of the pair."""
    return {tuple(pair["lead_ids"]): [lead["id"] for lead in pair["group"]] for pair in pairs}


async def test_each_pair_of_three_alike_names_the_third_until_it_is_dismissed(team: Workspace) -> None:
    amara = await team.lead(first_name="Amara", email="amara@lagoon.test", **OKONKWO)
    middle = await team.lead(first_name="Amara N.", email="amara.n@lagoon.test", **OKONKWO)
    third = await team.lead(first_name="Amara", email="a.okonkwo@mail.test", **OKONKWO)

    async def has_three() -> bool:
        return len(await listed(team)) == 3

    await until_async(has_three, what="the three pairs")
    all_alike = {(amara, middle): [third], (amara, third): [middle], (middle, third): [amara]}
    pairs = await listed(team)
    assert groups(pairs) == all_alike
    assert groups(await listed(team, "/duplicates?min_score=0.9&cursor=")) == all_alike
    assert groups(await listed(team, f"/leads/{third}/duplicates")).items() <= all_alike.items()
    (lead,) = next(pair["group"] for pair in pairs if pair["lead_ids"] == [amara, middle])
    assert lead.keys() == SHORT_FIELDS
    assert (lead["first_name"], lead["email"]) == ("Amara", "a.okonkwo@mail.test")

    ends = next(pair["id"] for pair in pairs if pair["lead_ids"] == [amara, third])
    dismissed = await team.ask("POST", f"/duplicates/{ends}/dismiss")
    assert dismissed.body["data"]["group"] == []
    assert groups(await listed(team)) == {(amara, middle): [], (middle, third): []}
    assert groups(await listed(team, "/duplicates?state=dismissed")) == {(amara, third): []}
    reopened = await team.ask("POST", f"/duplicates/{ends}/reopen")
    assert [each["id"] for each in reopened.body["data"]["group"]] == [middle]
    assert groups(await listed(team)) == all_alike
