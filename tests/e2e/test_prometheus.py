"""Debian's Prometheus scrapes a running LeadHub: every query of every dashboard and every alert rule answers."""

import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.dashboards import dashboard_queries
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.extended]

CONFIGURATION = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - {{job_name: leadhub, static_configs: [{{targets: ["{target}"]}}]}}
"""


@contextmanager
def prometheus(folder: Path, metrics_url: str) -> Iterator[str]:
    """The URL of a Prometheus of the test's own, which scrapes that address."""
    if not shutil.which("prometheus"):
        pytest.skip("there is no prometheus here")
    port, target = free_port("127.0.0.1"), urllib.parse.urlsplit(metrics_url).netloc
    config = folder / "prometheus.yml"
    config.write_text(CONFIGURATION.format(rules=PROJECT_ROOT / "deploy" / "alerts.yml", target=target))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, cwd=folder
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def read_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return orjson.loads(answer.read())


def query(base: str, expression: str) -> list[Any]:
    """The series of an expression. HTTPError 400 if Prometheus cannot read it."""
    found = read_json(f"{base}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert found["status"] == "success"
    return list(found["data"]["result"])


def is_ready(base: str) -> bool:
    try:
        return bool(query(base, "leadhub_workers"))
    except urllib.error.HTTPError as error:
        return bool(error.code != 503)
    except OSError:
        return False


@contextmanager
def subscription(stack: Stack) -> Iterator[None]:
    """A webhook that is tried and fails: its receiver does not exist."""
    headers = {**stack.headers, "Content-Type": "application/json"}
    body = orjson.dumps({"url": "https://receiver.invalid/hook", "events": ["lead.created", "lead.updated"]})
    with urllib.request.urlopen(
        urllib.request.Request(f"{stack.base}/api/v1/webhooks", body, headers), timeout=20
    ) as answer:
        id_ = orjson.loads(answer.read())["data"]["id"]
    try:
        yield
    finally:
        gone = urllib.request.Request(f"{stack.base}/api/v1/webhooks/{id_}", None, stack.headers, method="DELETE")
        urllib.request.urlopen(gone, timeout=20).close()


@contextmanager
def leads_coming(stack: Stack) -> Iterator[None]:
    stopping = threading.Event()

    def post() -> None:
        number = 0
        while not stopping.wait(0.1):
            number += 1
            body = orjson.dumps({"email": f"watched{number}@example.com"})
            headers = {**stack.headers, "Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(stack.inbound, body, headers), timeout=20).close()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)


def test_every_query_returns_series_and_no_alert_fires(stack: Stack, tmp_path: Path) -> None:
    with prometheus(tmp_path, stack.metrics) as base, subscription(stack), leads_coming(stack):
        until(lambda: is_ready(base), 30, "Prometheus with LeadHub's metrics")
        missing = dict(dashboard_queries_by_place())

        def all_return_series() -> bool:
            for place, expression in list(missing.items()):
                if query(base, expression):
                    del missing[place]
            return not missing

        try:
            until(all_return_series, 30, "series for every query")
        finally:
            assert missing == {}
        rules = [rule for group in read_json(f"{base}/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        assert float(query(base, "sum(abs(leadhub_unaccounted))")[0]["value"][1]) == 0
        assert float(query(base, "max(leadhub_postgresql_up)")[0]["value"][1]) == 1


def dashboard_queries_by_place() -> Iterator[tuple[str, str]]:
    for number, (place, expression) in enumerate(dashboard_queries()):
        yield f"{number} {place}", expression
