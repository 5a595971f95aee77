"""One round of the ingest benchmark: each server under each load, close together in time."""

from dataclasses import dataclass

from bench.commits import PACED_RATE, bulk_insert_rate, durable_commit_ms
from bench.measures import CPU_ROLES, RoundFigures, compute_ratios
from bench.targets import LoadResult, Target, cpu_per_answer

FEW_CONNECTIONS, MANY_CONNECTIONS = 64, 256
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class IngestComparison:
    """The servers to compare, the PostgreSQL that LeadHub and NAIVE share, and the seconds of each load."""

    bare: Target
    naive: Target
    leadhub: Target
    database_url: str
    seconds: float


def measure_round(comparison: IngestComparison) -> RoundFigures:
    """Return all figures and ratios of one round. Servers are measured one after the other, never at the same time."""
    figures = measure_throughput(comparison.bare, comparison.leadhub, comparison.seconds)
    figures |= measure_latency(comparison.leadhub, comparison.database_url, comparison.seconds)
    figures |= measure_naive(comparison.naive, comparison.seconds)
    figures["bulk"] = bulk_insert_rate(comparison.database_url)
    return figures | compute_ratios(figures)


def measure_throughput(bare: Target, leadhub: Target, seconds: float) -> RoundFigures:
    bare_few = bare.run_load(FEW_CONNECTIONS, seconds)
    accepted = leadhub.run_load(FEW_CONNECTIONS, seconds, wait=False)
    bare_many = bare.run_load(MANY_CONNECTIONS, seconds)
    created = leadhub.run_load(MANY_CONNECTIONS, seconds)
    return {
        "bare_64": bare_few.outcome.good_rate,
        "bare_256": bare_many.outcome.good_rate,
        "bare_cpu": sum(cpu_per_answer(bare_few, bare_many).values()),
        "accepted": accepted.outcome.rate_of(202),
        "backlog": accepted.backlog_seconds,
        "end_to_end": accepted.end_to_end,
        "created": created.outcome.rate_of(201),
        "created_p50": created.outcome.p50,
        "created_p99": created.outcome.p99,
        "generator": accepted.outcome.cpu_us,
        **cpu_figures_of(accepted, created),
    }


def cpu_figures_of(*loads: LoadResult) -> RoundFigures:
    """Return the CPU a lead: the parts, their sum, and the rest that is not in the sum."""
    each = cpu_per_answer(*loads)
    parts = {f"cpu_{part}": each.get(part, 0.0) for part in CPU_ROLES}
    return {**parts, "cpu": sum(parts.values()), "cpu_rest": sum(each.values()) - sum(parts.values())}


def measure_latency(leadhub: Target, database_url: str, seconds: float) -> RoundFigures:
    commit, commit_p99 = durable_commit_ms(database_url)
    single = leadhub.run_load(1, seconds).outcome
    paced = leadhub.run_load(FEW_CONNECTIONS, seconds, rate=PACED_RATE).outcome
    return {
        "commit": commit,
        "commit_p99": commit_p99,
        "single_p50": single.p50,
        "single_p99": single.p99,
        "paced_p50": paced.p50,
        "paced_p99": paced.p99,
    }


def measure_naive(naive: Target, seconds: float) -> RoundFigures:
    accepted = naive.run_load(FEW_CONNECTIONS, seconds, wait=False)
    created = naive.run_load(FEW_CONNECTIONS, seconds)
    return {
        "naive_accepted": accepted.outcome.rate_of(202),
        "naive_end_to_end": accepted.end_to_end,
        "naive_created": created.outcome.rate_of(201),
        "naive_cpu": sum(cpu_per_answer(accepted).values()),
    }


def warm_up_targets(*targets: Target) -> None:
    """Open connections, fill caches and trigger late imports, in the web processes and in the workers."""
    for contestant in targets:
        contestant.run_load(FEW_CONNECTIONS, WARM_UP_SECONDS, wait=False)
        contestant.run_load(FEW_CONNECTIONS, WARM_UP_SECONDS)
