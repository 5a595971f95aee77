"""LeadHub under other settings: one worker against two."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from bench.ingest import measure_latency, measure_throughput, warm_up_targets
from bench.measures import RoundFigures
from bench.stack import running_leadhub
from bench.targets import Target

VARIANT_SETTINGS: dict[str, dict[str, str]] = {
    "1 worker": {"workers": "1"},
    "2 workers": {"workers": "2"},
}


def measure_variants(bare: Target, folder: Path, rounds: int, seconds: float) -> dict[str, list[RoundFigures]]:
    """Return rounds of figures by variant. Each round measures every variant once, on a data dir of its own."""
    measured: defaultdict[str, list[RoundFigures]] = defaultdict(list)
    for number in range(rounds):
        for name, settings in VARIANT_SETTINGS.items():
            print(f"variant {name}, round {number + 1} of {rounds}", file=sys.stderr)
            measured[name].append(measure_variant(bare, folder / name.replace(" ", "-"), settings, seconds))
    return measured


def measure_variant(bare: Target, folder: Path, settings: Mapping[str, str], seconds: float) -> RoundFigures:
    env = {f"LEADHUB_{name.upper()}": value for name, value in settings.items()}
    with running_leadhub(folder, env) as running:
        warm_up_targets(running.target)
        figures = measure_throughput(bare, running.target, seconds)
        figures |= measure_latency(running.target, running.database_url, seconds)
        if not running.ledger.is_exact:
            raise RuntimeError(f"the ledger of {folder.name} is not exact: {running.ledger.fault_totals()}")
    return {
        **figures,
        "accepted_to_bare": figures["accepted"] / figures["bare_64"],
        "created_to_bare": figures["created"] / figures["bare_256"],
        "cpu_to_bare": figures["cpu"] / figures["bare_cpu"],
    }
