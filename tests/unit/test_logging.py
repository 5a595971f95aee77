"""What libraries say of an exception is told without its message, which may quote a person."""

import json
import subprocess
import sys

import pytest

from embedded.process import PROJECT_ROOT
from shared.service_app.access_log import AccessLog

pytestmark = pytest.mark.unit
FIRST = ["timestamp", "level", "event"]

TASK = """
from celery import Celery
from celery.app.trace import build_tracer
from shared.platform.observability import logging

logging.configure_logging("worker")
app = Celery("tests", broker="memory://")

@app.task(name="fail", ignore_result=True)
def fail():
    raise ValueError("Key (value)=(ada@example.com) already exists.")

build_tracer("fail", fail, app=app)("id", (), {}, {"id": "id", "delivery_info": {}})
"""
FORGOTTEN = """
import asyncio
from shared.platform.observability import logging

logging.configure_logging("gateway")

async def fail():
    raise ValueError("Key (value)=(ada@example.com) already exists.")

async def main():
    task = asyncio.create_task(fail())
    await asyncio.wait({task})

asyncio.run(main())
"""


@pytest.mark.parametrize(("program", "logger"), [(TASK, "celery.app.trace"), (FORGOTTEN, "asyncio")])
def test_an_exception_that_a_library_logs_is_told_by_kind_and_place(program: str, logger: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, check=True, timeout=60
    )
    assert b"ada" not in done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (line["logger"], line["level"]) == (logger, "error")
    assert line["exception"][0]["type"] == "ValueError"
    assert any(where.endswith(" fail") for where in line["exception"][0]["at"])
    assert list(line)[:3] == FIRST


async def test_access_log_line_begins_like_every_other_line(capfd: pytest.CaptureFixture[str]) -> None:
    log = AccessLog("gateway", lines=True)
    log.record_request("GET", "/api/v1/health", 200, 0.001, None, {"request_id": "r"})
    log.write_buffered()
    line = json.loads(capfd.readouterr().err)
    assert list(line)[:3] == FIRST
    assert (line["event"], line["level"], line["request_id"]) == ("request", "info", "r")
