"""The benchmark of likeness: known duplicates in files, what a lead costs, and unfavourable workspaces."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil

from bench.likeness_people import ADVERSARIES, LeadFields, PeopleGenerator
from bench.likeness_sets import read_labelled_set, score_set
from bench.load import percentile
from bench.stack import migrate_database
from embedded.servers import ensure_servers
from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.likeness.weight_training import train_due
from shared import workspaces
from shared.platform.db.connections import Connection, as_json, connect
from shared.platform.settings import Settings

COMMON_LEADS, ADVERSE_LEADS = 20_000, 5_000
MEASURED_LEADS = 2_000  # the last ones, of which the figures are
CHUNK_LEADS = 5_000

INSERT_LEADS_SQL = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, phone, company, custom_fields)
SELECT %s, id, first_name, last_name, email, phone, company, coalesce(custom_fields, '{}')
FROM json_to_recordset(%s::json) AS l(id bigint, first_name text, last_name text, email text, phone text, company text,
                                      custom_fields jsonb)
"""
QUEUE_SQL = """
INSERT INTO likeness_queue (workspace_id, lead_ids)
SELECT %s, array_agg(id ORDER BY id) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / 100 AS part
                                           FROM unnest(%s::bigint[]) AS l(id)) parts GROUP BY part ORDER BY part
"""
SIZE_SQL = """
SELECT sum(pg_total_relation_size(name::regclass))
FROM unnest(ARRAY['likeness_keys', 'likeness_profiles', 'likeness_counts', 'duplicate_pairs']) AS t(name)
"""
PAIRS_SQL = "SELECT lead_a, lead_b FROM duplicate_pairs WHERE workspace_id = %s AND state = 'open'"


def measure_likeness(folder: Path, leads: int, sets: Sequence[Path]) -> dict[str, Any]:
    """Return the scores of labelled files, and figures of a workspace of `leads` leads and of unfavourable ones."""
    scores = {path.name: score_set(read_labelled_set(path))._asdict() for path in sets}
    settings = Settings(data_dir=folder / "leadhub", database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found:
        migrate_database(found.database_url)
        return {"likeness": {"sets": scores, **asyncio.run(_measure_costs(found.database_url, leads))}}


async def _measure_costs(url: str, leads: int) -> dict[str, Any]:
    async with connect(url, "bench") as connection:
        people = PeopleGenerator(1)
        ordinary = await _measure_workspace(connection, "ordinary", leads, people.make_lead, people.planted)
        adverse = {}
        for number, (name, make_lead) in enumerate(ADVERSARIES.items()):
            adverse[name] = await _measure_workspace(connection, f"adverse-{number}", ADVERSE_LEADS, make_lead, {})
        return {"ordinary": ordinary, "adverse": adverse}


async def _measure_workspace(
    connection: Connection,
    slug: str,
    leads: int,
    make_lead: Callable[[int], LeadFields],
    planted: dict[int, int],
) -> dict[str, float]:
    workspace_id = await workspaces.create_workspace(connection, slug, slug)
    first_id = workspace_id * 10_000_000
    size_before = await _table_bytes(connection)
    measured = max(leads - MEASURED_LEADS, 0)
    for start in (*range(0, measured, CHUNK_LEADS), None):
        places = range(start, min(start + CHUNK_LEADS, measured)) if start is not None else range(measured, leads)
        await _add_leads(connection, workspace_id, first_id, places, make_lead)
        figures = await _compare_waiting(connection)
        await connection.execute("ANALYZE likeness_keys, likeness_profiles, likeness_counts")
        print(f"{slug}: {places.stop} leads, {figures['us']:.0f} µs a lead", file=sys.stderr)
    pairs = {tuple(row) for row in await (await connection.execute(PAIRS_SQL, (workspace_id,))).fetchall()}
    wanted = {(first_id + planted[place], first_id + place) for place in planted if place >= measured}
    figures["bytes_a_lead"] = (await _table_bytes(connection) - size_before) / leads
    figures["pairs"] = len(pairs)
    if wanted:
        figures["planted_found"] = len(pairs & wanted) / len(wanted)
    await train_due(connection)
    return figures


async def _add_leads(
    connection: Connection,
    workspace_id: int,
    first_id: int,
    places: Iterable[int],
    make_lead: Callable[[int], LeadFields],
) -> None:
    rows = [{**make_lead(place), "id": first_id + place} for place in places]
    async with connection.transaction():
        # Without the triggers of the lists, which are not measured here.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(INSERT_LEADS_SQL, (workspace_id, as_json(rows)))
    await connection.execute(QUEUE_SQL, (workspace_id, [row["id"] for row in rows]))


async def _compare_waiting(connection: Connection) -> dict[str, float]:
    """Compare all that waits, in batches of 100. CPU is of this process and of its server process."""
    engine = LikenessEngine(batch_seconds=None)
    python, server, began = time.process_time(), _server_seconds(connection), time.monotonic()
    leads, candidates = 0, []
    while costs := await engine.run_batch(connection):
        leads += costs.leads
        candidates += costs.candidates
    python, server = time.process_time() - python, _server_seconds(connection) - server
    ordered = sorted(candidates)
    return {
        "us": 1e6 * (python + server) / max(leads, 1),
        "us_python": 1e6 * python / max(leads, 1),
        "us_postgres": 1e6 * server / max(leads, 1),
        "leads_a_second": leads / (time.monotonic() - began),
        "compared_p50": percentile(ordered, 0.5),
        "compared_p99": percentile(ordered, 0.99),
        "compared_max": percentile(ordered, 1.0),
    }


def _server_seconds(connection: Connection) -> float:
    return sum(psutil.Process(connection.info.backend_pid).cpu_times()[:2])  # user and system


async def _table_bytes(connection: Connection) -> float:
    row = await (await connection.execute(SIZE_SQL)).fetchone()
    return float(row[0]) if row else 0.0
