"""An import while its processes are killed: each row counts once, and a dry run says the same before."""

import asyncio
import secrets
from typing import Any

import aiohttp
import pytest

from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

ROWS = 3_000
REPEATED = 200  # rows that are of earlier people
INVALID = 50
VICTIMS = ("worker", "postgres", "gateway", "sweeper", "worker", "postgres")  # in turn, while rows are under way


def people_file(salt: str) -> bytes:
    lines = [f"First{n},p{n}@{salt}.example.com,Company {n}" for n in range(ROWS - REPEATED - INVALID)]
    lines += [f"First{n},p{n}@{salt}.example.com,Company {n}" for n in range(REPEATED)]
    lines += [f"Bad{n},bad@@{n},x" for n in range(INVALID)]
    return ("first_name,email,company\n" + "\n".join(lines) + "\n").encode()


class WatchedImport:
    """An import on a service that is abused."""

    def __init__(self, session: aiohttp.ClientSession, salt: str) -> None:
        self._session, self._salt = session, salt
        self.path = ""

    async def start(self, query: str = "") -> None:
        body = aiohttp.FormData(default_to_multipart=True)
        body.add_field("file", people_file(self._salt), filename="people.csv")
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

        await until_async(has_come, 120, f"{share:.0%} of the import")
        return seen[-1]

    async def end(self) -> dict[str, Any]:
        return await self.reach(1)


async def test_killed_import_counts_each_row_once(stack: Stack) -> None:
    timeout, salt = aiohttp.ClientTimeout(total=30), f"import-{secrets.token_hex(4)}"
    async with aiohttp.ClientSession(stack.base, headers=stack.headers, timeout=timeout) as session:
        dry, real = WatchedImport(session, salt), WatchedImport(session, salt)
        await dry.start("?dry_run=1")
        await dry.reach(0.2)
        stack.kill("worker")
        expected = await dry.end()
        await real.start()
        for number, victim in enumerate(VICTIMS, 1):
            await real.reach(number / (len(VICTIMS) + 3))
            await asyncio.to_thread(stack.kill, victim)
        found = await real.end()
    await asyncio.to_thread(stack.until_settled)
    names = ("state", "rows", "created", "merged", "unchanged", "invalid")
    created = ROWS - REPEATED - INVALID
    assert tuple(found[name] for name in names) == ("done", ROWS, created, 0, REPEATED, INVALID)
    assert tuple(expected[name] for name in names) == tuple(found[name] for name in names)
    with stack.database() as database:
        counts = "SELECT count(*), count(DISTINCT email) FROM leads WHERE email LIKE %s"
        assert database.execute(counts, (f"%@{salt}.example.com",)).fetchone() == (created, created)
        rows = "SELECT count(*), count(DISTINCT row) FROM import_rows WHERE import_id = %s"
        assert database.execute(rows, (found["id"],)).fetchone() == (ROWS, ROWS)
        submissions = "SELECT count(*) FROM submissions WHERE channel = %s"
        assert database.execute(submissions, (f"import:{found['id']}",)).fetchone() == (ROWS - INVALID,)
        chunks = "SELECT count(*) FROM import_chunks WHERE import_id = %s"
        assert database.execute(chunks, (found["id"],)).fetchone() == (0,)
    status = stack.status()
    assert status["accepted"] == status["done"] + status["dead"]
