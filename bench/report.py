"""Results as JSON for programs, and that JSON as a table for people."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.measures import (
    CPU_ROLES,
    INGEST_GOALS,
    MEASURE_LABELS,
    RATIO_LABELS,
    Goal,
    MeasureLabel,
    RoundFigures,
    median_of,
    values_of,
)
from bench.size_report import costs_text, page_sizes_text
from bench.text_tables import format_number, format_table

VARIANT_COLUMNS = (
    MeasureLabel("accepted", "202s/s", ""),
    MeasureLabel("accepted_to_bare", "of BARE", ""),
    MeasureLabel("end_to_end", "end to end/s", ""),
    MeasureLabel("created", "201s/s", ""),
    MeasureLabel("created_to_bare", "of BARE", ""),
    MeasureLabel("single_p50", "one client p50 ms", ""),
    MeasureLabel("paced_p50", "500/s p50 ms", ""),
    MeasureLabel("paced_p99", "p99 ms", ""),
    MeasureLabel("cpu", "CPU µs/lead", ""),
    MeasureLabel("cpu_to_bare", "of BARE", ""),
)


def ingest_result(rounds: Sequence[RoundFigures], seconds: float, ledger: Mapping[str, int]) -> dict[str, Any]:
    """Return medians with the rounds that they come from."""
    return {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "rounds": len(rounds),
        "seconds": seconds,
        "figures": {figure.name: measure_summary(figure, rounds) for figure in (*MEASURE_LABELS, *RATIO_LABELS)},
        "targets": [goal_result(target, median_of(rounds, target.name)) for target in INGEST_GOALS],
        "ledger": dict(ledger),
    }


def measure_summary(measure: MeasureLabel, rounds: Sequence[RoundFigures]) -> dict[str, Any]:
    return {
        "label": measure.label,
        "unit": measure.unit,
        "median": median_of(rounds, measure.name),
        "rounds": values_of(rounds, measure.name),
    }


def goal_result(goal: Goal, value: float) -> dict[str, Any]:
    return {
        "label": goal.label,
        "value": value,
        "at_least" if goal.at_least else "at_most": goal.limit,
        "met": goal.is_met(value),
    }


def variants_result(measured: Mapping[str, Sequence[RoundFigures]]) -> dict[str, RoundFigures]:
    """Return the medians of each variant."""
    return {
        name: {column.name: median_of(rounds, column.name) for column in VARIANT_COLUMNS}
        for name, rounds in measured.items()
    }


def as_text(result: Mapping[str, Any]) -> str:
    """Format every part of the result as aligned tables."""
    parts: dict[str, Callable[[Any], str]] = {
        "attacks": attacks_text,
        "others": others_text,
        "reads": lists_text,
        "http": http_text,
        "pages": pages_text,
        "page_sizes": page_sizes_text,
        "costs": costs_text,
        "crowd": crowd_text,
        "sources": sources_text,
        "likeness": likeness_text,
        "import": import_text,
        "idle": idle_text,
        "figures": figures_text,
        "targets": goals_text,
        "variants": variants_text,
        "growth": growth_text,
        "growth_figure": growth_figure_text,
        "soak": soak_text,
        "ledger": ledger_text,
    }
    return "\n\n".join(text(result[part]) for part, text in parts.items() if part in result)


def likeness_text(likeness: Mapping[str, Any]) -> str:
    """Format scores from 0 to 1, and microseconds of CPU, comparisons and bytes a lead."""
    scores = [
        [name, *(f"{score[part]:.4f}" for part in ("precision", "recall", "f1"))]
        for name, score in likeness["sets"].items()
    ]
    costs = [
        [
            name,
            *(format_number(found[part]) for part in ("us", "us_python", "us_postgres")),
            "/".join(format_number(found[f"compared_{part}"]) for part in ("p50", "p99", "max")),
            format_number(found["bytes_a_lead"]),
            f"{found['planted_found']:.3f}" if "planted_found" in found else "",
        ]
        for name, found in {"ordinary": likeness["ordinary"], **likeness["adverse"]}.items()
    ]
    headings = ["Workspace", "µs a lead", "Python", "PostgreSQL", "compared p50/p99/max", "bytes a lead", "found"]
    tables = [format_table(["Set", "precision", "recall", "F1"], scores)] if scores else []
    return "\n\n".join([*tables, format_table(headings, costs)])


def import_text(found: Mapping[str, Any]) -> str:
    """Format seconds, rows a second, microseconds of CPU a row, and resident MiB of the largest process of a role."""
    counts = ", ".join(f"{found[name]:,} {name}" for name in ("created", "merged", "unchanged", "invalid"))
    export = found["export"]
    rows = [
        ["rows", format_number(found["rows"])],
        ["upload, s", format_number(found["upload_seconds"])],
        ["import, s", format_number(found["seconds"])],
        ["rows a second", format_number(found["rows_per_second"])],
        ["CPU µs a row", format_number(sum(found["cpu"].values()))],
        *([f"  {role}", format_number(us)] for role, us in found["cpu"].items() if us >= 1),
        [f"export of {export['leads']:,} leads, s", format_number(export["seconds"])],
    ]
    memory = [[role, *map(format_number, moments.values())] for role, moments in found["memory"].items()]
    moments = next(iter(found["memory"].values()))
    tables = [format_table(["Import", ""], rows), format_table(["Resident MiB", *moments], memory)]
    return "\n\n".join([*tables, f"The import is {found['state']}: {counts}"])


def idle_text(found: Mapping[str, Any]) -> str:
    """Format percent of a core and MiB by role, and statements by the minute."""
    rows = [
        [role, f"{figures['cpu']:.2f}", *(format_number(figures[name]) for name in ("memory", "resident"))]
        for role, figures in found["roles"].items()
    ]
    rows.append(["all", f"{found['cpu']:.2f}", format_number(found["memory"]), ""])
    table = format_table(["Idle", "CPU, % of a core", "MiB (PSS)", "MiB resident"], rows)
    return f"{table}\n\n{found['transactions_per_minute']:.0f} transactions a minute; load {found['load']:.1f}"


def figures_text(figures: Mapping[str, Any]) -> str:
    rows = []
    for figure in figures.values():
        spread = (min(figure["rounds"]), figure["median"], max(figure["rounds"]))
        rows.append([figure["label"], *map(format_number, spread), figure["unit"]])
    return format_table(["Figure", "lowest", "median", "highest", ""], rows)


def attacks_text(attacks: Sequence[Mapping[str, Any]]) -> str:
    """Format milliseconds of the victim's leads (idle → attacked) and the peak MiB of the largest service."""
    rows = []
    for attack in attacks:
        idle, attacked = attack["idle"], attack["attacked"]
        figures = (f"{leg}_{figure}" for leg in ("answers", "webhooks") for figure in ("p50", "max"))
        changes = [f"{idle[figure]:.0f} → {attacked[figure]:.0f}" for figure in figures]
        failed = f"{attacked['refused'] + attacked['missing']:g}"
        rows.append(
            [
                attack["attack"],
                *changes,
                failed,
                format_number(attack["memory_mib"]),
                "met" if attack["met"] else "MISSED",
            ]
        )
    headings = ["Attack", "answer p50 ms", "max", "webhook p50 ms", "max", "failed", "MiB", ""]
    return format_table(headings, rows)


def others_text(attacks: Sequence[Mapping[str, Any]]) -> str:
    """Format the medians of what others do beside an attack on the console: idle → attacked, and the ratio."""
    rows = []
    for attack in attacks:
        idle, attacked = attack["idle"], attack["attacked"]
        changes = [
            f"{idle[other]:.1f} → {attacked[other]:.1f} ({ratio:.1f}×)" for other, ratio in attack["ratios"].items()
        ]
        sign_in = f"{idle['sign_in']:.0f} → {attacked['sign_in']:.0f}"
        gateway = [f"{idle['cpu']:.0%} → {attacked['cpu']:.0%}", format_number(attack["memory_mib"])]
        is_met = "met" if attack["met"] else "MISSED"
        rows.append([attack["attack"], *changes, sign_in, f"{attacked['refused']:g}", *gateway, is_met])
    headings = ["Console", "health p50 ms", "page p50 ms", "lead p50 ms", "sign-in p50 ms", "failed", "CPU", "MiB", ""]
    return format_table(headings, rows)


def lists_text(reads: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            read["label"],
            f"{read['total']:,}",
            *(
                f"{'over ' if size in read['over_limit'] else ''}{format_number(read[f'{size}_ms'])}"
                for size in ("small", "large")
            ),
            format_number(read["ratio"]),
            read["target"],
            "met" if read["met"] else "MISSED",
        ]
        for read in reads
    ]
    return format_table(["List", "leads", "small ms", "large ms", "ratio", "target", ""], rows)


def http_text(http: Mapping[str, float]) -> str:
    return (
        f"Over HTTP, {http['rate']:g} lists/s while {http['leads']:,.0f} leads/s arrive: "
        f"p50 {format_number(http['p50'])} ms, "
        f"p99 {format_number(http['p99'])} ms, longest {format_number(http['longest'])} ms; "
        f"{http['failed']:g} of {http['asked']:g} failed"
    )


def pages_text(pages: Sequence[Mapping[str, Any]]) -> str:
    """Format the times of the console's pages next to those of `SELECT 1` in the same moments, in milliseconds."""
    rows = [
        [
            page["label"],
            *(format_number(page[name]) for name in ("p50", "p95", "max")),
            " ".join(page["statuses"]),
            f"{page['bytes']:,}",
            *(format_number(page[name]) for name in ("select_p50", "select_p95")),
            f"< {page['at_most']:g}",
            "met" if page["met"] else "MISSED",
        ]
        for page in pages
    ]
    headings = ["Page", "p50 ms", "p95", "max", "status", "bytes", "SELECT 1 p50", "p95", "target p95", ""]
    return format_table(headings, rows)


def sources_text(sources: Mapping[str, Any]) -> str:
    """Format the cost of signed webhooks beside that of inbound leads, and what a form felt of them."""
    names = ("accepted", "end_to_end", "p99", "cpu", "cpu_gateway")
    headings = ["one busy source", "202s/s", "end to end/s", "p99 ms", "CPU µs/lead", "of the gateway"]
    rows = [
        [label, *(f"{sources[part][name]:,.1f}" for name in names)]
        for part, label in (("webhooks", "signed webhooks"), ("inbound", "inbound leads"))
    ]
    form = sources["form"]
    felt = [
        ["form alone", f"{form['idle_p50']:.1f}", f"{form['idle_p99']:.1f}", "", ""],
        [
            "while the source posts",
            f"{form['busy_p50']:.1f}",
            f"{form['busy_p99']:.1f}",
            f"{form['ratio']:.2f}",
            "met" if form["met"] else "MISSED",
        ],
    ]
    return (
        f"{format_table(headings, rows)}\n\n{format_table(['a form', 'p50 ms', 'p99 ms', 'ratio', 'at most 2'], felt)}"
    )


def crowd_text(crowd: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{figure['label']}, {figure['unit']}",
            *(format_number(figure[name]) for name in ("alone", "watched", "ratio")),
            f"{min(figure['turn_ratios']):.2f}–{max(figure['turn_ratios']):.2f}",
            figure["target"],
            "met" if figure["met"] else "MISSED",
        ]
        for figure in crowd["figures"]
    ]
    headings = [f"{crowd['turns']} turns", "no console", f"{crowd['consoles']} open", "ratio", "by turn", "target", ""]
    streams = f"The live pages sent {crowd['stream_bytes'] / 1e6:.1f} MB; {len(crowd['failures'])} ended early"
    return f"{format_table(headings, rows)}\n{streams}"


def goals_text(targets: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            target["label"],
            format_number(target["value"]),
            f"≥ {target['at_least']:g}" if "at_least" in target else f"≤ {target['at_most']:g}",
            "met" if target["met"] else "MISSED",
        ]
        for target in targets
    ]
    return format_table(["Target", "value", "limit", ""], rows)


def variants_text(variants: Mapping[str, RoundFigures]) -> str:
    rows = [[name, *map(format_number, medians.values())] for name, medians in variants.items()]
    return format_table(["Variant", *(column.label for column in VARIANT_COLUMNS)], rows)


def growth_text(slices: Mapping[str, RoundFigures]) -> str:
    columns = ("end_to_end", "cpu", *(f"cpu_{part}" for part in CPU_ROLES), "bare_cpu", "cpu_to_bare")
    headings = ["Leads", "end to end/s", "CPU µs/lead", *CPU_ROLES, "BARE", "of BARE"]
    rows = [[name, *(format_number(figures[column]) for column in columns)] for name, figures in slices.items()]
    return format_table(headings, rows)


def growth_figure_text(growth: float) -> str:
    return f"A lead of the last 300,000 costs {format_number(growth)} × one of the first, by BARE's measure"


def soak_text(samples: Sequence[RoundFigures]) -> str:
    """Format memory early and late. Early is the second tenth, when caches are full; late is the last tenth."""
    tenth = max(len(samples) // 10, 1)
    early, late = samples[tenth : 2 * tenth], samples[-tenth:]
    rows = [
        [
            role,
            format_number(median_of(early, role)),
            format_number(median_of(late, role)),
            format_number(median_of(late, role) / median_of(early, role)),
        ]
        for role in samples[0]
    ]
    return format_table(["Resident MiB", "early", "late", "growth ×"], rows)


def ledger_text(ledger: Mapping[str, int]) -> str:
    return "Ledger: " + ", ".join(f"{name} {count:,}" for name, count in ledger.items())
