"""The benchmark of growth: CPU a lead while the tables fill with a million leads."""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.ingest import FEW_CONNECTIONS, cpu_figures_of
from bench.measures import RoundFigures
from bench.stack import running_leadhub
from bench.targets import Target, cpu_per_answer

# Leads sent in total after each slice: small slices at both ends, tenths in between.
SLICE_ENDS = (1_000, 11_000, *range(100_000, 1_000_000, 100_000), 990_000, 1_000_000)
BULK_SLICE_LEADS = 80_000  # a slice with at least so many leads belongs to the bulk
MAX_SLICE_SECONDS = 3600.0
BARE_LOAD_SECONDS = 1.5


def measure_growth(bare: Target, folder: Path) -> dict[str, Any]:
    """Return CPU figures by slice (named "from-to") of a data dir that begins empty, the growth, and the ledger.

    Each slice is compared with BARE right before and after it: in the minutes that a million leads take, the machine's
    own speed drifts by more than the effect to be measured.
    """
    slices: dict[str, RoundFigures] = {}
    with running_leadhub(folder) as running:
        sent, before = 0, bare_cpu_per_request(bare)
        for mark in SLICE_ENDS:
            print(f"leads up to {mark:,}", file=sys.stderr)
            loaded = running.target.run_load(FEW_CONNECTIONS, MAX_SLICE_SECONDS, wait=False, limit=mark - sent)
            after = bare_cpu_per_request(bare)
            figures = {"leads": mark - sent, "end_to_end": loaded.end_to_end, **cpu_figures_of(loaded)}
            figures["bare_cpu"] = (before + after) / 2
            figures["cpu_to_bare"] = figures["cpu"] / figures["bare_cpu"]
            slices[f"{sent:,}-{mark:,}"] = figures
            sent, before = mark, after
        return {"growth": slices, "growth_figure": growth_ratio(slices), "ledger": running.ledger.fault_totals()}


def growth_ratio(slices: Mapping[str, RoundFigures]) -> float:
    """Return the ratio of the CPU a lead, relative to BARE, of the last three bulk slices to the first three."""
    bulk = [figures["cpu_to_bare"] for figures in slices.values() if figures["leads"] >= BULK_SLICE_LEADS]
    return statistics.mean(bulk[-3:]) / statistics.mean(bulk[:3])


def bare_cpu_per_request(bare: Target) -> float:
    """Return the present CPU microseconds per request of BARE."""
    return sum(cpu_per_answer(bare.run_load(FEW_CONNECTIONS, BARE_LOAD_SECONDS)).values())
