"""Is the millionth lead as cheap as the first thousand? CPU a lead while the tables fill."""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.contest import Contestant, cpu_each
from bench.figures import Round
from bench.ingest import FEW, cpu_figures
from bench.stack import leadhub

# Leads sent in all after each slice: the ends are looked at closely, the bulk between them in tenths.
MARKS = (1_000, 11_000, *range(100_000, 1_000_000, 100_000), 990_000, 1_000_000)
BULK = 80_000  # leads in a slice from which it counts as one of the bulk
AT_MOST_SECONDS = 3600.0
BARE_SECONDS = 1.5


def measure_growth(bare: Contestant, folder: Path) -> dict[str, Any]:
    """CPU figures by slice, "from-to" as its name, of a data dir that begins empty; the verdict; and the ledger.

    Each slice is set beside BARE right before and after it: the machine's own speed drifts more in the minutes that a
    million leads take than what is looked for.
    """
    slices: dict[str, Round] = {}
    with leadhub(folder) as running:
        sent, before = 0, bare_cpu(bare)
        for mark in MARKS:
            print(f"leads up to {mark:,}", file=sys.stderr)
            loaded = running.contestant.load(FEW, AT_MOST_SECONDS, wait=False, limit=mark - sent)
            after = bare_cpu(bare)
            figures = {"leads": mark - sent, "end_to_end": loaded.end_to_end, **cpu_figures(loaded)}
            figures["bare_cpu"] = (before + after) / 2
            figures["cpu_to_bare"] = figures["cpu"] / figures["bare_cpu"]
            slices[f"{sent:,}-{mark:,}"] = figures
            sent, before = mark, after
        return {"growth": slices, "growth_figure": growth(slices), "ledger": running.ledger.totals()}


def growth(slices: Mapping[str, Round]) -> float:
    """How much dearer, by BARE's measure, a lead of the last three bulk slices is than one of the first three."""
    bulk = [figures["cpu_to_bare"] for figures in slices.values() if figures["leads"] >= BULK]
    return statistics.mean(bulk[-3:]) / statistics.mean(bulk[:3])


def bare_cpu(bare: Contestant) -> float:
    """Microseconds a request, now."""
    return sum(cpu_each(bare.load(FEW, BARE_SECONDS)).values())
