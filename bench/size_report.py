"""The text of the benchmark of size."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.text_tables import format_number, format_table


def page_sizes_text(pages: Sequence[Mapping[str, Any]]) -> str:
    """Format the times of pages at a tenth of the leads and at all of them, in milliseconds."""
    numbers = ("small_p50", "small_p95", "large_p50", "large_p95", "ratio")
    rows = [
        [
            page["label"],
            *(format_number(page[name]) for name in numbers),
            " ".join(page["statuses"]),
            f"< {page['at_most']:g}",
            "met" if page["met"] else "MISSED",
        ]
        for page in pages
    ]
    headings = ["Page", "small p50 ms", "p95", "large p50 ms", "p95", "ratio of p50", "status", "target p95", ""]
    return format_table(headings, rows)


def costs_text(costs: Mapping[str, Mapping[str, float]]) -> str:
    """Format what a lead and an idle minute cost at each size."""
    names = ("end_to_end", "cpu", "paced_p50", "paced_p99", "idle_cpu", "idle_memory", "idle_transactions")
    headings = ["With", "end to end/s", "CPU µs/lead", "201 p50 ms", "p99", "idle CPU %", "idle MiB", "idle tx/min"]
    rows = [[label, *(format_number(figures[name]) for name in names)] for label, figures in costs.items()]
    return format_table(headings, rows)
