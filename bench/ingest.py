"""One round of the ingest benchmark: each server under each load, close together in time."""

from dataclasses import dataclass

from bench.commits import PACE, bulk_insert_rate, durable_commit_ms
from bench.contest import Contestant, Loaded, cpu_each
from bench.figures import PARTS, Round, ratios

FEW, MANY = 64, 256
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Contest:
    """The servers to compare, the PostgreSQL that LeadHub and NAIVE share, and the seconds of each load."""

    bare: Contestant
    naive: Contestant
    leadhub: Contestant
    database_url: str
    seconds: float


def measure_round(contest: Contest) -> Round:
    """Return all figures and ratios of one round. Servers are measured one after the other, never at the same time."""
    figures = measure_throughput(contest.bare, contest.leadhub, contest.seconds)
    figures |= measure_latency(contest.leadhub, contest.database_url, contest.seconds)
    figures |= measure_naive(contest.naive, contest.seconds)
    figures["bulk"] = bulk_insert_rate(contest.database_url)
    return figures | ratios(figures)


def measure_throughput(bare: Contestant, leadhub: Contestant, seconds: float) -> Round:
    bare_few = bare.load(FEW, seconds)
    accepted = leadhub.load(FEW, seconds, wait=False)
    bare_many = bare.load(MANY, seconds)
    created = leadhub.load(MANY, seconds)
    return {
        "bare_64": bare_few.outcome.rate,
        "bare_256": bare_many.outcome.rate,
        "bare_cpu": sum(cpu_each(bare_few, bare_many).values()),
        "accepted": accepted.outcome.rate_of(202),
        "backlog": accepted.backlog,
        "end_to_end": accepted.end_to_end,
        "created": created.outcome.rate_of(201),
        "created_p50": created.outcome.p50,
        "created_p99": created.outcome.p99,
        "generator": accepted.outcome.cpu_us,
        **cpu_figures(accepted, created),
    }


def cpu_figures(*loads: Loaded) -> Round:
    """Return the CPU a lead: the parts, their sum, and the rest that is not in the sum."""
    each = cpu_each(*loads)
    parts = {f"cpu_{part}": each.get(part, 0.0) for part in PARTS}
    return {**parts, "cpu": sum(parts.values()), "cpu_rest": sum(each.values()) - sum(parts.values())}


def measure_latency(leadhub: Contestant, database_url: str, seconds: float) -> Round:
    commit, commit_p99 = durable_commit_ms(database_url)
    single = leadhub.load(1, seconds).outcome
    paced = leadhub.load(FEW, seconds, rate=PACE).outcome
    return {
        "commit": commit,
        "commit_p99": commit_p99,
        "single_p50": single.p50,
        "single_p99": single.p99,
        "paced_p50": paced.p50,
        "paced_p99": paced.p99,
    }


def measure_naive(naive: Contestant, seconds: float) -> Round:
    accepted = naive.load(FEW, seconds, wait=False)
    created = naive.load(FEW, seconds)
    return {
        "naive_accepted": accepted.outcome.rate_of(202),
        "naive_end_to_end": accepted.end_to_end,
        "naive_created": created.outcome.rate_of(201),
        "naive_cpu": sum(cpu_each(accepted).values()),
    }


def warm_up(*contestants: Contestant) -> None:
    """Open connections, fill caches and trigger late imports, in the web processes and in the workers."""
    for contestant in contestants:
        contestant.load(FEW, WARM_UP_SECONDS, wait=False)
        contestant.load(FEW, WARM_UP_SECONDS)
