"""The Python client against a running LeadHub: it creates, reads, walks, waits, and survives a restart."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from leadhub_client import (
    AsyncLeadHub,
    ConnectionFailed,
    LeadHub,
    NotFound,
    RateLimited,
    RetryPolicy,
    Unauthorized,
    ValidationFailed,
    __version__,
)
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.conftest import WALKED_LEADS, Site
from tests.support.receivers import Receiver, receiving
from tests.support.waiting import until

PACKAGE = PROJECT_ROOT / "integrations" / "python"
PATIENT = RetryPolicy(retries=40, longest_wait=3600)


def test_a_lead_is_created_once_and_read(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        created = client.submit_lead({"email": "grace@example.com", "first_name": "Grace"}, wait=30)
        assert (created["status"], created["is_duplicate"]) == ("created", False)
        again = client.submit_lead({"email": "GRACE@example.com", "tags": ["vip"]}, wait=30)
        assert (again["lead_id"], again["is_duplicate"]) == (created["lead_id"], True)
        assert created["lead_id"] is not None
        lead = client.leads.get(created["lead_id"])
        assert (lead["first_name"], lead["tags"]) == ("Grace", ["vip"])
        assert client.leads.update(lead["id"], {"status": "qualified"})["status"] == "qualified"
        assert [found["id"] for found in client.leads.list(tag="vip")] == [lead["id"]]
        assert client.leads.list(email="nobody@example.com").first() is None
        client.leads.delete(lead["id"])
        with pytest.raises(NotFound):
            client.leads.get(lead["id"])


def test_a_repeat_under_the_same_key_changes_nothing(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        answers = [
            client.submit_lead({"email": "barbara@example.com"}, idempotency_key="order-17", wait=30) for _ in range(2)
        ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("tag", [".", "..", "...", "a/../b", "%2e%2e"])
def test_a_tag_that_looks_like_a_path_is_removed_and_its_lead_stays(site: Site, tag: str) -> None:
    with LeadHub(site.url, site.key) as client:
        lead_id = client.submit_lead({"email": "dots@example.com", "tags": [tag, "kept"]}, wait=30)["lead_id"]
        assert lead_id is not None
        assert client.leads.remove_tag(lead_id, tag)["tags"] == ["kept"]
        assert client.leads.get(lead_id)["tags"] == ["kept"]


def test_what_is_tried_is_not_stored(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        assert client.try_lead({"email": "tried@example.com"})["status"] == "dry_run"
        assert client.leads.list(email="tried@example.com").count() == 0


def test_a_bad_lead_of_a_batch_fails_alone(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        results = client.submit_leads([{"email": "kay@example.com"}, {"email": "no address"}], wait=30)
    assert [result["status"] for result in results] == ["created", "invalid"]
    assert list(results[1]["errors"]) == ["email"]


def test_a_form_is_filled_in(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        form = client.forms.create(
            {"name": "Prices", "fields": [{"key": "mail", "label": "E-mail", "type": "email", "maps_to": "email"}]}
        )
        assert client.submit_form(form["id"], {"mail": "mary@example.com"}, wait=30)["status"] == "created"
        assert client.forms.list_submissions(form["id"]).count() == 1


def test_a_file_is_imported(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        started = client.import_leads("people.csv", b"First name,E-mail\nDorothy,dorothy@example.com\n")
        until(lambda: client.imports.get(started["id"])["state"] == "done", 60, "the import")
        assert client.leads.list(email="dorothy@example.com").count() == 1
        assert b"dorothy@example.com" in client.leads.export(email="dorothy@example.com", format="csv")


def test_errors_say_what_is_wrong(site: Site) -> None:
    with LeadHub(site.url, site.key) as client, pytest.raises(ValidationFailed) as raised:
        client.leads.create({"first_name": "Ada", "email": "no address", "status": "new", "pipeline_id": 10**6})
    error = raised.value
    assert (error.status, error.code) == (422, "VALIDATION_FAILED")
    assert set(error.errors) == {"email", "pipeline_id"}
    assert error.request_id
    assert "email" in str(error)
    with LeadHub(site.url, "lh_wrong") as stranger, pytest.raises(Unauthorized):
        stranger.me()


def test_all_leads_are_walked_once(site: Site) -> None:
    with LeadHub(site.url, site.key) as client:
        found = [lead["id"] for lead in client.leads.list(source=site.thousand)]
    assert len(found) == len(set(found)) == WALKED_LEADS


async def test_all_leads_are_walked_once_page_by_page(site: Site) -> None:
    async with AsyncLeadHub(site.url, site.key) as client:
        sizes = [len(page) async for page in client.leads.list(source=site.thousand, per_page=90).pages()]
        assert sizes == [90] * 11 + [10]
        first = await client.leads.list(source=site.thousand, sort="created_at", direction="asc").first()
    assert first is not None
    assert first["source"] == site.thousand


@pytest.mark.usefixtures("one_hour")
def test_a_used_up_key_is_waited_for(site: Site) -> None:
    key, key_id = site.make_key(rate_limit=2)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        with LeadHub(site.url, site.key) as admin:
            admin.api_keys.update(key_id, {"rate_limit": 1000})
        time.sleep(0.25)  # the service may know the old limit for a while

    with LeadHub(site.url, key, policy=PATIENT, sleep=sleep) as client:
        assert [client.me()["name"] for _ in range(4)] == ["tests"] * 4
    assert waits
    assert all(0 < seconds <= 3600 for seconds in waits)


@pytest.mark.usefixtures("one_hour")
def test_a_wait_that_is_too_long_is_the_callers(site: Site) -> None:
    key, _ = site.make_key(rate_limit=1)
    with LeadHub(site.url, key) as client:
        client.me()
        with pytest.raises(RateLimited) as raised:
            client.me()
    assert 60 < (raised.value.retry_after or 0) <= 3600


async def test_no_lead_is_lost_or_doubled_by_a_restart(settled_site: Site) -> None:
    async with AsyncLeadHub(settled_site.url, settled_site.key, policy=PATIENT) as client:
        await client.tenant()
        sending = [
            asyncio.create_task(client.submit_lead({"email": f"restart-{number}@example.com", "source": "restart"}))
            for number in range(40)
        ]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        settled_site.stack.kill("gateway")
        results = await asyncio.gather(*sending)
    settled_site.stack.until_settled()
    assert len({result["submission_id"] for result in results}) == 40
    until(lambda: settled_site.count("restart") == 40, 60, "40 leads")


def test_a_restart_between_two_leads_is_not_noticed(settled_site: Site) -> None:
    with LeadHub(settled_site.url, settled_site.key, policy=PATIENT) as client:
        client.submit_lead({"email": "before@example.com"})
        killing = threading.Thread(target=settled_site.stack.kill, args=("gateway",))
        killing.start()
        killing.join()
        assert client.submit_lead({"email": "after@example.com"})["status"] in ("created", "accepted")


def test_no_answer_is_an_error_of_its_own() -> None:
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    with LeadHub(url, "lh_key", policy=RetryPolicy(retries=0)) as client, pytest.raises(ConnectionFailed):
        client.health()


async def test_requests_say_who_sends_them_and_only_repeatable_ones_are_repeated() -> None:
    async with receiving() as receiver:
        receiver.status(503)
        waits = await asyncio.to_thread(call_a_server_that_is_away, receiver)
    sent = [request.path for request in receiver.requests]
    assert sent == ["/api/v1/leads/7", *["/api/v1/health"] * 3]
    assert receiver.requests[0].headers["User-Agent"] == f"leadhub-client-python/{__version__}"
    assert [0.25 <= waits[0] <= 0.5, 0.5 <= waits[1] <= 1.0] == [True, True]


def call_a_server_that_is_away(receiver: Receiver) -> list[float]:
    """Change a lead, which is not repeated, and read, which is; return the pauses."""
    waits: list[float] = []
    with LeadHub(receiver.url, "lh_key", policy=RetryPolicy(retries=2), sleep=waits.append) as client:
        for call in (lambda: client.leads.update(7, {"status": "lost"}), client.health):
            with pytest.raises(Exception, match="503"):
                call()
    return waits


def test_a_wrong_address_or_key_is_refused_at_once() -> None:
    for url, key in (("crm.example.com", "lh_key"), ("https://crm.example.com", "key"), ("ftp://x", "lh_key")):
        with pytest.raises(ValueError):
            LeadHub(url, key)


async def test_an_own_httpx_client_is_used() -> None:
    async with receiving() as receiver, httpx.AsyncClient(headers={"X-Own": "yes"}) as own:
        await AsyncLeadHub(f"{receiver.url}/", "lh_key", client=own).request("GET", "/api/v1/health")
    assert receiver.requests[0].headers["X-Own"] == "yes"
    assert receiver.requests[0].headers["Authorization"] == "Bearer lh_key"


def test_lines_of_the_page_run(site: Site, tmp_path: Path) -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (lines, _) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    lines = lines.replace("http://127.0.0.1:8000", site.url).replace("lh_your_api_key_here", site.key)
    program = tmp_path / "five_lines.py"
    program.write_text(lines.replace('list(source="website"', 'list(source="walked"'), encoding="utf-8")
    command = [sys.executable, str(program)]
    found = subprocess.run(
        command, env={"PYTHONPATH": str(PACKAGE / "src")}, capture_output=True, text=True, check=False, timeout=120
    )
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 1 + WALKED_LEADS
