"""The measures and their limits: figures, ratios of one round, and targets. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# The figures of one round, by the names below.
Round = dict[str, float]

# Where leads wait for long the sweeper ingests too, so its CPU is part of the cost of a lead.
PARTS = ("gateway", "worker", "sweeper", "postgres", "broker")


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    label: str
    unit: str


@dataclass(frozen=True)
class Target:
    """A limit for the median of the figure or ratio `name`: at least or at most `limit`."""

    name: str
    label: str
    limit: float
    at_least: bool

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


FIGURES = (
    Figure("bare_64", "BARE, 64 connections", "/s"),
    Figure("bare_256", "BARE, 256 connections", "/s"),
    Figure("bare_cpu", "BARE, CPU a request", "µs"),
    Figure("naive_accepted", "NAIVE, 202s at 64 connections", "/s"),
    Figure("naive_end_to_end", "NAIVE, end to end", "/s"),
    Figure("naive_created", "NAIVE, 201s at 64 connections", "/s"),
    Figure("naive_cpu", "NAIVE, CPU a lead (web and worker)", "µs"),
    Figure("commit", "PostgreSQL, one durable commit p50", "ms"),
    Figure("commit_p99", "PostgreSQL, a durable commit at 500/s p99", "ms"),
    Figure("bulk", "PostgreSQL, leads by multi-row insert", "/s"),
    Figure("accepted", "LeadHub, 202s at 64 connections", "/s"),
    Figure("backlog", "LeadHub, backlog gone after", "s"),
    Figure("end_to_end", "LeadHub, end to end", "/s"),
    Figure("created", "LeadHub, 201s at 256 connections", "/s"),
    Figure("created_p50", "LeadHub, 201s at 256 connections p50", "ms"),
    Figure("created_p99", "LeadHub, 201s at 256 connections p99", "ms"),
    Figure("single_p50", "LeadHub, one client's 201 p50", "ms"),
    Figure("single_p99", "LeadHub, one client's 201 p99", "ms"),
    Figure("paced_p50", "LeadHub, 201s at 500/s p50", "ms"),
    Figure("paced_p99", "LeadHub, 201s at 500/s p99", "ms"),
    Figure("cpu", "LeadHub, CPU a lead", "µs"),
    *(Figure(f"cpu_{part}", f"  of it {part}", "µs") for part in PARTS),
    Figure("cpu_rest", "  beside it the supervisor", "µs"),
    Figure("generator", "Load generator, CPU a request", "µs"),
)

RATIOS = (
    Figure("accepted_to_bare", "202s at 64 connections / BARE", "×"),
    Figure("end_to_end_to_naive", "end to end / NAIVE", "×"),
    Figure("created_to_bare", "201s at 256 connections / BARE", "×"),
    Figure("paced_p50_to_commit", "201 p50 at 500/s / durable commit", "×"),
    Figure("paced_p99_to_commit", "201 p99 at 500/s / durable commit", "×"),
    Figure("cpu_to_bare", "CPU a lead / BARE's CPU a request", "×"),
)

TARGETS = (
    Target("accepted_to_bare", "202s at 64 connections / BARE", 0.45, at_least=True),
    Target("backlog", "backlog gone after the load, s", 1.0, at_least=False),
    Target("end_to_end_to_naive", "end to end / NAIVE", 25.0, at_least=True),
    Target("created_to_bare", "201s at 256 connections / BARE", 0.35, at_least=True),
    Target("single_p50", "one client's 201 p50, ms", 8.0, at_least=False),
    Target("paced_p50_to_commit", "201 p50 at 500/s / durable commit", 15.0, at_least=False),
    Target("paced_p99_to_commit", "201 p99 at 500/s / durable commit", 40.0, at_least=False),
    Target("cpu_to_bare", "CPU a lead / BARE's CPU a request", 4.0, at_least=False),
)


def ratios(figures: Round) -> Round:
    """Compute the ratios within one round, so that the machine's drift from round to round cancels out."""
    pairs = {
        "accepted_to_bare": ("accepted", "bare_64"),
        "end_to_end_to_naive": ("end_to_end", "naive_end_to_end"),
        "created_to_bare": ("created", "bare_256"),
        "paced_p50_to_commit": ("paced_p50", "commit"),
        "paced_p99_to_commit": ("paced_p99", "commit"),
        "cpu_to_bare": ("cpu", "bare_cpu"),
    }
    return {name: figures[above] / figures[below] for name, (above, below) in pairs.items()}


def values(rounds: Sequence[Round], name: str) -> list[float]:
    return [figures[name] for figures in rounds]


def median(rounds: Sequence[Round], name: str) -> float:
    return statistics.median(values(rounds, name))
