"""The benchmark of attacks: another workspace's latencies during each attack, compared with an idle run before it."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from bench.attackers import ATTACKS, Target
from bench.processes import rss
from bench.servers import own_environment
from bench.soak import MEBIBYTE, every
from bench.stack import LAUNCHER, LeadHub, create_key, leadhub
from bench.victim import Latencies, Victim
from shared.embedded.datadir import free_port
from shared.settings import PROJECT_ROOT

SECONDS, QUICK_SECONDS = 20.0, 8.0
ATTACKER = "attacker"
ROLES = ("gateway", "worker", "sweeper")
# Limits: the victim's median is at most three times its idle median plus 50 ms, and its slowest lead takes 1.5 s.
MEDIAN_FACTOR, MEDIAN_EXTRA_MS, MAX_MS = 3, 50.0, 1500.0
ENV = {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1/32"}  # both workspaces' receivers are on this machine


def measure_attacks(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return idle and attacked latencies of a victim and the peak memory, for each attack on an instance of its own."""
    seconds = QUICK_SECONDS if quick else SECONDS
    results = []
    for name in ATTACKS:
        print(name, file=sys.stderr)
        with leadhub(folder / name.replace(" ", "-"), env=ENV) as running:
            results.append({"attack": name, **_measure(name, running, folder / name.replace(" ", "-"), seconds)})
    return {"attacks": results}


def _measure(name: str, running: LeadHub, folder: Path, seconds: float) -> dict[str, Any]:
    victim = _victim(running, seconds)
    _watch(victim)
    _probe(victim)  # warms up
    idle = _probe(victim).figures()
    memory: list[float] = []
    with _attack(name, _target(running, folder)), every(0.5, lambda: memory.append(_memory(running))):
        attacked = _probe(victim).figures()
    return {"idle": idle, "attacked": attacked, "memory_mib": max(memory), "met": _is_met(idle, attacked)}


def _is_met(idle: dict[str, float], attacked: dict[str, float]) -> bool:
    return not (attacked["refused"] or attacked["missing"]) and all(
        attacked[f"{name}_p50"] <= MEDIAN_FACTOR * idle[f"{name}_p50"] + MEDIAN_EXTRA_MS
        and attacked[f"{name}_max"] < MAX_MS
        for name in ("answers", "webhooks")
    )


def _victim(running: LeadHub, seconds: float) -> Victim:
    key = running.contestant.headers["Authorization"].partition(" ")[2]
    return Victim(running.contestant.url, key, free_port("127.0.0.1"), seconds)


def _watch(victim: Victim) -> None:
    """Subscribe the victim's receiver to its leads."""
    body = {"url": f"http://127.0.0.1:{victim.port}/", "events": ["lead.created"]}
    headers = {"Authorization": f"Bearer {victim.key}", "Content-Type": "application/json"}
    url = victim.inbound.partition("/api")[0] + "/api/v1/webhooks"
    with urllib.request.urlopen(urllib.request.Request(url, orjson.dumps(body), headers), timeout=10) as answer:
        answer.read()


def _probe(victim: Victim) -> Latencies:
    command = [sys.executable, "-m", "bench.victim", json.dumps(asdict(victim))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT_ROOT)
    return Latencies(**json.loads(done.stdout))


def _target(running: LeadHub, folder: Path) -> Target:
    command = [LAUNCHER, "workspace", "create", ATTACKER, "--name", "Attacker", "--data-dir", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=PROJECT_ROOT, env=own_environment())
    base = running.contestant.url.partition("/api")[0]
    return Target(base, f"{base}/metrics", ATTACKER, create_key(folder, ATTACKER), free_port("127.0.0.1"))


@contextlib.contextmanager
def _attack(name: str, target: Target) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.attackers", name, json.dumps(asdict(target))]
    with subprocess.Popen(command, cwd=PROJECT_ROOT) as process:
        try:
            yield
        finally:
            process.kill()


def _memory(running: LeadHub) -> float:
    """Return the resident MiB of the largest role."""
    return max(rss(running.pid, role) for role in ROLES) / MEBIBYTE
