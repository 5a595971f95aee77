"""Bulk jobs in the console: confirmed by their exact count, watched, steered, and never for more than was confirmed."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.support.console_jobs import (
    CONFIRM,
    JobsReader,
    add_rows,
    hidden_fields,
    ledger,
    set_states,
    shows,
    signed_in,
    states_of,
    submission_ids,
)
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def reader(shared_stack: Stack) -> AsyncIterator[JobsReader]:
    async with AsyncExitStack() as exits:
        yield await exits.enter_async_context(signed_in(shared_stack, "manager"))


async def test_a_job_takes_exactly_what_was_confirmed_and_its_ledger_adds_up(
    shared_stack: Stack, reader: JobsReader
) -> None:
    source = f"bulk-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 30)
    query = f"kind=replay&source={source}"
    shown = await reader.get(f"{CONFIRM}?{query}")
    assert "Replay 30" in shown.text
    assert source in shown.text
    assert "would make a new lead" in shown.text
    assert 'class="push state waiting"' in shown.text  # it may die again
    assert "novalidate" in shown.text  # what is missing is said at its field, in the reader's language
    assert "<script>alert" not in shown.text
    path = f"{CONFIRM}?{query}"
    fields = hidden_fields(shown.text)
    assert (await reader.post(path, **fields, reason=" ")).status == 422  # a reason is needed
    assert (await reader.post(path, **fields, reason="x", rate="fast")).status == 422

    add_rows(shared_stack, source, 2)  # meanwhile
    again = await reader.post(path, **fields, reason="token <i>expired</i>", rate="fast")
    assert again.status == 422
    assert hidden_fields(again.text) == fields  # the set of the first look
    assert "token &lt;i&gt;expired&lt;/i&gt;" in again.text  # what was typed is kept
    started = await reader.post(path, **hidden_fields(again.text), reason="token <i>", rate="")
    assert started.status == 303, started.text
    await until_async(shows(reader, started.location, lambda page: ledger(page)["Done"] == 30), what="the job")
    page = (await reader.get(started.location)).text
    assert ledger(page) == {
        **{"Asked for": 30, "Done": 30, "Died again": 0, "Held": 0, "Waiting": 0},
        "Unaccounted": 0,
    }
    assert "Ada &lt;b&gt;Lovelace" in page
    await until_async(lambda: states_of(shared_stack, source) == {"done": 30, "dead": 2}, what="the replay")
    listed = (await reader.get("/console/main/jobs")).text
    assert "Replay 30 submissions" in listed
    assert "token &lt;i&gt;" in listed


async def test_a_running_job_is_paced_paused_and_the_rest_cancelled(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"pace-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 200)
    job = await reader.start(f"kind=replay&source={source}", rate="1")
    running = await reader.get(job)
    assert re.search(r'name="rate"[^>]* value="1"', running.text)
    assert '<span class="figure">1</span>' in running.text  # the navigation counts it
    assert (await reader.post(f"{job}/rate", rate="0")).status == 422
    assert (await reader.post(f"{job}/rate", rate="100")).status == 303
    await until_async(shows(reader, job, lambda page: ledger(page)["Done"] >= 20), what="the new rate")
    assert (await reader.post(f"{job}/pause")).status == 303
    paused = (await reader.get(job)).text
    assert "paused: nothing is done until somebody resumes it" in paused
    assert ledger(paused)["To go"] > 0
    assert "are still to go" in (await reader.get(f"{job}?cancel=1")).text
    assert (await reader.post(f"{job}/cancel")).status == 303
    ended = ledger((await reader.get(job)).text)
    assert ended.pop("Left as they are") > 0
    assert (ended.pop("Asked for"), ended.pop("Unaccounted")) == (200, 0)
    assert 20 <= sum(ended.values()) < 200
    assert (await reader.post(f"{job}/resume")).status == 303
    assert "had ended already" in (await reader.get(job)).text
    left = await reader.get(f"{job}?outcome=to_go")
    assert "without a name" not in left.text
    assert "&lt;script&gt;" in left.text


async def test_a_replay_tells_what_became_of_its_rows(shared_stack: Stack, reader: JobsReader) -> None:
    """A row that was replayed is no row that is done: the page, the list and the file say how it stands."""
    source = f"fate-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 4)
    job = await reader.start(f"kind=replay&source={source}")
    await until_async(shows(reader, job, lambda page: ledger(page)["Done"] == 4), what="the verdicts")
    assert "All 4 are done." in (await reader.get(job)).text
    [first, second, *_] = submission_ids(shared_stack, source)
    set_states(shared_stack, {first: "dead", second: "quarantined"})

    page = (await reader.get(job)).text
    assert "1 of 4 died again." in page
    assert ledger(page) == {
        **{"Asked for": 4, "Done": 2, "Died again": 1, "Held": 1, "Waiting": 0},
        "Unaccounted": 0,
    }
    assert re.findall(r'<rect class="([^"]+)"[^>]* width="([1-9][\d.]*)"', page)[:3] == [
        ("c-out", "50.00"),
        ("c-bad", "25.00"),
        ("c-held", "25.00"),
    ]
    assert page.count('id="row-') == 1  # those that died again are listed first
    assert 'id="row-' in (await reader.get(f"{job}?outcome=held")).text
    listed = (await reader.get("/console/main/jobs")).text
    assert "1 died again" in listed
    assert "2 of 4" in listed
    file = (await reader.get(f"{job}/outcomes.csv")).text
    assert sorted(re.findall(r",(done|died_again|held),", file)) == ["died_again", "done", "done", "held"]

    [again] = re.findall(r'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?Replay this 1…', page)
    confirmation = (await reader.get(again.replace("&amp;", "&"))).text
    assert hidden_fields(confirmation)["confirmed"] == "1"


async def test_spam_is_marked_only_with_the_number_typed(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"spam-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 3, "quarantined")
    query = f"kind=reject&source={source}"
    path, fields = f"{CONFIRM}?{query}", await reader.hidden_fields(query)
    assert (await reader.post(path, **fields, reason="spam")).status == 422
    assert (await reader.post(path, **fields, reason="spam", typed="4")).status == 422
    job = (await reader.post(path, **fields, reason="spam", typed="3")).location
    await until_async(shows(reader, job, lambda page: ledger(page)["Done"] == 3), what="the job")
    assert "Nothing matches" in (await reader.get(path)).text


async def test_a_filter_that_cannot_be_read_lets_nothing_match(reader: JobsReader) -> None:
    for query in (
        "kind=replay&sorce=meta",
        "kind=replay&lead_id=x",
        "kind=replay&state=done",
        "kind=replay&received_after=never",
        "kind=replay&ids=1,2",
        "kind=deliveries&ids=x",
        "kind=replay&changes=%7B",
        "kind=replay&changes=%5B%7B%22op%22%3A%22set%22%2C%22field%22%3A%22a%22%7D%5D",
    ):
        answer = await reader.get(f"{CONFIRM}?{query}")
        assert (answer.status, "cannot be read" in answer.text) == (422, True), query
        posted = await reader.post(f"{CONFIRM}?{query}", confirmed="1", reason="x")
        assert (posted.status, "cannot be read" in posted.text) == (422, True), query
    assert (await reader.get(f"{CONFIRM}?kind=erase")).status == 404
    assert (await reader.get("/console/main/jobs/999999999")).status == 404
    assert (await reader.get("/console/main/jobs/x")).status == 404


async def test_those_who_may_not_steer_see_jobs_without_persons_and_change_none(
    shared_stack: Stack, reader: JobsReader
) -> None:
    source = f"seen-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 5, name="Zebedee")
    query = f"kind=replay&source={source}"
    fields = await reader.hidden_fields(query)
    job = await reader.start(query, rate="1")
    async with signed_in(shared_stack, "read_only") as other:
        seen = (await other.get(f"{job}?outcome=all")).text
        assert ledger(seen)["Asked for"] == 5
        assert "Zebedee" not in seen
        assert f"{source}1@example.com" not in seen
        assert "/cancel" not in seen
        assert "Zebedee" in (await reader.get(f"{job}?outcome=all")).text
        for action in ("pause", "resume", "cancel", "rate"):
            assert (await other.post(f"{job}/{action}")).status == 403
        assert (await other.get(f"{CONFIRM}?{query}")).status == 403
        assert (await other.post(f"{CONFIRM}?{query}", **fields, reason="x")).status == 403
    await reader.post(f"{job}/cancel")


async def test_progress_streams_to_whoever_watches(shared_stack: Stack, reader: JobsReader) -> None:
    source = f"live-{secrets.token_hex(4)}"
    add_rows(shared_stack, source, 40)
    job = await reader.start(f"kind=replay&source={source}", rate="2")
    streamed = ""
    async with asyncio.timeout(60), reader.session.get(f"{reader.base}{job}/live") as stream:
        assert stream.content_type == "text/event-stream"
        async for line in stream.content:
            streamed += line.decode()
            if "live leads, beside it" in streamed:  # the chart of the pace: it needs figures of some seconds
                break
    assert "style=" not in streamed
    assert "Unaccounted" in streamed
    await reader.post(f"{job}/cancel")
