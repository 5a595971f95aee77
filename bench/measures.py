"""The measures and their limits: figures, ratios of one round, and targets. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# The figures of one round, by the names below.
RoundFigures = dict[str, float]

# Where leads wait for long the sweeper ingests too, so its CPU is part of the cost of a lead.
CPU_ROLES = ("gateway", "worker", "sweeper", "postgres", "broker")


@dataclass(frozen=True)
class MeasureLabel:
    """One line of the table."""

    name: str
    label: str
    unit: str


@dataclass(frozen=True)
class Goal:
    """A limit for the median of the figure or ratio `name`: at least or at most `limit`."""

    name: str
    label: str
    limit: float
    at_least: bool

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


MEASURE_LABELS = (
    MeasureLabel("bare_64", "BARE, 64 connections", "/s"),
    MeasureLabel("bare_256", "BARE, 256 connections", "/s"),
    MeasureLabel("bare_cpu", "BARE, CPU a request", "µs"),
    MeasureLabel("naive_accepted", "NAIVE, 202s at 64 connections", "/s"),
    MeasureLabel("naive_end_to_end", "NAIVE, end to end", "/s"),
    MeasureLabel("naive_created", "NAIVE, 201s at 64 connections", "/s"),
    MeasureLabel("naive_cpu", "NAIVE, CPU a lead (web and worker)", "µs"),
    MeasureLabel("commit", "PostgreSQL, one durable commit p50", "ms"),
    MeasureLabel("commit_p99", "PostgreSQL, a durable commit at 500/s p99", "ms"),
    MeasureLabel("bulk", "PostgreSQL, leads by multi-row insert", "/s"),
    MeasureLabel("accepted", "LeadHub, 202s at 64 connections", "/s"),
    MeasureLabel("backlog", "LeadHub, backlog gone after", "s"),
    MeasureLabel("end_to_end", "LeadHub, end to end", "/s"),
    MeasureLabel("created", "LeadHub, 201s at 256 connections", "/s"),
    MeasureLabel("created_p50", "LeadHub, 201s at 256 connections p50", "ms"),
    MeasureLabel("created_p99", "LeadHub, 201s at 256 connections p99", "ms"),
    MeasureLabel("single_p50", "LeadHub, one client's 201 p50", "ms"),
    MeasureLabel("single_p99", "LeadHub, one client's 201 p99", "ms"),
    MeasureLabel("paced_p50", "LeadHub, 201s at 500/s p50", "ms"),
    MeasureLabel("paced_p99", "LeadHub, 201s at 500/s p99", "ms"),
    MeasureLabel("cpu", "LeadHub, CPU a lead", "µs"),
    *(MeasureLabel(f"cpu_{part}", f"  of it {part}", "µs") for part in CPU_ROLES),
    MeasureLabel("cpu_rest", "  beside it the supervisor", "µs"),
    MeasureLabel("generator", "Load generator, CPU a request", "µs"),
)

RATIO_LABELS = (
    MeasureLabel("accepted_to_bare", "202s at 64 connections / BARE", "×"),
    MeasureLabel("end_to_end_to_naive", "end to end / NAIVE", "×"),
    MeasureLabel("created_to_bare", "201s at 256 connections / BARE", "×"),
    MeasureLabel("paced_p50_to_commit", "201 p50 at 500/s / durable commit", "×"),
    MeasureLabel("paced_p99_to_commit", "201 p99 at 500/s / durable commit", "×"),
    MeasureLabel("cpu_to_bare", "CPU a lead / BARE's CPU a request", "×"),
)

INGEST_GOALS = (
    Goal("accepted_to_bare", "202s at 64 connections / BARE", 0.45, at_least=True),
    Goal("backlog", "backlog gone after the load, s", 1.0, at_least=False),
    Goal("end_to_end_to_naive", "end to end / NAIVE", 25.0, at_least=True),
    Goal("created_to_bare", "201s at 256 connections / BARE", 0.35, at_least=True),
    Goal("single_p50", "one client's 201 p50, ms", 8.0, at_least=False),
    Goal("paced_p50_to_commit", "201 p50 at 500/s / durable commit", 15.0, at_least=False),
    Goal("paced_p99_to_commit", "201 p99 at 500/s / durable commit", 40.0, at_least=False),
    Goal("cpu_to_bare", "CPU a lead / BARE's CPU a request", 4.0, at_least=False),
)


def compute_ratios(figures: RoundFigures) -> RoundFigures:
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


def values_of(rounds: Sequence[RoundFigures], name: str) -> list[float]:
    return [figures[name] for figures in rounds]


def median_of(rounds: Sequence[RoundFigures], name: str) -> float:
    return statistics.median(values_of(rounds, name))
