"""Quarantine: held submissions are released, marked as spam, and taken many at once to their confirmation."""

import re
import secrets

import pytest

from services.console.quarantine.reads import COUNT_HELD_SQL
from tests.support.console_failures import add_submission, signed_in_reader, workspace_of
from tests.support.stack import Database, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

SPAM = {
    "score": 62,
    "reasons": [
        {"code": "honeypot", "points": 40, "text": "a <b>hidden</b> field was filled"},
        {"code": "links", "points": 22, "text": "4 links"},
    ],
}
UNCONFIRMED = {"score": 0, "reasons": [{"code": "unconfirmed", "points": 0, "text": "Its sender has not."}]}
HELD_SQL = "SELECT count(*) FROM submissions WHERE state = 'quarantined' AND rejected_at IS NULL"
STATE_SQL = "SELECT state, rejected_at IS NOT NULL FROM submissions WHERE id = %s"


async def test_held_ones_are_released_or_marked_as_spam(stack: Stack) -> None:
    source = f"held-{secrets.token_hex(6)}"
    with stack.database() as database:
        ids = [
            add_submission(database, "quarantined", {"email": f"{source}-{n}@example.com"}, source=source, spam=SPAM)
            for n in range(3)
        ]
        add_submission(database, "quarantined", ["no object"], source=source, spam={"score": "odd", "reasons": [1]})
    async with signed_in_reader(stack, "manager") as reader:
        _, shown = await reader.get("quarantine", source=source)
        assert "a &lt;b&gt;hidden&lt;/b&gt; field was filled" in shown
        assert "+40" in shown
        assert "Release the 4 that match" in shown
        assert (
            f"kind=release&amp;state=quarantined&amp;rejected=false&amp;unconfirmed=false&amp;source={source}" in shown
        )
        assert (await reader.send("POST", f"quarantine/{ids[0]}/release?source={source}"))[0] == 303
        until(lambda: _state_of(stack, ids[0]) == ("done", False), what="the lead of the one that was released")
        status, location = await reader.send("POST", f"quarantine/{ids[1]}/reject?source={source}")
        assert (status, location) == (303, f"/console/main/quarantine?source={source}")
        assert _state_of(stack, ids[1]) == ("quarantined", True)
        assert ids[1] not in (await reader.get("quarantine", source=source))[1]
        assert ids[1] in (await reader.get("quarantine", source=source, tab="rejected"))[1]
        chosen = ("kind", "release"), ("ids", ids[2]), ("ids", "no id"), ("ids", ids[1])
        query = "&".join(f"{name}={value}" for name, value in chosen)
        _, location = await reader.send("GET", f"quarantine/selected?{query}")
        assert location.endswith(f"jobs/confirm?kind=release&state=quarantined&rejected=false&ids={ids[2]}%2C{ids[1]}")
        assert (await reader.send("POST", f"quarantine/{ids[1]}/release"))[0] == 303  # also one that was rejected
        until(lambda: _state_of(stack, ids[1]) == ("done", False), what="the lead of the one that was rejected")


async def test_the_navigation_counts_those_that_wait_for_a_decision(stack: Stack) -> None:
    with stack.database() as database:
        ids = [add_submission(database, "quarantined", {"phone": "1"}, source="counted") for _ in range(2)]
        ((held,),) = database.execute(HELD_SQL).fetchall()
        plan = str(database.execute(f"EXPLAIN {COUNT_HELD_SQL}", {"workspace": workspace_of(database)}).fetchall())
    assert "Index Only Scan" in plan, plan
    async with signed_in_reader(stack, "manager") as reader:
        assert _counted(await reader.get("quarantine")) == held
        await reader.send("POST", f"quarantine/{ids[0]}/reject")
        assert _counted(await reader.get("quarantine")) == held - 1


def _count_held(database: Database) -> int:
    found: list[tuple[int]] = database.execute(COUNT_HELD_SQL, {"workspace": workspace_of(database)}).fetchall()
    return found[0][0]


def _counted(answer: tuple[int, str]) -> int:
    """The figure beside Quarantine in the navigation."""
    found = re.search(r'/quarantine"[^>]*>.*?<span class="figure">([\d,]+)</span>', answer[1], re.DOTALL)
    assert found, answer
    return int(found[1].replace(",", ""))


async def test_people_who_have_to_confirm_their_address_are_no_spam(stack: Stack) -> None:
    """They have a tab of their own, and what is done to all held ones leaves them alone."""
    source = f"opt-in-{secrets.token_hex(6)}"
    with stack.database() as database:
        before = _count_held(database)
        spam, waiting = [
            add_submission(database, "quarantined", {"email": f"{n}@{source}.example"}, source=source, spam=spam)
            for n, spam in enumerate((SPAM, UNCONFIRMED))
        ]
        assert _count_held(database) == before + 1
    async with signed_in_reader(stack, "manager") as reader:
        _, held = await reader.get("quarantine", source=source)
        assert (spam in held, waiting in held) == (True, False)
        for action in ("Mark the 1 that match as spam", "Release the 1 that match"):
            assert action in held
        _, shown = await reader.get("quarantine", source=source, tab="waiting")
        assert (spam in shown, waiting in shown) == (False, True)
        assert "jobs/confirm" not in shown
        for kind in ("release", "reject"):
            _, confirmation = await reader.get("jobs/confirm", kind=kind, state="quarantined", source=source)
            assert 'name="confirmed" value="1"' in confirmation
        assert (await reader.send("POST", f"quarantine/{waiting}/reject?tab=waiting"))[0] == 303
        assert waiting in (await reader.get("quarantine", source=source, tab="rejected"))[1]


async def test_held_ones_are_chosen_by_reason_and_source(stack: Stack) -> None:
    source = f"chosen-{secrets.token_hex(6)}"
    few = {"score": 22, "reasons": [{"code": "links", "points": 22, "text": "4 links"}]}
    with stack.database() as database:
        both, links = [
            add_submission(database, "quarantined", {"phone": str(n)}, source=source, spam=spam)
            for n, spam in enumerate((SPAM, few))
        ]
    async with signed_in_reader(stack, "manager") as reader:
        _, shown = await reader.get("quarantine", source=source, reason="honeypot")
        assert (both in shown, links in shown) == (True, False)
        assert "Release the 1 that match" in shown
        assert 'value="links"' in shown
        assert f'value="{source}" selected' in shown
        _, confirmation = await reader.get("jobs/confirm", kind="reject", source=source, spam_reason="honeypot")
        assert 'name="confirmed" value="1"' in confirmation
        assert "a hidden field was filled in" in confirmation


async def test_a_long_quarantine_is_read_page_by_page(stack: Stack) -> None:
    source = f"long-{secrets.token_hex(6)}"
    with stack.database() as database:
        ids = [add_submission(database, "quarantined", {"phone": "1"}, source=source) for _ in range(51)]
    async with signed_in_reader(stack, "read_only") as reader:
        _, first = await reader.get("quarantine", source=source)
        assert first.count("data-row>") == 50
        assert "51 are held" in first
        place = first.partition("older_than=")[2].partition('"')[0]
        _, second = await reader.get(f"quarantine?source={source}&older_than={place}")
        assert second.count("data-row>") == 1
        assert all((f"submissions/{id_}" in first) != (f"submissions/{id_}" in second) for id_ in ids)
        assert (await reader.get("quarantine", older_than="nonsense"))[0] == 200


async def test_a_reader_sees_no_address_in_the_reason_of_a_held_one(stack: Stack) -> None:
    source = f"ruled-{secrets.token_hex(6)}"
    texts = (
        *("A rule holds the email address “zebulon@quixworth.example”.", "A rule holds the word “Zebulon”."),
        "zebulon@quixworth.example was named by another version.",
    )
    reasons = [{"code": f"held_{n}", "points": 100, "text": text} for n, text in enumerate(texts)]
    with stack.database() as database:
        id_ = add_submission(
            database, "quarantined", {"phone": "1"}, source=source, spam={"score": 300, "reasons": reasons}
        )
    pages: dict[str, dict[str, str]] = {name: {"source": source} for name in ("quarantine", "submissions")}
    pages[f"submissions/{id_}"] = {}
    async with signed_in_reader(stack, "read_only") as reader, signed_in_reader(stack, "agent") as agent:
        for page, query in pages.items():
            _, shown = await reader.get(page, **query)
            assert "A rule holds the email address “…”" in shown, page
            assert not re.search("zebulon|quixworth", shown, re.IGNORECASE), page
            assert "zebulon@quixworth.example" in (await agent.get(page, **query))[1]


async def test_a_reader_sees_scores_without_persons_and_decides_nothing(stack: Stack) -> None:
    source = f"masked-{secrets.token_hex(6)}"
    payload = {"email": "zebulon@quixworth.example", "first_name": "Zebulon", "notes": "Call Zebulon"}
    with stack.database() as database:
        id_ = add_submission(database, "quarantined", payload, source=source, spam=SPAM)
    async with signed_in_reader(stack, "read_only") as reader:
        _, shown = await reader.get("quarantine", source=source)
        assert "4 links" in shown
        assert "Zebulon" not in shown
        assert "quixworth" not in shown
        for action in ("release", "reject"):
            assert (await reader.send("POST", f"quarantine/{id_}/{action}"))[0] == 403
    async with signed_in_reader(stack, "manager") as reader:
        for wanted in ("nonsense", "0190a000-0000-7000-8000-000000000000"):
            assert (await reader.send("POST", f"quarantine/{wanted}/release"))[0] == 404


def _state_of(stack: Stack, submission_id: str) -> tuple[str, bool] | None:
    with stack.database() as database:
        found = database.execute(STATE_SQL, (submission_id,)).fetchall()
    return (found[0][0], found[0][1]) if found else None
