"""Attacks on what all share, and what others feel: health, a page and a lead's 201, idle and under each attack."""

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.console_attackers import ConsoleTarget
from bench.console_client import ConsoleAccount, ConsoleReader, create_account
from bench.processes import cpu_by_role, resident_bytes
from bench.soak import BYTES_PER_MIB, repeating_every
from bench.stack import BENCH_WORKSPACE, RunningLeadHub, create_key, create_workspace, running_leadhub
from shared.platform.installation import PROJECT_ROOT

PROBE_SECONDS, QUICK_PROBE_SECONDS = 20.0, 8.0
WARM_UP_SECONDS = 3.0  # of a probe, and of an attack before others are measured
REST_SECONDS = 3.0  # after an attack, before the next one
ROUND_SECONDS = 0.1  # between two rounds of a probe
SIGN_IN_EVERY = 10  # rounds
ATTACKER_WORKSPACE = "attacker"
MAX_RATIO = 3.0  # of a median, to that of the idle service
MAX_SIGN_IN_MS = 1000.0
PROBE_TIMEOUT_SECONDS = 60.0
OTHERS = ("health", "page", "lead")


@dataclass
class OthersProbe:
    """What others wait for, in milliseconds. `refused` counts answers that were not the usual ones.

    It also measures the gateways' share of a core, since medians say little on a machine that has other work.
    """

    running: RunningLeadHub
    account: ConsoleAccount
    reader: ConsoleReader
    times: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0

    def measure_for(self, seconds: float) -> dict[str, float]:
        """Ask for each in turn, and return the medians."""
        self.times, self.refused = {}, 0
        cpu, began_at = self._gateway_cpu(), time.monotonic()
        until, number = began_at + seconds, 0
        while time.monotonic() < until:
            began = time.monotonic()
            self._time("health", lambda: self._request("GET", "/api/v1/health"), 200)
            self._time("page", lambda: self.reader.request_page(f"/console/{BENCH_WORKSPACE}/leads").status, 200)
            self._time("lead", self._post_lead, 201)
            if number % SIGN_IN_EVERY == 0:
                self._time("sign_in", self._sign_in, 303)
            number += 1
            time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - began)))
        medians = {name: statistics.median(times) for name, times in self.times.items()}
        cpu_share = (self._gateway_cpu() - cpu) / 1e6 / (time.monotonic() - began_at)
        return medians | {"refused": self.refused, "cpu": cpu_share}

    def _gateway_cpu(self) -> int:
        return cpu_by_role(self.running.root_pid)["gateway"]

    def _time(self, name: str, ask: Callable[[], int], expected: int) -> None:
        began = time.perf_counter()
        try:
            status = ask()
        except (OSError, http.client.HTTPException, RuntimeError):
            status = 0
        self.times.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        self.refused += status != expected

    def _request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        connection = http.client.HTTPConnection(urlsplit(self.account.base).netloc, timeout=PROBE_TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            response.read()
            return response.status

    def _post_lead(self) -> int:
        url = urlsplit(self.running.target.url)
        headers = {**self.running.target.headers, "Content-Type": "application/json", "Prefer": "wait=30"}
        body = json.dumps({"email": f"{uuid.uuid4()}@others.example.com"}).encode()
        return self._request("POST", f"{url.path}?{url.query}", body, headers)

    def _sign_in(self) -> int:
        self.account.sign_in()
        return 303


def measure_console_attacks(folder: Path, attacks: Sequence[str], *, quick: bool) -> list[dict[str, Any]]:
    """Return for each attack the medians of others, idle and attacked, their ratios, and the gateway's peak memory."""
    seconds = QUICK_PROBE_SECONDS if quick else PROBE_SECONDS
    with running_leadhub(folder / "console") as running:
        base = running.target.url.partition("/api/")[0]
        person = create_account(base, folder / "console", "person@others.example", "admin")
        attacker = create_account(base, folder / "console", "reader@attack.example", "read_only").sign_in()
        create_workspace(folder / "console", ATTACKER_WORKSPACE)
        key = create_key(folder / "console", ATTACKER_WORKSPACE)
        webhook_url = _create_webhook(base, key)
        target = ConsoleTarget(base, BENCH_WORKSPACE, attacker.headers["Cookie"], key, webhook_url)
        probe = OthersProbe(running, person, person.sign_in())
        probe.measure_for(WARM_UP_SECONDS)
        return [_measure_attack(name, target, probe, seconds) for name in attacks]


def _create_webhook(base: str, key: str) -> str:
    """Create a source that takes any JSON, and return the address of its webhook."""
    body = json.dumps({"type": "webhook", "name": "Attack"}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/api/v1/integrations", body, headers)) as answer:
        return str(json.load(answer)["data"]["webhook_url"])


def _measure_attack(name: str, target: ConsoleTarget, probe: OthersProbe, seconds: float) -> dict[str, Any]:
    print(name, file=sys.stderr)
    idle = probe.measure_for(seconds)
    memory: list[float] = []
    with (
        _attack_running(name, target),
        repeating_every(0.5, lambda: memory.append(resident_bytes(probe.running.root_pid, "gateway") / BYTES_PER_MIB)),
    ):
        time.sleep(WARM_UP_SECONDS)
        attacked = probe.measure_for(seconds)
    time.sleep(REST_SECONDS)
    ratios = {other: attacked[other] / idle[other] for other in OTHERS}
    is_met = max(ratios.values()) <= MAX_RATIO and not attacked["refused"] and attacked["sign_in"] < MAX_SIGN_IN_MS
    return {
        "attack": name,
        "idle": idle,
        "attacked": attacked,
        "ratios": ratios,
        "memory_mib": max(memory),
        "met": is_met,
    }


@contextlib.contextmanager
def _attack_running(name: str, target: ConsoleTarget) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.console_attackers", name, json.dumps(asdict(target))]
    with subprocess.Popen(command, cwd=PROJECT_ROOT) as process:
        try:
            yield
        finally:
            process.kill()
