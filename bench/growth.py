"""Is the millionth lead as cheap as the first thousand? CPU a lead while the tables fill."""

import sys
from pathlib import Path
from typing import Any

from bench.figures import Round
from bench.ingest import FEW, cpu_figures
from bench.stack import leadhub

# Leads sent in all after each slice: the ends are looked at closely, the bulk between them fills the tables.
MARKS = (1_000, 11_000, 100_000, 500_000, 990_000, 1_000_000)
AT_MOST_SECONDS = 3600.0


def measure_growth(folder: Path) -> dict[str, Any]:
    """CPU figures by slice, "from-to" as its name, of a data dir that begins empty; and the ledger."""
    slices: dict[str, Round] = {}
    with leadhub(folder) as running:
        sent = 0
        for mark in MARKS:
            print(f"leads up to {mark:,}", file=sys.stderr)
            loaded = running.contestant.load(FEW, AT_MOST_SECONDS, wait=False, limit=mark - sent)
            slices[f"{sent:,}-{mark:,}"] = {"end_to_end": loaded.end_to_end, **cpu_figures(loaded)}
            sent = mark
        return {"growth": slices, "ledger": running.ledger.totals()}
