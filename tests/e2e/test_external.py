"""Real servers in place of the embedded ones: PostgreSQL 15 with Redis, and with RabbitMQ as the broker."""

import asyncio
import urllib.request
from pathlib import Path

import orjson
import psycopg
import pytest

from tests.support.external import listens
from tests.support.load import loaded
from tests.support.processes import pids_of
from tests.support.stack import running_stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import background, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.external]

REDIS = "redis://127.0.0.1:6379/13"
BROKERS = {
    "redis": (6379, {"LEADHUB_BROKER_URL": REDIS}),
    "rabbitmq": (5672, {"LEADHUB_BROKER_URL": "amqp://guest:guest@127.0.0.1:5672//", "LEADHUB_REDIS_URL": REDIS}),
}


@pytest.mark.parametrize("broker", first_in_tier(*BROKERS))
def test_a_lead_goes_through_external_servers(broker: str, external_database: str, tmp_path: Path) -> None:
    port, urls = BROKERS[broker]
    if not (listens(port) and listens(6379)):
        pytest.skip(f"no {broker} on its standard port")
    env = {"LEADHUB_DATABASE_URL": external_database, **urls}

    with running_stack(tmp_path / "data", env=env) as stack:
        answers = [post(stack.inbound, stack.headers, email) for email in ("ada@example.com", "ADA@example.com")]
        assert not pids_of(stack.pid, "postgres")
        assert not pids_of(stack.pid, "broker")

    assert [answer["is_duplicate"] for answer in answers] == [False, True]
    with psycopg.connect(external_database) as database:
        assert database.execute("SELECT count(*) FROM leads").fetchone() == (1,)


@pytest.mark.extended
async def test_workers_behind_rabbitmq_go_on_when_one_was_killed(tmp_path: Path) -> None:
    """The next life takes its hints, come back to the queue: else the sweeper ingests everything, and later."""
    port, urls = BROKERS["rabbitmq"]
    if not (listens(port) and listens(6379)):
        pytest.skip("no rabbitmq on its standard port")
    with running_stack(tmp_path / "data", env=urls) as stack:
        async with loaded(stack) as told:
            await told.more(200)
            await asyncio.to_thread(stack.kill, "worker")
            await told.more(800)
        async with background(stack.frozen("sweeper")):
            await until_async(lambda: asyncio.to_thread(stack.answers_201), 10, "a hint that reaches the worker")


def post(url: str, headers: dict[str, str], email: str) -> dict[str, object]:
    body = orjson.dumps({"email": email})
    request = urllib.request.Request(url, body, {**headers, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 201
        answer: dict[str, object] = orjson.loads(response.read())
    return answer
