"""The benchmark of size: lists, pages and the cost of a lead at ten million leads, and with ten thousand workspaces.

All sizes stand in one LeadHub and are measured in one run, so that the machine is the same for all of them.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from bench.console_bench import page_result, seed_workspace, time_pages
from bench.console_client import ConsoleReader, sign_in_reader
from bench.console_pages import ConsolePage, console_pages, find_records
from bench.idle import IdleFigures, read_idle_figures
from bench.ingest import FEW_CONNECTIONS, cpu_figures_of
from bench.list_bench import find_board_place
from bench.list_queries import measure_queries
from bench.measures import RoundFigures
from bench.seed_data import wait_until_folded
from bench.seed_workspaces import fill_small_workspaces
from bench.stack import BENCH_WORKSPACE, RunningLeadHub, running_leadhub

SMALL_WORKSPACE, SIZE_RATIO = "small", 10  # the small workspace has a tenth of the leads
LARGE_LEAD_COUNT, WORKSPACE_COUNT = 10_000_000, 10_000
PAGE_ROUNDS = 10
COST_ROUNDS, COST_SECONDS, PACED_RATE = 3, 5.0, 200.0  # of each measure of leads; leads a second of the paced load
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 900.0  # how long autovacuum and likeness may work on what was filled
BACKGROUND_WORK_SQL = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'),
       (SELECT count(*) FROM likeness_queue)
"""


@dataclass(frozen=True)
class GrowingLeadHub:
    """A LeadHub that is filled step by step."""

    running: RunningLeadHub
    database: "psycopg.Connection"
    reader: ConsoleReader


@contextmanager
def growing_leadhub(folder: Path) -> Iterator[GrowingLeadHub]:
    with (
        running_leadhub(folder) as running,
        psycopg.connect(running.database_url, autocommit=True) as database,
    ):
        yield GrowingLeadHub(running, database, sign_in_reader(running.target.url.partition("/api/")[0], folder))


def measure_size(folder: Path, leads: int, workspaces: int) -> dict[str, Any]:
    """Return pages and lists at both sizes, and what a lead and an idle minute cost before and after each step."""
    with growing_leadhub(folder / "empty") as empty:
        costs = {"empty": measure_cost(empty)}
    with growing_leadhub(folder / "leadhub") as growing:
        pages, reads = measure_both_sizes(growing, leads)
        costs[f"{leads:,} leads"] = measure_cost(growing)
        print(f"{workspaces:,} workspaces", file=sys.stderr)
        fill_small_workspaces(growing.database, workspaces)
        costs[f"{workspaces:,} workspaces"] = measure_cost(growing)
        size = growing.database.execute("SELECT pg_database_size(current_database())").fetchone()
        return {
            "reads": reads,
            "page_sizes": pages,
            "costs": costs,
            "bytes": size[0] if size else 0,
            "ledger": growing.running.ledger.fault_totals(),
        }


def measure_both_sizes(growing: GrowingLeadHub, leads: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Fill a small and a large workspace, and return the times of pages and of lists at both sizes."""
    large_id, large_pages = fill_for_pages(growing, BENCH_WORKSPACE, leads)
    small_id, small_pages = fill_for_pages(growing, SMALL_WORKSPACE, leads // SIZE_RATIO)
    places = {id_: find_board_place(growing.database, id_) for id_ in (small_id, large_id)}
    print("lists", file=sys.stderr)
    reads = asyncio.run(measure_queries(growing.running.database_url, small_id, large_id, places))
    show_part("reads", reads)
    growing.reader.disconnect()  # the console has closed it while the lists were read
    times = time_pages(growing.reader, growing.database, [*small_pages, *large_pages], PAGE_ROUNDS)
    results = [page_result(each) for each in times]
    n = len(small_pages)
    pages = [compare_pages(*pair) for pair in zip(results[:n], results[n:], strict=True)]
    show_part("pages", pages)
    return pages, reads


def fill_for_pages(growing: GrowingLeadHub, slug: str, leads: int) -> tuple[int, list[ConsolePage]]:
    """Fill a workspace with everything that its pages show, and return its id and its pages."""
    started = time.monotonic()
    seeded, setup = seed_workspace(growing.database, slug, leads)
    print(f"{slug}: filled in {time.monotonic() - started:,.0f} s", file=sys.stderr)
    growing.reader.disconnect()
    pages = console_pages(growing.reader, find_records(growing.database, seeded), setup, seeded)
    prefix, own = f"/console/{BENCH_WORKSPACE}/", f"/console/{slug}/"
    return seeded.workspace_id, [replace(page, path=page.path.replace(prefix, own)) for page in pages]


def compare_pages(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """Return a page's times at both sizes, in milliseconds."""
    return {
        "label": large["label"],
        "small_p50": small["p50"],
        "small_p95": small["p95"],
        "large_p50": large["p50"],
        "large_p95": large["p95"],
        "ratio": large["p50"] / small["p50"],
        "statuses": sorted({*small["statuses"], *large["statuses"]}),
        "at_most": large["at_most"],
        "met": large["met"],
    }


def measure_cost(growing: GrowingLeadHub) -> RoundFigures:
    """Return what a lead costs and how long its answer takes now, and what idleness takes."""
    wait_until_settled(growing.database)
    idle: IdleFigures = read_idle_figures(growing.running.root_pid, growing.database, IDLE_SECONDS)
    target = growing.running.target
    loads = [target.run_load(FEW_CONNECTIONS, COST_SECONDS, wait=False) for _ in range(COST_ROUNDS)]
    paced = [target.run_load(FEW_CONNECTIONS, COST_SECONDS, rate=PACED_RATE).outcome for _ in range(COST_ROUNDS)]
    figures = {
        "end_to_end": statistics.median(each.end_to_end for each in loads),
        "cpu": statistics.median(cpu_figures_of(each)["cpu"] for each in loads),
        "paced_p50": statistics.median(each.p50 for each in paced),
        "paced_p99": statistics.median(each.p99 for each in paced),
        "idle_cpu": idle.cpu_percent,
        "idle_memory": idle.memory_mib,
        "idle_transactions": idle.transactions_per_minute,
    }
    show_part("cost", figures)
    return figures


def wait_until_settled(database: "psycopg.Connection") -> None:
    """Wait until nothing works on what was filled: not the sweeper, and within their time no autovacuum or likeness.

    Ten million leads are compared in hours. If some still wait, a line says so: idleness costs more then.
    """
    wait_until_folded(database)
    deadline = time.monotonic() + SETTLE_SECONDS
    while (left := database.execute(BACKGROUND_WORK_SQL).fetchone()) != (0, 0):
        if time.monotonic() > deadline:
            print(f"measured beside autovacuums and rows of likeness: {left}", file=sys.stderr)
            return
        time.sleep(1.0)


def show_part(name: str, figures: Any) -> None:
    """Print figures as soon as they are known: a run takes hours, and may be stopped."""
    print(json.dumps({name: figures}), file=sys.stderr)
