"""The benchmark of lists: in the database at two sizes, then over HTTP while leads arrive."""

import asyncio
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import uvloop

from bench.crowd import OURS, fill, settle
from bench.load import percentile
from bench.reads import measure
from bench.stack import WORKSPACE, LeadHub, leadhub

SMALL, LARGE, QUICK = 10_000, 1_000_000, 100_000
RATE, LEADS = 50.0, 500.0  # lists and leads a second
SECONDS, QUICK_SECONDS = 20.0, 5.0
PLACES = """
SELECT p.id, s.id, u.id
FROM pipelines p JOIN pipeline_stages s ON s.pipeline_id = p.id JOIN users u ON u.workspace_id = p.workspace_id
WHERE p.workspace_id = %s AND p.name = %s ORDER BY 1, 2, 3 LIMIT 1
"""
PATHS = (
    "?",
    "?per_page=100&sort=email&direction=asc",
    "?source=facebook&status=new",
    "?tag=newsletter&sort=lead_score",
    "?page=2000&per_page=5",
    "?search=p4a9f",
    "?cursor=&sort=updated_at",
    "?created_after=2026-01-01",
)


def measure_reads(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return milliseconds in the database at both sizes, and latencies over HTTP."""
    with leadhub(folder / "leadhub") as running, psycopg.connect(running.database_url, autocommit=True) as database:
        small = fill(database, "small", SMALL)
        large = fill(database, WORKSPACE, QUICK if quick else LARGE)
        print("waiting for the sweeper", file=sys.stderr)
        settle(database)
        places = {workspace: place(database, workspace) for workspace in (small, large)}
        print("asking", file=sys.stderr)
        reads = asyncio.run(measure(running.database_url, small, large, places))
        http = measure_http(running, QUICK_SECONDS if quick else SECONDS)
        return {"reads": reads, "http": http, "ledger": running.ledger.totals()}


def place(database: psycopg.Connection, workspace: int) -> tuple[int, int, int]:
    row = database.execute(PLACES, (workspace, OURS)).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def measure_http(running: LeadHub, seconds: float) -> dict[str, float]:
    """Request lists at a steady rate, however long the answers take, while leads arrive at another rate."""
    arriving = threading.Thread(target=lambda: running.contestant.load(64, seconds + 2, wait=False, rate=LEADS))
    arriving.start()
    latencies, failed = uvloop.run(_ask(running, seconds))
    arriving.join()
    ordered = sorted(latencies)
    return {
        "rate": RATE,
        "leads": LEADS,
        "asked": len(ordered) + failed,
        "failed": failed,
        "p50": percentile(ordered, 0.5),
        "p99": percentile(ordered, 0.99),
        "longest": percentile(ordered, 1.0),
    }


async def _ask(running: LeadHub, seconds: float) -> tuple[list[float], int]:
    base = running.contestant.url.partition("/api/")[0]
    choose = random.Random(1).choice
    async with aiohttp.ClientSession(base, headers=dict(running.contestant.headers)) as session:
        started = time.monotonic()
        tasks = []
        for number in range(int(seconds * RATE)):
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(_timed(session, choose(PATHS), due)))
        answers = await asyncio.gather(*tasks)
    latencies = [ms for ms, ok in answers if ok]
    return latencies, len(answers) - len(latencies)


async def _timed(session: aiohttp.ClientSession, path: str, due: float) -> tuple[float, bool]:
    """Return the milliseconds since the request was due, so that a stall counts, and whether it succeeded."""
    async with session.get(f"/api/v1/leads{path}") as response:
        await response.read()
        return (time.monotonic() - due) * 1e3, response.status == 200
