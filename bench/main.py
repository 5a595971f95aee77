"""`./leadhub bench`: the benchmarks."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.attackers import ATTACKS_BY_NAME
from bench.attacks import measure_attacks
from bench.bare import running_bare_server
from bench.console_attackers import CONSOLE_ATTACKS
from bench.console_bench import measure_console
from bench.growth import measure_growth
from bench.idle import measure_idle
from bench.import_bench import IMPORTED_ROWS, QUICK_IMPORTED_ROWS, measure_imports
from bench.ingest import IngestComparison, measure_round, warm_up_targets
from bench.likeness_bench import COMMON_LEADS, measure_likeness
from bench.list_bench import measure_lists
from bench.naive.stack import running_naive_stack
from bench.report import as_text, ingest_result, variants_result
from bench.size_bench import LARGE_LEAD_COUNT, WORKSPACE_COUNT, measure_size
from bench.soak import measure_soak
from bench.source_bench import measure_sources
from bench.stack import new_database, running_leadhub
from bench.targets import Target
from bench.variants import measure_variants
from shared.platform.settings import Settings

BENCH_KINDS = ("ingest", "read", "attacks", "console", "sources", "likeness", "import", "idle", "size")

LEDGER_FAULTS = ("lost", "doubled", "twins", "different")


def main(kind: str | None, as_json: bool, settings: Settings, arguments: Sequence[str] = ()) -> int:
    """Run one benchmark and print its result. Return 0, or 1 if an acknowledged lead is missing, twofold or different.

    A missed target is shown in the result and does not change the status.
    """
    options = parse_options([kind or BENCH_KINDS[0], *arguments])
    with bench_folder(settings.data_dir) as folder:
        result = run_benchmark(options, folder)
    print(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode() if as_json or options.json else as_text(result))
    return 1 if any(result.get("ledger", {}).get(fault) for fault in LEDGER_FAULTS) else 0


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="leadhub bench")
    parser.add_argument("kind", choices=BENCH_KINDS)
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="2 s a load instead of 5; read, console: 100,000 leads, not a million; attacks: 8 s each, not 20; import: "
        f"{QUICK_IMPORTED_ROWS:,} rows; idle: 20 s, not 60",
    )
    parser.add_argument("--rounds", type=int, default=3, help="figures are medians of so many (3)")
    parser.add_argument("--variants", action="store_true", help="also one worker against two")
    parser.add_argument("--million", action="store_true", help="instead: CPU a lead from the first to the millionth")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="instead: memory under a steady load")
    names = (*ATTACKS_BY_NAME, *CONSOLE_ATTACKS)
    parser.add_argument("--only", action="append", default=[], choices=names, help="attacks: this one, not all")
    parser.add_argument("--set", action="append", default=[], metavar="PATH", help="likeness: a labelled CSV file")
    parser.add_argument(
        "--leads", type=int, help=f"likeness: leads ({COMMON_LEADS:,}); size: of the large one ({LARGE_LEAD_COUNT:,})"
    )
    parser.add_argument("--workspaces", type=int, default=WORKSPACE_COUNT, help=f"size: so many ({WORKSPACE_COUNT:,})")
    parser.add_argument("--rows", type=int, help=f"import: rows of the file ({IMPORTED_ROWS:,})")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def bench_folder(data_dir: Path) -> Iterator[Path]:
    """Make a temporary folder inside the data dir, so that the benchmark uses the disk of real leads."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=data_dir) as folder:
        yield Path(folder)


def run_benchmark(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    quick = options.quick
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "read": lambda: measure_lists(folder, quick=quick),
        "attacks": lambda: measure_attacks(folder, quick=quick, only=options.only),
        "sources": lambda: measure_sources(folder, quick=quick),
        "likeness": lambda: measure_likeness(
            folder, options.leads or COMMON_LEADS, [Path(path) for path in options.set]
        ),
        "import": lambda: measure_imports(folder, options.rows or (QUICK_IMPORTED_ROWS if quick else IMPORTED_ROWS)),
        "idle": lambda: measure_idle(folder, quick=quick),
        "size": lambda: measure_size(folder, options.leads or LARGE_LEAD_COUNT, options.workspaces),
        "console": lambda: measure_console(folder, quick=quick),
        "ingest": lambda: measure_kind_of_ingest(options, folder),
    }
    return runs[options.kind]()


def measure_kind_of_ingest(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    if options.million:
        with running_bare_server(folder) as reference:
            return measure_growth(reference, folder / "leadhub")
    if options.soak:
        return measure_soak(folder, options.soak)
    return measure_ingest(options, folder)


def measure_ingest(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    seconds = 2.0 if options.quick else 5.0
    with running_bare_server(folder) as reference:
        result = measure_comparison(reference, options.rounds, seconds, folder)
        if options.variants:
            result["variants"] = variants_result(measure_variants(reference, folder, options.rounds, seconds))
    return result


def measure_comparison(reference: Target, rounds: int, seconds: float, folder: Path) -> dict[str, Any]:
    with running_leadhub(folder / "leadhub") as running:
        naive_database = new_database(running.database_url, "naive")
        with running_naive_stack(naive_database, folder / "naive") as naive:
            contest = IngestComparison(reference, naive, running.target, running.database_url, seconds)
            warm_up_targets(reference, naive, running.target)
            measured = []
            for number in range(rounds):
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
                measured.append(measure_round(contest))
        return ingest_result(measured, seconds, running.ledger.fault_totals())
