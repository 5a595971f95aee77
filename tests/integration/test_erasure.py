"""Erasing a person: everywhere, while it is being ingested, and what comes again afterwards."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import make_url

from shared.accounting import ledger
from shared.intake.journal import Lane
from shared.leads import writes
from shared.leads.edit import ChangeCause
from shared.people.erasure_log import read_log
from shared.people.erasures import ErasureRequest, erase_lead
from shared.people.person_report import write_report
from shared.people.person_scope import find_person
from shared.platform import ids
from shared.platform.db.connections import Connection, connect
from tests.support.database import Databases
from tests.support.erasing import CIPHER, finish_erasures, keeper_of
from tests.support.ingesting import accept, drain, item, workspace_id

pytestmark = pytest.mark.integration

CANARY = {
    "email": "canary.person@example.com",
    "phone": "+442079460018",
    "first_name": "Canaria",
    "last_name": "Verylongbird",
    "notes": "sings",
}
REQUEST = ErasureRequest(ChangeCause("api", 7), "Canaria Verylongbird asked for it, case 7")


async def dump(connection: Connection) -> str:
    """Everything that the database holds, as text."""
    tables = await (
        await connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ).fetchall()
    found = []
    for (name,) in tables:
        rows = await (await connection.execute(f"SELECT t::text FROM {name} t")).fetchall()
        found += [f"{name}: {row[0]}" for row in rows]
    return "\n".join(found)


def traces(text: str) -> list[str]:
    """The lines that still quote the person; bytes stand as hexadecimal digits."""
    words = ["canary.person", "2079460018", "Canaria", "Verylongbird"]
    needles = [*words, *(word.encode().hex() for word in words)]
    return [line[:300] for line in text.splitlines() if any(needle.lower() in line.lower() for needle in needles)]


async def erase(
    connection: Connection, workspace: int, lead_id: int, request: ErasureRequest = REQUEST
) -> dict[str, Any]:
    async with connection.transaction():
        return await erase_lead(connection, CIPHER, workspace, lead_id, request)


async def lead_of(connection: Connection, email: str) -> int:
    row = await (await connection.execute("SELECT lead_id FROM identities WHERE value = %s", (email,))).fetchone()
    assert row is not None
    return int(row[0])


async def test_an_erased_person_leaves_ids_and_counts(database: Connection, database_url: str) -> None:
    workspace = await workspace_id(database)
    first, repeat = item(workspace, CANARY), item(workspace, {**CANARY, "company": "Verylongbird Ltd"}, key="k")
    await accept(database, [first, repeat, item(workspace, {"email": "other@example.com"})])
    await drain(database_url)
    lead_id = await lead_of(database, "canary.person@example.com")
    person = await find_person(database, workspace, lead_id)
    assert person is not None
    assert len(person.submissions) == 2
    report = orjson.loads(b"".join([piece async for piece in write_report(database, person, "/files/{id}")]))["data"]
    assert report["lead"]["email"] == CANARY["email"]
    assert len(report["submissions"]) == 2
    before = await ledger.read_ledger(database, None)

    found = await erase(database, workspace, lead_id)
    assert (found["removed"]["submissions"], found["removed"]["identities"]) == (2, 2)
    assert found["total"] == sum(found["removed"].values()) > 5
    assert "Canaria" not in found["reason"]
    assert await erase(database, workspace, lead_id) == found
    assert await find_person(database, workspace, lead_id) is None
    assert traces(await dump(database)) == []
    after = await ledger.read_ledger(database, None)
    assert (after["done"], after["accepted"]) == (before["done"], before["accepted"])

    await accept(database, [first, repeat], Lane.BULK)  # a copy that was still in the spool
    await drain(database_url)
    assert traces(await dump(database)) == []
    again = await ledger.read_ledger(database, None)
    assert (again["done"], again["accepted"]) == (after["done"], after["accepted"])

    await accept(database, [item(workspace, CANARY)])
    await drain(database_url)
    assert await lead_of(database, "canary.person@example.com") != lead_id
    assert ids.received_time(first.id) is not None


async def test_a_tag_that_quotes_an_erased_person_loses_the_quotation(
    database: Connection, database_url: str, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    email = CANARY["email"]
    tags = [email, f"VIP {email.upper()}", "Verylongbird Ltd is no person"]
    await accept(database, [item(workspace, {**CANARY, "tags": tags[:1]})])
    await accept(database, [item(workspace, {"email": "other@example.com", "tags": tags})])
    await drain(database_url)
    await erase(database, workspace, await lead_of(database, email))
    assert await finish_erasures(database_url, database, tmp_path) == 1
    rows = await (await database.execute("SELECT id, name FROM tags ORDER BY id")).fetchall()
    assert all(str(id_) in name for id_, name in rows if "[erased]" in name)
    assert {name.rstrip("0123456789") for _, name in rows} == {"[erased] ", "VIP [erased] ", tags[2]}


async def test_what_was_on_its_way_is_erased_and_what_comes_later_stays(
    database: Connection, database_url: str, tmp_path: Path
) -> None:
    workspace = await workspace_id(database)
    friend = {"email": "friend@example.com", "first_name": "Friend", "phone": CANARY["phone"]}
    without_phone = {**CANARY, "phone": None}
    waiting, late = item(workspace, {**CANARY, "company": "Birds"}, key="w"), item(workspace, without_phone)
    for each in (without_phone, friend, CANARY):  # she shows a phone that identifies her friend
        await accept(database, [item(workspace, each)])
        await drain(database_url)
    lead_id = await lead_of(database, CANARY["email"])
    beside = {"email": "beside@example.com", "phone": CANARY["phone"]}
    await accept(database, [waiting, item(workspace, beside)])
    await erase(database, workspace, lead_id)
    assert await finish_erasures(database_url, database, tmp_path) == 0  # something came up
    assert not [line for line in traces(await dump(database)) if "canary" in line.lower()]
    await drain(database_url)
    assert await lead_of(database, "beside@example.com") == await lead_of(database, "friend@example.com")

    await accept(database, [late])  # a gateway had it in hand meanwhile
    await drain(database_url)
    reborn = await lead_of(database, CANARY["email"])
    assert await finish_erasures(database_url, database, tmp_path) == 0
    assert await find_person(database, workspace, reborn) is None
    assert await lead_of(database, "friend@example.com")

    await accept(database, [item(workspace, without_phone)])
    await drain(database_url)
    again = await lead_of(database, CANARY["email"])
    assert await finish_erasures(database_url, database, tmp_path) == 1
    assert await lead_of(database, CANARY["email"]) == again
    [logged] = read_log(tmp_path / "files")
    assert {lead_id, reborn} <= set(logged.lead_ids)
    assert logged.to_line().count(b"canary") == 0
    state = await ledger.read_ledger(database, None)
    assert state["accepted"] == sum(state[name] for name in ("done", "pending", "dead", "quarantined"))
    row = await (await database.execute("SELECT identities FROM erasures")).fetchone()
    assert row == (None,)


async def test_a_lead_that_was_deleted_before_goes_too(database: Connection, database_url: str) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, CANARY)])
    await drain(database_url)
    deleted = await lead_of(database, CANARY["email"])
    async with database.transaction():
        assert await writes.delete_lead(database, workspace, deleted, ChangeCause("api", 7))
    await accept(database, [item(workspace, CANARY)])
    await drain(database_url)
    found = await erase(database, workspace, await lead_of(database, CANARY["email"]))
    assert deleted in found["lead_ids"]
    assert found["removed"]["submissions"] == 2
    assert traces(await dump(database)) == []


async def test_a_request_of_several_people_loses_its_bytes(database: Connection, database_url: str) -> None:
    """The bytes of a provider's request lie with its first lead, and quote all others."""
    workspace = await workspace_id(database)
    first = item(workspace, {"email": "first@example.com", "_source": {"type": "zapier", "raw": {"text": str(CANARY)}}})
    second = item(workspace, {**CANARY, "_source": {"type": "zapier", "raw_in": first.id}})
    await accept(database, [first, second])
    await drain(database_url)
    await erase(database, workspace, await lead_of(database, CANARY["email"]))
    assert traces(await dump(database)) == []
    assert await lead_of(database, "first@example.com")


async def test_a_database_that_was_restored_by_other_means_is_compared_with_the_log(
    databases: Databases, tmp_path: Path
) -> None:
    """An older copy has the person; its id may meanwhile be that of somebody else."""
    with databases.clone() as url:
        async with connect(url, "tests") as connection:
            workspace = await workspace_id(connection)
            await accept(connection, [item(workspace, CANARY), item(workspace, {"email": "other@example.com"})])
            await drain(url)
        with databases.clone(make_url(url).database or "") as older:
            async with connect(url, "tests") as connection:
                erased = await erase(connection, workspace, await lead_of(connection, CANARY["email"]))
                nobody = ErasureRequest(ChangeCause("api", 7))
                other = await erase(connection, workspace, await lead_of(connection, "other@example.com"), nobody)
                assert await finish_erasures(url, connection, tmp_path) == 2
            async with connect(older, "tests") as connection:
                await connection.execute("UPDATE leads SET created_at = now() WHERE id = %s", (other["lead_id"],))
                renamed = "UPDATE identities SET value = 'new@example.com' WHERE lead_id = %s"
                await connection.execute(renamed, (other["lead_id"],))
                keeper = keeper_of(older, tmp_path)
                assert await keeper.apply_logged(connection) == 2
                assert traces(await dump(connection)) == []
                assert await find_person(connection, workspace, erased["lead_id"]) is None
                assert await lead_of(connection, "new@example.com") == other["lead_id"]
                assert await keeper.apply_logged(connection) == 0
                assert await keeper.work_once(connection, settling=0.0) == 2
