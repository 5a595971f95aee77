"""The address of the metrics: who serves it, what it takes, and what its computing costs."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from shared.platform.observability.metrics_server import MAX_METRICS_CONNECTIONS, METRICS_CACHE_SECONDS, serve_metrics
from tests.support.commands import HOST, running, silent
from tests.support.waiting import until

pytestmark = pytest.mark.integration

SERVICE = """
import sys
from shared.platform.observability import logging, metrics, metrics_server
logging.configure_logging("sweeper")
metrics.REFUSED_SUBMISSIONS.inc(2)
metrics_server.serve_metrics("127.0.0.1", int(sys.argv[1]))
print("serves", flush=True)
sys.stdin.read()
"""


def answer(port: int, path: str = "/metrics") -> tuple[int, str]:
    """Status and text; (0, "") where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""


class Counted(Collector):
    """A collector that counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def collect(self) -> Iterable[Metric]:
        self.times += 1
        return [GaugeMetricFamily("counted", "How often.", value=self.times)]


def test_metrics_are_computed_once_a_second() -> None:
    counted, port = Counted(), free_port(HOST)
    REGISTRY.register(counted)
    try:
        serve_metrics(HOST, port)
        until(lambda: answer(port)[0] == 200, what="the metrics")
        before, began = counted.times, time.monotonic()
        asking = [threading.Thread(target=answer, args=(port,)) for _ in range(MAX_METRICS_CONNECTIONS // 2)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        seen = counted.times
        assert seen - before <= 1 + (time.monotonic() - began) / METRICS_CACHE_SECONDS
        until(lambda: answer(port)[0] == 200 and counted.times > seen, what="a text made anew")
        assert answer(port, "/")[0] == 404
        assert answer(port, "/metrics?a=1")[0] == 200
    finally:
        REGISTRY.unregister(counted)


def test_clients_who_say_nothing_keep_nobody_out_for_long() -> None:
    port = free_port(HOST)
    serve_metrics(HOST, port)
    until(lambda: answer(port)[0] == 200, what="the metrics")
    with ExitStack() as stack:
        for _ in range(3 * MAX_METRICS_CONNECTIONS):
            stack.enter_context(socket.create_connection((HOST, port)))
        until(lambda: answer(port)[0] == 200, what="an answer once the silent are given up")


def begun(folder: Path, port: int, name: str) -> "subprocess.Popen[str]":
    """A process of a pool that counts two, and serves the pool's metrics when it can."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(port)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "LEADHUB_METRICS_DIR": str(folder), "LEADHUB_PROCESS_NAME": name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "serves\n"
    return process


def test_of_the_processes_of_a_pool_one_serves_and_another_goes_on(tmp_path: Path) -> None:
    port = free_port(HOST)
    with running(begun(tmp_path, port, "one")) as one, running(begun(tmp_path, port, "two")) as two:
        until(lambda: "leadhub_refused_total 4.0" in answer(port)[1], what="the figures of both")
        one.kill()
        one.wait()
        until(lambda: "leadhub_refused_total 4.0" in answer(port)[1], what="the figures by the other")
        two.kill()
        said = [process.stderr.read() for process in (one, two) if process.stderr]
    assert "metrics.unavailable" not in "".join(said)


def test_a_port_that_is_taken_is_had_once_it_is_free(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with silent() as port:
            service = stack.enter_context(running(begun(tmp_path, port, "one")))
            assert service.stderr is not None
            assert "metrics.unavailable" in service.stderr.readline()
        until(lambda: answer(port)[0] == 200, what="the metrics")
