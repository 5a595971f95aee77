"""Pairs of leads that are probably one person, in a real PostgreSQL: found, kept true, dismissed, moved, forgotten."""

import pytest

from services.workers.likeness.evidence import decode_evidence
from services.workers.likeness.likeness_backfill import backfill_chunk
from services.workers.likeness.likeness_store import read_weights
from services.workers.likeness.weight_training import train_due
from shared.likeness import pair_moves, pair_states
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from tests.support.ingesting import workspace_id
from tests.support.likeness import add_lead, change_lead, compare_all, find_pairs, remove_lead, rows

pytestmark = pytest.mark.integration

ROBERT = {"first_name": "Robert", "last_name": "Castellane", "email": "rc.7781@acme.test", "company": "Acme Ltd"}
BOB = {"first_name": "Bob", "last_name": "Castellane", "phone": "+12015550123", "company": "ACME"}


async def leftovers(database: Connection) -> dict[str, int]:
    names = ("likeness_keys", "likeness_profiles", "duplicate_pairs", "likeness_queue")
    counts = {name: (await rows(database, f"SELECT count(*) FROM {name}"))[0][0] for name in names}
    return counts | {"counted": (await rows(database, "SELECT coalesce(sum(n), 0) FROM likeness_counts"))[0][0]}


async def test_a_pair_from_its_discovery_to_its_end(database: Connection) -> None:
    workspace = await workspace_id(database)
    robert, bob = await add_lead(database, workspace, **ROBERT), await add_lead(database, workspace, **BOB)
    await add_lead(database, workspace, first_name="Mira", last_name="Oyelaran", company="Globex")

    (pair,) = await find_pairs(database, workspace)
    assert pair["lead_ids"] == [robert, bob]
    assert pair["score"] > 0.9
    said = [reason["text"] for reason in pair["reasons"]]
    assert "Bob is short for Robert." in said
    assert "Both are with Acme." in said

    await pair_states.dismiss_pair(database, workspace, pair["id"], "user:1")
    await change_lead(database, workspace, bob, last_name="Castelane")  # changed, but no stronger
    assert await find_pairs(database, workspace) == []
    await change_lead(database, workspace, bob, last_name="Castellane", email="rc.7781@acme-mail.test")
    (again,) = await find_pairs(database, workspace)
    assert again["id"] == pair["id"]

    await change_lead(database, workspace, bob, first_name="Zoltan", last_name="Wrzesniewski", company="Initech")
    await change_lead(database, workspace, bob, email="zoltan.w@initech.test")
    assert await find_pairs(database, workspace) == []

    for lead in (robert, bob):
        await remove_lead(database, workspace, lead)
    await find_pairs(database, workspace)
    (mira,) = await rows(database, "SELECT cardinality(keys), cardinality(counted) + 1 FROM likeness_profiles")
    kept = {"likeness_keys": mira[0], "likeness_profiles": 1, "duplicate_pairs": 0, "likeness_queue": 0}
    assert await leftovers(database) == kept | {"counted": mira[1]}


async def test_a_merge_moves_dismissals_and_an_unmerge_brings_them_back(database: Connection) -> None:
    workspace = await workspace_id(database)
    robert, bob = await add_lead(database, workspace, **ROBERT), await add_lead(database, workspace, **BOB)
    father = await add_lead(database, workspace, first_name="Robert", last_name="Castellane", company="Acme Europe")
    pairs = {tuple(pair["lead_ids"]): pair["id"] for pair in await find_pairs(database, workspace)}
    await pair_states.dismiss_pair(database, workspace, pairs[bob, father], "user:1")

    await pair_moves.merge_pairs(database, workspace, robert, bob, 77)
    (merged,) = await find_pairs(database, workspace, state="merged")
    assert (merged["lead_ids"], merged["merge_id"]) == ([robert, bob], 77)
    assert {tuple(pair["lead_ids"]) for pair in await find_pairs(database, workspace, state="dismissed")} == {
        (robert, father),
        (bob, father),
    }
    with pytest.raises(Conflict):
        await pair_states.dismiss_pair(database, workspace, merged["id"], "user:1")

    await pair_moves.unmerge_pairs(database, workspace, 77)
    (dismissed,) = await find_pairs(database, workspace, state="dismissed")
    assert dismissed["lead_ids"] == [bob, father]
    assert {tuple(pair["lead_ids"]) for pair in await find_pairs(database, workspace)} == {
        (robert, bob),
        (robert, father),
    }


async def test_an_erased_lead_leaves_nothing(database: Connection) -> None:
    workspace = await workspace_id(database)
    leads = [await add_lead(database, workspace, **ROBERT), await add_lead(database, workspace, **BOB)]
    assert await find_pairs(database, workspace, lead_id=leads[1])
    for lead in leads:
        async with database.transaction():
            await database.execute("DELETE FROM leads WHERE id = %s", (lead,))
            await pair_moves.forget_lead(database, workspace, lead)
    await find_pairs(database, workspace)
    assert set((await leftovers(database)).values()) == {0}


async def test_what_ingest_noted_is_a_pair_too(database: Connection) -> None:
    workspace = await workspace_id(database)
    ada = await add_lead(database, workspace, first_name="Ada", last_name="Byron", email="ada@byron.test")
    zed = await add_lead(database, workspace, first_name="Zed", last_name="Quill", phone="+12015550199")
    assert await find_pairs(database, workspace) == []
    note = "INSERT INTO possible_duplicates VALUES (%s, %s, %s, 'email and phone', 100)"
    for pair in ((ada, zed), (zed, ada)):
        await database.execute(note, (workspace, *pair))
    (found,) = await find_pairs(database, workspace)
    assert found["lead_ids"] == [ada, zed]
    assert found["reasons"][0]["level"] == "shared_contact"


async def test_leads_from_before_are_compared_too(database: Connection) -> None:
    workspace = await workspace_id(database)
    leads = [await add_lead(database, workspace, **ROBERT), await add_lead(database, workspace, **BOB)]
    await database.execute("DELETE FROM lead_search_queue")
    assert await find_pairs(database, workspace) == []
    ask = "INSERT INTO background_cleanups (workspace_id, kind, ref_id) VALUES (%s, 'likeness', 0)"
    await database.execute(ask, (workspace,))
    while await backfill_chunk(database):
        pass
    (pair,) = await find_pairs(database, workspace)
    assert pair["lead_ids"] == leads
    assert await rows(database, "SELECT FROM background_cleanups") == []


async def test_weights_are_learnt_and_stored_pairs_weighed_again(database: Connection) -> None:
    workspace = await workspace_id(database)
    starts, ends = ("Tor", "Bel", "Kas", "Mun", "Ofi"), ("wick", "danov", "rello", "shige", "quist", "ampo", "eschi")
    names = [start + end for start in starts for end in ends]
    for n in range(105):
        phone = f"+44770090{(n % 35 * 97 + n // 35 * 1_010) % 10_000:04}"  # all of one range
        await add_lead(database, workspace, first_name=names[n % 35][::-1], last_name=names[n % 35], phone=phone)
    pairs = {pair["id"]: pair for pair in await find_pairs(database, workspace)}
    near = {id_ for id_, pair in pairs.items() if any(r["level"] == "near" for r in pair["reasons"])}
    assert near
    dismissed = min(near)
    await pair_states.dismiss_pair(database, workspace, dismissed, "user:1")
    gap = "SELECT dismissed_bits - bits, state FROM duplicate_pairs WHERE id = %s"
    (before,) = await rows(database, gap, dismissed)

    assert await train_due(database)
    assert not await train_due(database)
    weights = await read_weights(database, workspace)
    assert weights.chances["phone", "phone", "near"] > 1.5e-3
    assert weights.levels.keys() >= {"first_name", "last_name", "phone"}
    for id_, bits, evidence in await rows(database, "SELECT id, bits, evidence FROM duplicate_pairs"):
        assert bits == pytest.approx(weights.weigh(decode_evidence(evidence), 105).bits)
        assert id_ not in near or bits != pytest.approx(pairs[id_]["bits"])
    (after,) = await rows(database, gap, dismissed)
    assert (after[0], after[1]) == (pytest.approx(before[0]), "dismissed")

    await compare_all(database)  # all leads again, with the new weights
    assert await rows(database, "SELECT FROM likeness_queue") == []
