"""Groups of leads that are probably one person, and the scores that a large workspace shows at first."""

import pytest

from services.console.duplicates.query import LARGE_WORKSPACE_LEADS, read_default_score
from shared.likeness import pair_states
from shared.likeness.pair_groups import MAX_GROUP_LEADS, add_groups, find_further
from shared.likeness.pair_list import PairFilter, list_pairs
from shared.platform.db.connections import Connection
from tests.support.ingesting import workspace_id
from tests.support.lead_pairs import write_pair
from tests.support.likeness import add_lead, find_pairs, remove_lead

pytestmark = pytest.mark.integration

OKONKWO = {"last_name": "Okonkwo", "company": "Lagoon Freight"}


async def add_leads(database: Connection, workspace: int, count: int) -> list[int]:
    return [await add_lead(database, workspace, first_name=f"Lead {n}") for n in range(count)]


async def groups_of(database: Connection, workspace: int, state: str = "open") -> dict[tuple[int, ...], list[int]]:
    """The further leads of each pair, by the leads of the pair."""
    pairs = await list_pairs(database, workspace, PairFilter(state), limit=100)
    await add_groups(database, workspace, pairs)
    return {tuple(pair["lead_ids"]): [lead["id"] for lead in pair["group"]] for pair in pairs}


async def test_three_leads_that_are_alike_are_one_group_from_each_pair(database: Connection) -> None:
    workspace = await workspace_id(database)
    amara = await add_lead(database, workspace, first_name="Amara", email="amara@lagoon.test", **OKONKWO)
    middle = await add_lead(database, workspace, first_name="Amara N.", phone="+2348012345678", **OKONKWO)
    third = await add_lead(database, workspace, first_name="Amara", email="a.okonkwo@mail.test", **OKONKWO)
    assert len(await find_pairs(database, workspace, min_score=0.9)) == 3
    assert await groups_of(database, workspace) == {
        (amara, middle): [third],
        (amara, third): [middle],
        (middle, third): [amara],
    }
    pairs = await list_pairs(database, workspace, PairFilter(), limit=1)
    await add_groups(database, workspace, pairs)
    (lead,) = pairs[0]["group"]
    assert (lead["last_name"], lead["company"], lead["score"] >= 0.9) == ("Okonkwo", "Lagoon Freight", True)


async def test_a_chain_is_no_group_where_its_ends_were_dismissed(database: Connection) -> None:
    workspace = await workspace_id(database)
    a, b, c, d = await add_leads(database, workspace, 4)
    await write_pair(database, workspace, a, b)
    await write_pair(database, workspace, b, c)
    await write_pair(database, workspace, c, d)
    assert await groups_of(database, workspace) == {(a, b): [c], (b, c): [a, d], (c, d): [b]}  # one step, no closure

    ends = await write_pair(database, workspace, a, c, bits=1.0)
    await pair_states.dismiss_pair(database, workspace, ends, "user:1")
    assert await groups_of(database, workspace) == {(a, b): [], (b, c): [d], (c, d): [b]}
    assert await groups_of(database, workspace, "dismissed") == {(a, c): []}
    await pair_states.reopen_pair(database, workspace, ends)
    assert (await groups_of(database, workspace))[a, b] == [c]
    await write_pair(database, workspace, a, c, bits=-15.0, state="weak")  # strong evidence against it
    assert (await groups_of(database, workspace))[a, b] == []
    await write_pair(database, workspace, a, c, bits=-13.0, state="weak")
    assert (await groups_of(database, workspace))[a, b] == [c]


async def test_possible_pairs_deleted_leads_and_other_workspaces_make_no_group(database: Connection) -> None:
    workspace = await workspace_id(database)
    a, b, c, d = await add_leads(database, workspace, 4)
    await write_pair(database, workspace, a, b)
    await write_pair(database, workspace, a, c, bits=2.0)
    await write_pair(database, workspace, b, d)
    await write_pair(database, workspace + 1, a, c)
    await remove_lead(database, workspace, d)
    assert (await groups_of(database, workspace))[a, b] == []


async def test_a_group_has_twenty_leads_at_most_and_keeps_the_likeliest(database: Connection) -> None:
    workspace = await workspace_id(database)
    leads = await add_leads(database, workspace, 30)
    for n, lead in enumerate(leads[1:]):
        await write_pair(database, workspace, leads[0], lead, bits=40.0 - n)
    groups = await groups_of(database, workspace)
    assert groups[leads[0], leads[1]] == leads[2:MAX_GROUP_LEADS]
    assert {len(group) + 2 for group in groups.values()} == {MAX_GROUP_LEADS}


async def test_leads_that_a_reader_brings_along_stay_in_the_group_until_they_are_dismissed(
    database: Connection,
) -> None:
    workspace = await workspace_id(database)
    a, b, c = await add_leads(database, workspace, 3)
    await write_pair(database, workspace, a, b)
    further = await find_further(database, workspace, (a,), (c, a, 2**40))
    assert [(lead["id"], lead["alike_id"], lead["score"]) for lead in further] == [(b, a, 0.9981), (c, None, None)]
    await write_pair(database, workspace, a, c, bits=2.0)
    (found,) = await find_further(database, workspace, (a, b), (c,))
    assert (found["id"], found["alike_id"], found["score"]) == (c, a, 0.8)
    await write_pair(database, workspace, b, c, state="dismissed")
    assert await find_further(database, workspace, (a, b), (c,)) == []


async def test_a_large_workspace_shows_likely_pairs_at_first(database: Connection) -> None:
    workspace = await workspace_id(database)
    grow = """INSERT INTO lead_counts_by_field (workspace_id, field, value, n) VALUES (%(w)s, '', '', %(n)s)
              ON CONFLICT (workspace_id, field, value) DO UPDATE SET n = excluded.n"""
    for leads, score in ((LARGE_WORKSPACE_LEADS, None), (LARGE_WORKSPACE_LEADS + 1, 0.9)):
        await database.execute(grow, {"w": workspace, "n": leads})
        assert await read_default_score(database, workspace) == score
