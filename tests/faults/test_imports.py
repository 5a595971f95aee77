"""An import while its processes are killed: each row counts once, and a dry run says the same before."""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

REPEATED = 200  # rows that are of earlier people
INVALID = 50
VICTIMS = ("worker", "postgres", "gateway", "sweeper", "worker", "postgres")  # in turn, while rows are under way
SLOWEST_ROWS_PER_SECOND = 300  # of a machine that is busy otherwise


@dataclass
class PeopleFile:
    """A file of people whose addresses no other file has."""

    rows: int
    salt: str

    @property
    def people(self) -> int:
        return self.rows - REPEATED - INVALID

    def address(self, number: int) -> str:
        return f"p{number}@{self.salt}.example.com"

    def content(self) -> bytes:
        numbers = [*range(self.people), *range(REPEATED)]
        lines = [f"First{n},{self.address(n)},Company {n}" for n in numbers]
        lines += [f",bad@@{n},x" for n in range(INVALID)]  # neither a name nor another contact
        return ("first_name,email,company\n" + "\n".join(lines) + "\n").encode()


class WatchedImport:
    """An import on a service that is abused."""

    def __init__(self, session: aiohttp.ClientSession, file: PeopleFile) -> None:
        self._session, self._file = session, file
        self.path = ""

    async def start(self, query: str = "") -> None:
        body = aiohttp.FormData(default_to_multipart=True)
        body.add_field("file", self._file.content(), filename="people.csv")
        body.add_field("options", '{"run_automations": true}')  # so that each lead is told of
        async with self._session.post(f"/api/v1/leads/import{query}", data=body) as answer:
            assert answer.status == 202, await answer.text()
            self.path = answer.headers["Location"]

    async def shown(self) -> dict[str, Any] | None:
        """The import, None while nobody answers."""
        try:
            async with self._session.get(self.path) as answer:
                return (await answer.json())["data"] if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def reach(self, share: float) -> dict[str, Any]:
        """Wait until so much of it is done. Return the import as it was then."""
        seen: list[dict[str, Any]] = []

        async def has_come() -> bool:
            found = await self.shown()
            seen.extend([found] if found else [])
            return found is not None and found["progress"] >= share

        await until_async(has_come, 120 + self._file.rows / SLOWEST_ROWS_PER_SECOND, f"{share:.0%} of the import")
        return seen[-1]

    async def end(self) -> dict[str, Any]:
        return await self.reach(1)


async def _exported_addresses(session: aiohttp.ClientSession) -> Counter[str]:
    """The addresses of all leads, out of an export that a killed database has not broken."""
    found: list[Counter[str]] = []

    async def is_whole() -> bool:
        try:
            async with session.get("/api/v1/leads/export?format=ndjson") as answer:
                if answer.status == 200:
                    found.append(Counter([orjson.loads(line)["email"] async for line in answer.content]))
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await until_async(is_whole, 60, "a whole export")
    return found[-1]


@pytest.mark.parametrize("rows", [3_000, pytest.param(1_000_000, marks=pytest.mark.long)])
async def test_killed_import_counts_each_row_once(stack: Stack, rows: int) -> None:
    timeout, file = aiohttp.ClientTimeout(total=120), PeopleFile(rows, f"import-{secrets.token_hex(4)}")
    async with aiohttp.ClientSession(stack.base, headers=stack.headers, timeout=timeout) as session:
        dry, real = WatchedImport(session, file), WatchedImport(session, file)
        await dry.start("?dry_run=1")
        await dry.reach(0.2)
        stack.kill("worker")
        expected = await dry.end()
        await real.start()
        for number, victim in enumerate(VICTIMS, 1):
            await real.reach(number / (len(VICTIMS) + 3))
            await asyncio.to_thread(stack.kill, victim)
        found = await real.end()
        exported = await _exported_addresses(session)
    assert all(exported[file.address(number)] == 1 for number in range(file.people))
    await asyncio.to_thread(stack.until_settled)
    names = ("state", "rows", "created", "merged", "unchanged", "invalid")
    assert tuple(found[name] for name in names) == ("done", rows, file.people, 0, REPEATED, INVALID)
    assert tuple(expected[name] for name in names) == tuple(found[name] for name in names)
    with stack.database() as database:
        counts = "SELECT count(*), count(DISTINCT email) FROM leads WHERE email LIKE %s"
        assert database.execute(counts, (f"%@{file.salt}.example.com",)).fetchone() == (file.people, file.people)
        report = "SELECT count(*), count(DISTINCT row) FROM import_rows WHERE import_id = %s"
        assert database.execute(report, (found["id"],)).fetchone() == (rows, rows)
        submissions = "SELECT count(*) FROM submissions WHERE channel = %s"
        assert database.execute(submissions, (f"import:{found['id']}",)).fetchone() == (rows - INVALID,)
        chunks = "SELECT count(*) FROM import_chunks WHERE import_id = %s"
        assert database.execute(chunks, (found["id"],)).fetchone() == (0,)
    status = stack.status()
    assert status["accepted"] == status["done"] + status["dead"]
