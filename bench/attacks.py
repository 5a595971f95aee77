"""The benchmark of attacks: another workspace's latencies during each attack, compared with an idle run before it."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from bench.attackers import ATTACKS_BY_NAME, AttackTarget
from bench.console_attackers import CONSOLE_ATTACKS
from bench.console_attacks import measure_console_attacks
from bench.processes import resident_bytes
from bench.soak import BYTES_PER_MIB, repeating_every
from bench.stack import RunningLeadHub, create_key, create_workspace, running_leadhub
from bench.victim import VictimLatencies, VictimWorkspace
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT

PROBE_SECONDS, QUICK_PROBE_SECONDS = 20.0, 8.0
ATTACKER_WORKSPACE = "attacker"
WATCHED_ROLES = ("gateway", "worker", "sweeper")
# Limits: the victim's median is at most three times its idle median plus 50 ms, and its slowest lead takes 1.5 s.
MEDIAN_FACTOR, MEDIAN_EXTRA_MS, MAX_LATENCY_MS = 3, 50.0, 1500.0
ATTACKED_ENVIRONMENT = {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1/32"}  # both workspaces' receivers are on this machine


def measure_attacks(folder: Path, *, quick: bool, only: Collection[str] = ()) -> dict[str, Any]:
    """Return idle and attacked latencies and the peak memory: of a victim, for each attack on an instance of its own,
    and of others, for attacks on the console. `only` are names of attacks; without one, all run.
    """
    seconds = QUICK_PROBE_SECONDS if quick else PROBE_SECONDS
    results = []
    for name in _chosen(ATTACKS_BY_NAME, only):
        print(name, file=sys.stderr)
        with running_leadhub(folder / name.replace(" ", "-"), env=ATTACKED_ENVIRONMENT) as running:
            results.append({"attack": name, **_measure_attack(name, running, folder / name.replace(" ", "-"), seconds)})
    others = _chosen(CONSOLE_ATTACKS, only)
    measured = {"attacks": results, "others": measure_console_attacks(folder, others, quick=quick) if others else []}
    return {name: part for name, part in measured.items() if part}


def _chosen(names: Collection[str], only: Collection[str]) -> list[str]:
    return [name for name in names if not only or name in only]


def _measure_attack(name: str, running: RunningLeadHub, folder: Path, seconds: float) -> dict[str, Any]:
    victim = _make_victim(running, seconds)
    _subscribe_victim(victim)
    _run_probe(victim)  # warms up
    idle = _run_probe(victim).to_figures()
    memory: list[float] = []
    with (
        _attack_running(name, _make_target(running, folder)),
        repeating_every(0.5, lambda: memory.append(_largest_role_mib(running))),
    ):
        attacked = _run_probe(victim).to_figures()
    return {"idle": idle, "attacked": attacked, "memory_mib": max(memory), "met": _is_met(idle, attacked)}


def _is_met(idle: dict[str, float], attacked: dict[str, float]) -> bool:
    return not (attacked["refused"] or attacked["missing"]) and all(
        attacked[f"{name}_p50"] <= MEDIAN_FACTOR * idle[f"{name}_p50"] + MEDIAN_EXTRA_MS
        and attacked[f"{name}_max"] < MAX_LATENCY_MS
        for name in ("answers", "webhooks")
    )


def _make_victim(running: RunningLeadHub, seconds: float) -> VictimWorkspace:
    key = running.target.headers["Authorization"].partition(" ")[2]
    return VictimWorkspace(running.target.url, key, free_port("127.0.0.1"), seconds)


def _subscribe_victim(victim: VictimWorkspace) -> None:
    """Subscribe the victim's receiver to its leads."""
    body = {"url": f"http://127.0.0.1:{victim.port}/", "events": ["lead.created"]}
    headers = {"Authorization": f"Bearer {victim.key}", "Content-Type": "application/json"}
    url = victim.inbound_url.partition("/api")[0] + "/api/v1/webhooks"
    with urllib.request.urlopen(urllib.request.Request(url, orjson.dumps(body), headers), timeout=10) as answer:
        answer.read()


def _run_probe(victim: VictimWorkspace) -> VictimLatencies:
    command = [sys.executable, "-m", "bench.victim", json.dumps(asdict(victim))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT_ROOT)
    return VictimLatencies(**json.loads(done.stdout))


def _make_target(running: RunningLeadHub, folder: Path) -> AttackTarget:
    create_workspace(folder, ATTACKER_WORKSPACE)
    base = running.target.url.partition("/api")[0]
    return AttackTarget(
        base, f"{base}/metrics", ATTACKER_WORKSPACE, create_key(folder, ATTACKER_WORKSPACE), free_port("127.0.0.1")
    )


@contextlib.contextmanager
def _attack_running(name: str, target: AttackTarget) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.attackers", name, json.dumps(asdict(target))]
    with subprocess.Popen(command, cwd=PROJECT_ROOT) as process:
        try:
            yield
        finally:
            process.kill()


def _largest_role_mib(running: RunningLeadHub) -> float:
    """Return the resident MiB of the largest role."""
    return max(resident_bytes(running.root_pid, role) for role in WATCHED_ROLES) / BYTES_PER_MIB
