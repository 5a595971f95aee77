"""The feed of events by the clients: a thousand events, each once and in order, also for a reader that failed once."""

import itertools
import secrets
import threading
from pathlib import Path
from typing import Any

import pytest

from leadhub_client import AsyncLeadHub, Gone, LeadHub
from tests.integrations.client_programs import PROGRAMS, built_typescript_client, run_program
from tests.integrations.conftest import Site, make_site
from tests.integrations.strange_answers import strange_answers
from tests.integrations.test_php_client import CLIENT, PHP, STRICT
from tests.support.stack import Stack
from tests.support.waiting import until

EVENTS = 1000
CREATED = "lead.created"
STOP = 250  # a reader fails amid its third answer
KEPT = 200  # the events of the two answers before
NEEDS_PHP = pytest.mark.skipif(PHP is None, reason="there is no php here")


@pytest.fixture(scope="module")
def feed_site(shared_stack: Stack) -> Site:
    """A workspace whose feed has a thousand events of created leads."""
    shared_stack.until_settled()
    site = make_site(shared_stack, "Feed")
    with LeadHub(site.url, site.key, tenant=site.slug) as client:
        assert list(client.events()) == []  # from here on they are recorded
        client.submit_leads([{"email": f"event-{number}@example.com"} for number in range(EVENTS)])
        until(lambda: len(list(client.events(types=CREATED))) == EVENTS, 120, "a thousand events")
    return site


@pytest.fixture
def php(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the PHP client's scenarios are run."""
    monkeypatch.setenv("CLIENT_FILE", str(CLIENT))
    return [str(PHP), *STRICT, str(PROGRAMS / "client.php")]


@pytest.fixture(scope="module")
def event_ids(feed_site: Site) -> list[str]:
    with LeadHub(feed_site.url, feed_site.key) as client:
        return [event["id"] for event in client.events(types=CREATED)][:EVENTS]


def test_python_reads_each_event_once_after_a_failure(feed_site: Site, event_ids: list[str]) -> None:
    with LeadHub(feed_site.url, feed_site.key) as client:
        feed = client.events(types=CREATED)
        first = [event["id"] for event in itertools.islice(feed, STOP)]
        others = client.events(feed.cursor, types=CREATED)
        rest = [event["id"] for event in others]
        assert (first, rest[: EVENTS - KEPT]) == (event_ids[:STOP], event_ids[KEPT:])
        assert [event["id"] for event in client.events(others.cursor, types=CREATED)] == []


async def test_python_reads_answer_by_answer(feed_site: Site) -> None:
    async with AsyncLeadHub(feed_site.url, feed_site.key) as client:
        sizes = [len(page) async for page in client.events(types=CREATED, limit=90).pages()]
    assert sizes[:11] == [90] * 11


def test_python_waits_for_what_comes(feed_site: Site) -> None:
    email = f"{secrets.token_hex(4)}@example.com"
    with LeadHub(feed_site.url, feed_site.key) as client:
        feed = client.events("now", types=CREATED, wait=1)
        sender = threading.Thread(target=submit_once_asked, args=(feed_site, feed, email))
        sender.start()
        event = next(iter(feed))
        sender.join()
    assert event["event"] == CREATED
    assert event["lead"] is not None
    assert event["lead"].get("email") == email


def test_python_misses_no_new_event_by_a_failure(feed_site: Site) -> None:
    is_read = threading.Event()
    sender = threading.Thread(target=submit_until, args=(feed_site, is_read))
    with LeadHub(feed_site.url, feed_site.key) as client:
        feed = client.events("now", types=CREATED, wait=25)
        sender.start()
        try:
            event = next(iter(feed))  # the reader fails amid its first answer
        finally:
            is_read.set()
            sender.join()
        assert feed.cursor != "now"
        assert next(iter(client.events(feed.cursor, types=CREATED)))["id"] == event["id"]


def submit_until(site: Site, is_read: threading.Event) -> None:
    """Send leads until the event of one of them was read."""
    with LeadHub(site.url, site.key) as client:
        while not is_read.wait(0.1):
            client.submit_lead({"email": f"{secrets.token_hex(4)}@example.com"})


def submit_once_asked(site: Site, feed: Any, email: str) -> None:
    """Send a lead when the feed's first answer has come, which held nothing."""
    until(lambda: feed.cursor != "now", 60, "the first answer")
    with LeadHub(site.url, site.key) as client:
        client.submit_lead({"email": email})


@pytest.fixture(scope="module")
def gone_cursor(shared_stack: Stack) -> tuple[Site, str]:
    """A cursor of a workspace whose only event is gone."""
    site = make_site(shared_stack, "Gone")
    with LeadHub(site.url, site.key) as client:
        feed = client.events()
        assert list(feed) == []
        client.submit_lead({"email": "gone@example.com"}, wait=30)
        until(lambda: list(client.events(feed.cursor)), 60, "the event")
        with shared_stack.database() as database:
            workspace_id = client.me()["workspace"]["id"]
            database.execute("UPDATE event_feeds SET expired_position = 1 WHERE workspace_id = %s", (workspace_id,))
    assert feed.cursor is not None
    return site, feed.cursor


def test_python_names_a_cursor_whose_events_are_gone(gone_cursor: tuple[Site, str]) -> None:
    site, cursor = gone_cursor
    with LeadHub(site.url, site.key) as client:
        with pytest.raises(Gone) as raised:
            list(client.events(cursor))
        assert list(client.events(raised.value.oldest_cursor)) == []


@pytest.mark.extended
def test_typescript_reads_each_event_once_after_a_failure(
    feed_site: Site, event_ids: list[str], tmp_path: Path
) -> None:
    reason = built_typescript_client(tmp_path)
    if reason:
        pytest.skip(reason)
    (tmp_path / "client.mjs").write_bytes((PROGRAMS / "client.mjs").read_bytes())
    found = run_program(["node", str(tmp_path / "client.mjs")], "events", settings_of(feed_site))
    assert (found["first"], found["rest"][: EVENTS - KEPT]) == (event_ids[:STOP], event_ids[KEPT:])
    assert found["sizes"][:11] == [90] * 11
    assert (found["waited"], found["refused"]["status"]) == (CREATED, 422)


@pytest.mark.extended
def test_typescript_misses_no_new_event_by_a_failure(feed_site: Site, tmp_path: Path) -> None:
    reason = built_typescript_client(tmp_path)
    if reason:
        pytest.skip(reason)
    (tmp_path / "client.mjs").write_bytes((PROGRAMS / "client.mjs").read_bytes())
    found = run_program(["node", str(tmp_path / "client.mjs")], "newEvents", settings_of(feed_site))
    assert found["cursor"] != "now"
    assert found["first"] == found["again"]


@pytest.mark.extended
@NEEDS_PHP
def test_php_reads_each_event_once_after_a_failure(php: list[str], feed_site: Site, event_ids: list[str]) -> None:
    found = run_program(php, "events", settings_of(feed_site))
    assert (found["first"], found["rest"][: EVENTS - KEPT]) == (event_ids[:STOP], event_ids[KEPT:])
    assert (found["same"], found["more"], found["sizes"][:11]) == (found["rest"], [], [90] * 11)


@pytest.mark.extended
@NEEDS_PHP
@pytest.mark.usefixtures("one_hour")
def test_php_goes_on_where_its_client_failed(php: list[str], feed_site: Site, event_ids: list[str]) -> None:
    limited, _ = feed_site.make_key(rate_limit=3)
    found = run_program(php, "refused_events", {**settings_of(feed_site), "limited": limited})
    assert (found["first"], found["rest"][: EVENTS - 300]) == (event_ids[:300], event_ids[300:])


@pytest.mark.extended
@NEEDS_PHP
def test_php_misses_no_new_event_by_a_failure(php: list[str], feed_site: Site) -> None:
    found = run_program(php, "new_events", settings_of(feed_site))
    assert len(found["first"]) == 1
    assert found["again"] == found["first"]


@pytest.mark.extended
@NEEDS_PHP
def test_php_names_a_cursor_whose_events_are_gone(php: list[str], gone_cursor: tuple[Site, str]) -> None:
    site, cursor = gone_cursor
    found = run_program(php, "gone_events", {**settings_of(site), "after": cursor})
    assert (found["status"], found["oldest"], found["rest"]) == (410, cursor.removesuffix("-0") + "-1", [])


@pytest.mark.extended
@NEEDS_PHP
def test_php_refuses_an_answer_without_a_cursor(php: list[str]) -> None:
    with strange_answers() as addresses:
        assert run_program(php, "strange_events", {"strange": addresses["circle"].replace("circle", "nothing")}) == (
            "no answer"
        )


def settings_of(site: Site) -> dict[str, Any]:
    return {"url": site.url, "key": site.key, "types": CREATED, "stop": STOP}
