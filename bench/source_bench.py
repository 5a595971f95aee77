"""The benchmark of sources: what signed webhooks cost beside inbound leads, and what a form feels of a busy source."""

import json
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from bench import load
from bench.load import LoadOutcome, LoadSpec
from bench.stack import BENCH_WORKSPACE, RunningLeadHub, running_leadhub
from bench.targets import FIRST_LEAD_NUMBERS, LoadResult

WEBHOOK_SECRET = "bench-webhook-secret"  # of a source that lives for minutes
FORM_FIELDS = [
    {"key": "email", "type": "email", "maps_to": "email"},
    {"key": "first_name", "type": "text", "maps_to": "first_name"},
    {"key": "last_name", "type": "text", "maps_to": "last_name"},
]
POSTED_WEBHOOKS, QUICK_POSTED_WEBHOOKS = 10_000, 3_000
FORM_RATE = 10.0  # submissions a second: of one a second too few would come while the source posts
IDLE_SECONDS = 20.0
CONNECTIONS = 64
MAX_FORM_RATIO = 2.0  # the form's p99 while the source posts, at most so many times its idle p99
STORED_SQL = """
SELECT count(*), count(DISTINCT id), count(DISTINCT lead_id) FROM submissions
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s) AND channel = %s AND state = 'done'
"""


def measure_sources(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return CPU and rates of webhooks and of inbound leads, and a form's latencies with and without a busy source."""
    with running_leadhub(folder / "leadhub") as running:
        source = _post(running, "/integrations", _typeform())
        form = _post(running, "/forms", {"name": "Bench", "fields": FORM_FIELDS})
        running.target.run_load(CONNECTIONS, 2.0, wait=False)  # warms up
        _run_webhooks(running, source, 500)
        print("the form alone", file=sys.stderr)
        idle = _run_form(running, form, IDLE_SECONDS / 2 if quick else IDLE_SECONDS)
        count = QUICK_POSTED_WEBHOOKS if quick else POSTED_WEBHOOKS
        print(f"{count:,} webhooks, and the form", file=sys.stderr)
        webhooks, busy = _run_both(running, source, form, count)
        print("inbound leads", file=sys.stderr)
        inbound = running.target.run_load(CONNECTIONS, 60.0, wait=False, limit=count)
        parts = {"webhooks": _rates(webhooks), "inbound": _rates(inbound), "form": _form_figures(idle, busy)}
        return {"sources": parts, "ledger": _check_webhooks(running, source, count + 500)}


def _form_figures(idle: LoadOutcome, busy: LoadOutcome) -> dict[str, Any]:
    return {
        "idle_p50": idle.p50,
        "idle_p99": idle.p99,
        "busy_p50": busy.p50,
        "busy_p99": busy.p99,
        "ratio": busy.p99 / idle.p99,
        "met": busy.p99 <= MAX_FORM_RATIO * idle.p99,
    }


def _typeform() -> dict[str, Any]:
    return {"type": "typeform", "name": "Bench", "credentials": {"secret": WEBHOOK_SECRET}}


def _post(running: RunningLeadHub, path: str, body: dict[str, Any]) -> dict[str, Any]:
    address = f"{running.target.url.partition('/api/')[0]}/api/v1{path}"
    headers = {**running.target.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)  # our own address
    with urllib.request.urlopen(request) as answer:
        made: dict[str, Any] = json.load(answer)["data"]
        return made


def _run_both(
    running: RunningLeadHub, source: dict[str, Any], form: dict[str, Any], count: int
) -> tuple[LoadResult, LoadOutcome]:
    """Post webhooks as fast as they are taken, while the form is filled in at its own rate."""
    results: list[LoadResult] = []
    posting = threading.Thread(target=lambda: results.append(_run_webhooks(running, source, count)))
    posting.start()
    latencies: list[LoadOutcome] = []
    while posting.is_alive() or not latencies:
        latencies.append(_run_form(running, form, 2.0))
    posting.join()
    return results[0], max(latencies, key=lambda outcome: outcome.p99)


def _run_webhooks(running: RunningLeadHub, source: dict[str, Any], count: int) -> LoadResult:
    before = running.target.cpu_so_far()
    outcome = load.run_in_subprocess(
        LoadSpec(
            url=f"{source['webhook_url']}?",
            headers={},
            connections=CONNECTIONS,
            seconds=120.0,
            first_number=next(FIRST_LEAD_NUMBERS),
            request_limit=count,
            webhook_secret=WEBHOOK_SECRET,
        )
    )
    backlog = max(0.0, running.target.wait_drained() - outcome.ended_at)
    cpu: Counter[str] = running.target.cpu_so_far() - before
    return LoadResult(outcome, backlog, cpu)


def _run_form(running: RunningLeadHub, form: dict[str, Any], seconds: float) -> LoadOutcome:
    base = running.target.url.partition("/api/")[0]
    return load.run_in_subprocess(
        LoadSpec(
            url=f"{base}/api/v1/forms/{form['id']}/submissions?",
            headers=dict(running.target.headers),
            connections=4,
            seconds=seconds,
            first_number=next(FIRST_LEAD_NUMBERS),
            rate=FORM_RATE,
            duplicates=0.0,
        )
    )


def _rates(result: LoadResult) -> dict[str, float]:
    good = max(result.outcome.good_answers, 1)
    return {
        "accepted": result.outcome.good_rate,
        "end_to_end": result.end_to_end,
        "p99": result.outcome.p99,
        "cpu": sum(result.cpu_us.values()) / good,
        "cpu_gateway": result.cpu_us["gateway"] / good,
    }


def _check_webhooks(running: RunningLeadHub, source: dict[str, Any], count: int) -> dict[str, int]:
    """Return how many acknowledged webhooks are missing or stored twice."""
    deadline = time.monotonic() + 60
    while True:
        with psycopg.connect(running.database_url) as database:
            [(stored, distinct, leads)] = database.execute(
                STORED_SQL, (BENCH_WORKSPACE, f"integration:{source['id']}")
            ).fetchall()
        if stored >= count or time.monotonic() > deadline:
            faults = running.ledger.fault_totals()
            lost, twins = count - stored + faults["lost"], distinct - leads + faults["twins"]
            return {**faults, "lost": lost, "doubled": stored - distinct + faults["doubled"], "twins": twins}
        time.sleep(0.2)
