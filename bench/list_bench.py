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

from bench.list_queries import measure_queries
from bench.load import percentile
from bench.seed_data import QUERIED_PIPELINE, fill_workspace, wait_until_folded
from bench.stack import BENCH_WORKSPACE, RunningLeadHub, running_leadhub

SMALL_LEAD_COUNT, LARGE_LEAD_COUNT, QUICK_LEAD_COUNT = 10_000, 1_000_000, 100_000
LISTS_PER_SECOND, LEADS_PER_SECOND = 50.0, 500.0  # lists and leads a second
HTTP_SECONDS, QUICK_HTTP_SECONDS = 20.0, 5.0
BOARD_PLACE_SQL = """
SELECT p.id, s.id, u.id
FROM pipelines p JOIN pipeline_stages s ON s.pipeline_id = p.id JOIN users u ON u.workspace_id = p.workspace_id
WHERE p.workspace_id = %s AND p.name = %s ORDER BY 1, 2, 3 LIMIT 1
"""
LIST_PATHS = (
    "?",
    "?per_page=100&sort=email&direction=asc",
    "?source=facebook&status=new",
    "?tag=newsletter&sort=lead_score",
    "?page=2000&per_page=5",
    "?search=p4a9f",
    "?cursor=&sort=updated_at",
    "?created_after=2026-01-01",
)


def measure_lists(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return milliseconds in the database at both sizes, and latencies over HTTP."""
    with (
        running_leadhub(folder / "leadhub") as running,
        psycopg.connect(running.database_url, autocommit=True) as database,
    ):
        small = fill_workspace(database, "small", SMALL_LEAD_COUNT)
        large = fill_workspace(database, BENCH_WORKSPACE, QUICK_LEAD_COUNT if quick else LARGE_LEAD_COUNT)
        print("waiting for the sweeper", file=sys.stderr)
        wait_until_folded(database)
        places = {workspace: find_board_place(database, workspace) for workspace in (small, large)}
        print("asking", file=sys.stderr)
        reads = asyncio.run(measure_queries(running.database_url, small, large, places))
        http = measure_http(running, QUICK_HTTP_SECONDS if quick else HTTP_SECONDS)
        return {"reads": reads, "http": http, "ledger": running.ledger.fault_totals()}


def find_board_place(database: psycopg.Connection, workspace: int) -> tuple[int, int, int]:
    row = database.execute(BOARD_PLACE_SQL, (workspace, QUERIED_PIPELINE)).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def measure_http(running: RunningLeadHub, seconds: float) -> dict[str, float]:
    """Request lists at a steady rate, however long the answers take, while leads arrive at another rate."""
    arriving = threading.Thread(
        target=lambda: running.target.run_load(64, seconds + 2, wait=False, rate=LEADS_PER_SECOND)
    )
    arriving.start()
    latencies, failed = uvloop.run(_request_lists(running, seconds))
    arriving.join()
    ordered = sorted(latencies)
    return {
        "rate": LISTS_PER_SECOND,
        "leads": LEADS_PER_SECOND,
        "asked": len(ordered) + failed,
        "failed": failed,
        "p50": percentile(ordered, 0.5),
        "p99": percentile(ordered, 0.99),
        "longest": percentile(ordered, 1.0),
    }


async def _request_lists(running: RunningLeadHub, seconds: float) -> tuple[list[float], int]:
    base = running.target.url.partition("/api/")[0]
    choose = random.Random(1).choice
    async with aiohttp.ClientSession(base, headers=dict(running.target.headers)) as session:
        started = time.monotonic()
        tasks = []
        for number in range(int(seconds * LISTS_PER_SECOND)):
            due = started + number / LISTS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(_timed_request(session, choose(LIST_PATHS), due)))
        answers = await asyncio.gather(*tasks)
    latencies = [ms for ms, ok in answers if ok]
    return latencies, len(answers) - len(latencies)


async def _timed_request(session: aiohttp.ClientSession, path: str, due: float) -> tuple[float, bool]:
    """Return the milliseconds since the request was due, so that a stall counts, and whether it succeeded."""
    async with session.get(f"/api/v1/leads{path}") as response:
        await response.read()
        return (time.monotonic() - due) * 1e3, response.status == 200
