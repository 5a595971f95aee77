"""The benchmark of idleness: what a LeadHub that nobody uses takes of its machine."""

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.measures import Goal
from bench.processes import cpu_by_role, process_tree, proportional_bytes
from bench.report import goal_result
from bench.stack import running_leadhub

SETTLING_SECONDS = 60.0
MEASURED_SECONDS, QUICK_MEASURED_SECONDS = 60.0, 20.0
MICROSECONDS = 1_000_000
BYTES_PER_MIB = 1 << 20

IDLE_GOALS = (
    Goal("cpu", "CPU of an idle LeadHub, % of a core", 2.0, at_least=False),
    Goal("memory", "Memory of an idle LeadHub, MiB", 400.0, at_least=False),
)
TRANSACTIONS_SQL = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class IdleFigures:
    """CPU in percent of a core and memory in MiB by role, and transactions of the database in a minute."""

    roles: dict[str, dict[str, float]]
    transactions_per_minute: float

    @property
    def cpu_percent(self) -> float:
        return sum(role["cpu"] for role in self.roles.values())

    @property
    def memory_mib(self) -> float:
        return sum(role["memory"] for role in self.roles.values())


def measure_idle(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return by role the CPU in percent of a core and the memory in MiB, of an installation that is new.

    Processes share the pages of imported code. A page counts for each by its share of it (PSS), so that the sum is what
    the installation takes; `resident` counts it for each in full, as most tools show it.
    """
    seconds = QUICK_MEASURED_SECONDS if quick else MEASURED_SECONDS
    with running_leadhub(folder) as running, psycopg.connect(running.database_url, autocommit=True) as database:
        time.sleep(SETTLING_SECONDS)
        found = read_idle_figures(running.root_pid, database, seconds)
    totals = {"cpu": found.cpu_percent, "memory": found.memory_mib}
    return {
        "idle": {
            "roles": found.roles,
            **totals,
            "transactions_per_minute": found.transactions_per_minute,
            "load": os.getloadavg()[0],
        },
        "targets": [goal_result(goal, totals[goal.name]) for goal in IDLE_GOALS],
    }


def read_idle_figures(root_pid: int, database: "psycopg.Connection", seconds: float) -> IdleFigures:
    """Watch the processes of a LeadHub for so many seconds, in which nobody uses it."""
    before, transactions, began = cpu_by_role(root_pid), _transactions(database), time.monotonic()
    time.sleep(seconds)
    cpu, took = cpu_by_role(root_pid) - before, time.monotonic() - began
    per_minute = (_transactions(database) - transactions) * 60 / took
    resident: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    for process in process_tree(root_pid):
        resident[process.role] += process.rss_bytes
        memory[process.role] += proportional_bytes(process.pid)
    roles = {
        role: {
            "cpu": cpu[role] / MICROSECONDS / took * 100,
            "memory": memory[role] / BYTES_PER_MIB,
            "resident": resident[role] / BYTES_PER_MIB,
        }
        for role in sorted(memory)
    }
    return IdleFigures(roles, per_minute)


def _transactions(database: "psycopg.Connection") -> int:
    row = database.execute(TRANSACTIONS_SQL).fetchone()
    return int(row[0]) if row else 0
