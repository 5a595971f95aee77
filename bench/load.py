"""A load on a server: its description, the process that makes it, and its outcome."""

import contextlib
import gc
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.generator import LoadRun, run_closed_loop, run_open_loop
from bench.leads import lead_requests
from bench.webhook_requests import webhook_requests
from shared.platform.installation import PROJECT_ROOT


@dataclass(frozen=True)
class LoadSpec:
    """The description of a load.

    `rate` 0 is a closed loop. `request_limit` ends it after so many requests; 0 is no limit.
    """

    url: str
    headers: dict[str, str]
    connections: int
    seconds: float
    first_number: int
    rate: float = 0.0
    request_limit: int = 0
    duplicates: float = 0.2
    acknowledged_path: str = ""
    webhook_secret: str = ""  # if set, the requests are signed webhooks


@dataclass(frozen=True)
class LoadOutcome:
    """The outcome of a load. `seconds` runs from the first request to the last answer; `started` is CLOCK_MONOTONIC.

    Latencies are in milliseconds; in an open loop they count from the scheduled time, so a stall is not omitted.
    `cpu_us` is the generator's own cost a request.
    """

    started_at: float
    seconds: float
    statuses: dict[str, int]
    unanswered: int
    p50: float
    p99: float
    longest: float
    cpu_us: float

    @property
    def ended_at(self) -> float:
        return self.started_at + self.seconds

    @property
    def good_answers(self) -> int:
        """Answers with a 2xx."""
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))

    @property
    def good_rate(self) -> float:
        """Good answers a second."""
        return self.good_answers / self.seconds

    def rate_of(self, status: int) -> float:
        """Answers with this status a second."""
        return self.statuses.get(str(status), 0) / self.seconds

    @property
    def failed_requests(self) -> int:
        return sum(self.statuses.values()) - self.good_answers + self.unanswered


def run_in_subprocess(load: LoadSpec) -> LoadOutcome:
    """Make the load in a process of its own and return its outcome.

    RuntimeError if the generator could not run, such as when nothing listens at the address.
    """
    command = [sys.executable, "-m", "bench.load", orjson.dumps(asdict(load)).decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT_ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the load generator ended with status {process.returncode}")
    return LoadOutcome(**orjson.loads(line))


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def run_here(load: LoadSpec) -> LoadOutcome:
    """Make the load in this process."""
    address = urlsplit(load.url)
    target, headers = f"{address.path}?{address.query}", {"Host": address.netloc, **load.headers}
    source = (
        webhook_requests(target, headers, load.first_number, load.webhook_secret)
        if load.webhook_secret
        else lead_requests(target, headers, load.first_number, load.duplicates)
    )
    next(source)  # renders the templates before the clock starts
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(Path(load.acknowledged_path).open("wb")) if load.acknowledged_path else None
        going = LoadRun(source, load.request_limit, file)
        gc.disable()  # nothing here makes cycles, and a full collection is a pause of its own
        return uvloop.run(run_timed(going, load, str(address.hostname), int(address.port or 80)))


async def run_timed(load_run: LoadRun, load: LoadSpec, host: str, port: int) -> LoadOutcome:
    started, cpu = time.monotonic(), time.process_time()
    if load.rate:
        await run_open_loop(load_run, host, port, load.connections, load.rate, load.seconds)
    else:
        await run_closed_loop(load_run, host, port, load.connections, load.seconds)
    return summarise_run(load_run, started, time.monotonic() - started, time.process_time() - cpu)


def summarise_run(load_run: LoadRun, started: float, seconds: float, cpu: float) -> LoadOutcome:
    ordered = sorted(load_run.latencies)
    return LoadOutcome(
        started_at=started,
        seconds=seconds,
        statuses={status.decode(): count for status, count in load_run.statuses.items()},
        unanswered=load_run.unanswered,
        p50=percentile(ordered, 0.5) * 1e3,
        p99=percentile(ordered, 0.99) * 1e3,
        longest=percentile(ordered, 1.0) * 1e3,
        cpu_us=cpu * 1e6 / max(len(ordered), 1),
    )


if __name__ == "__main__":
    outcome = run_here(LoadSpec(**orjson.loads(sys.argv[1])))
    sys.stdout.buffer.write(orjson.dumps(asdict(outcome)) + b"\n")
