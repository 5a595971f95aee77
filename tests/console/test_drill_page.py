"""Drill: operators see the certificates of the data dir and how far a drill is, start one and stop it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.drill.drill_copy import START_TIMEOUT_SECONDS
from cli.drill.drill_run import FOLDER_PREFIX
from cli.drill.requested_drills import INTERRUPTED_MESSAGE
from shared.operations.drill_certificates import read_certificates, save_certificate
from shared.operations.drill_progress import ENDED_PHASE, find_current_drill, note_progress
from shared.operations.drill_requests import forget_stop, read_requested_drill, read_stop
from tests.support.console import Reader, console_client, make_readers
from tests.support.drill_samples import sample_certificate, sample_progress
from tests.support.stack import Stack
from tests.support.waiting import until, until_async

DRILL = "/console/main/settings/system/drill"
STOP = f"{DRILL}/stop"
LOAD_LINE, STOPPED_WORDS = "load without a fault", "the drill was stopped on the console at"
ENTRIES_SQL = """
SELECT action, outcome, status FROM audit_log
WHERE action LIKE 'drill.%%' AND actor_id = %s AND at >= %s ORDER BY id
"""
FIRST_TIME = datetime(2099, 12, 2, 10, tzinfo=UTC)  # newer than any drill that another test ran


@pytest.fixture
def certificates(shared_stack: Stack) -> Iterator[None]:
    """Two certificates in the data dir: the newest one lost a lead."""
    paths = [
        save_certificate(shared_stack.folder, sample_certificate(FIRST_TIME + timedelta(hours=lost), lost=lost))
        for lost in (0, 1)
    ]
    yield
    for path in paths:
        path.unlink()


@pytest.fixture
def running_drill(shared_stack: Stack) -> Iterator[None]:
    """A drill that somebody started on the machine: what it says each second."""
    note_progress(shared_stack.folder, sample_progress("kill -9 broker"))
    yield
    note_progress(shared_stack.folder, sample_progress(ENDED_PHASE))
    forget_stop(shared_stack.folder)


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def stop_form(stack: Stack) -> dict[str, str]:
    """What the question of a stop sends."""
    current = find_current_drill(stack.folder)
    assert current
    return {"since": current.since.isoformat()}


async def entries_of(stack: Stack, reader: Reader, since: datetime, count: int) -> list[tuple[str, str, int]]:
    """The entries of the audit log, as soon as there are so many."""

    async def read() -> list[tuple[str, str, int]]:
        with stack.database() as database:
            return database.execute(ENTRIES_SQL, (reader.account_id, since)).fetchall()

    async def are_there() -> bool:
        return len(await read()) >= count

    await until_async(are_there, what="the entries of the audit log")
    return await read()


@pytest.mark.usefixtures("certificates")
async def test_newest_drill_is_judged_and_earlier_ones_are_listed(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        page = (await client.get(DRILL)).text
        assert "The last drill failed." in page
        words = words_of(page)
        assert "Accepted 3,600, lost 1, doubled 0" in words
        assert "the database was killed 540 2 1" in words
        assert "Earlier drills" in words
        assert "./leadhub drill --minutes 3 --rate 20" in page
        assert f'href="{DRILL}"' in (await client.get("/console/main/settings/system")).text


async def test_page_without_a_drill_says_the_command(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        assert "<code" in (page := (await client.get(DRILL)).text)
        assert "./leadhub drill" in page


@pytest.mark.usefixtures("certificates")
async def test_drill_is_for_operators(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        refused = await client.get(DRILL)
        asked = await client.post(DRILL, {"minutes": "3"})
    assert (refused.status, "3,600" in refused.text) == (403, False)
    assert asked.status == 403
    assert read_requested_drill(shared_stack.folder) is None


async def test_operator_is_asked_how_long_a_drill_lasts(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        assert f'href="{DRILL}?start=1"' in (await client.get(DRILL)).text
        page = (await client.get(f"{DRILL}?start=1")).text
        unsaid = [await client.post(DRILL, form) for form in ({}, {"minutes": "4"}, {"minutes": "3h"})]
    assert re.findall(r'<option value="(\d+)"', page)[-4:] == ["3", "9", "15", "30"]
    assert [(answer.status, "Run the drill" in answer.text) for answer in unsaid] == [(422, True)] * 3
    assert read_requested_drill(shared_stack.folder) is None


@pytest.mark.usefixtures("running_drill")
async def test_page_says_how_far_the_drill_is(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        page = (await client.get(DRILL)).text
        question = (await client.get(f"{DRILL}?stop=1")).text
    words = words_of(page)
    assert "29% The broker is killed, and posts go on. Round 2 of 3" in words
    assert "1:05 elapsed 3:40 expected 1,234 accepted 7 sent again" in words
    assert "It was started on the machine at" in words
    assert re.search(r'<progress[^>]*\bvalue="29.5"', page)
    assert f'data-live-stream="{DRILL}/live"' in page
    assert f'href="{DRILL}?stop=1"' in page
    assert f'href="{DRILL}?start=1"' not in page
    assert f'action="{STOP}"' in question


@pytest.mark.usefixtures("running_drill")
async def test_operator_stops_the_drill_once(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    since = datetime.now(UTC)
    form = stop_form(shared_stack)
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        assert f'name="since" value="{form["since"]}"' in (await client.get(f"{DRILL}?stop=1")).text
        assert (await client.post(STOP, form)).status == 303
        page = words_of((await client.get(DRILL)).text)
        assert "The drill is being stopped." in page
        assert "Stopped by Ada Lovelace at" in page
        assert "Stop the drill…" not in page
        assert (await client.post(STOP, form)).status == 409
        note_progress(shared_stack.folder, sample_progress(ENDED_PHASE))
        page = words_of((await client.get(DRILL)).text)
        assert "The last drill was stopped." in page
        assert "Stopped by Ada Lovelace at" in page
        assert "Nothing was stopped: no drill runs." in (await client.post(STOP, form)).text
    assert await entries_of(shared_stack, readers["operator"], since, 3) == [
        ("drill.stopped", "done", 303),
        ("drill.stopped", "refused", 409),
        ("drill.stopped", "refused", 409),
    ]


@pytest.mark.usefixtures("running_drill")
async def test_the_question_of_an_ended_drill_stops_no_later_one(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    ended = stop_form(shared_stack)
    note_progress(shared_stack.folder, sample_progress("kill -9 broker", seconds=5))
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        for form in (ended, {}):
            answer = await client.post(STOP, form)
            assert (answer.status, "another drill runs by now" in answer.text) == (409, True)
        assert read_stop(shared_stack.folder) is None
        assert (await client.post(STOP, stop_form(shared_stack))).status == 303


@pytest.mark.usefixtures("running_drill")
async def test_a_start_that_is_refused_is_logged_as_refused(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    since = datetime.now(UTC)
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        answer = await client.post(DRILL, {"minutes": "3"})
    assert (answer.status, "A drill is under way already." in answer.text) == (409, True)
    assert await entries_of(shared_stack, readers["operator"], since, 1) == [("drill.started", "refused", 409)]
    assert read_requested_drill(shared_stack.folder) is None


@pytest.mark.usefixtures("running_drill")
async def test_only_operators_stop_a_drill_and_only_by_the_consoles_form(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    since = datetime.now(UTC)
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        started, stopped = await client.post(DRILL, {"minutes": "3"}), await client.post(STOP)
    assert (started.status, stopped.status) == (403, 403)
    assert await entries_of(shared_stack, readers["admin"], since, 2) == [
        ("drill.started", "refused", 403),
        ("drill.stopped", "refused", 403),
    ]
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        assert (await client.post(STOP, Origin="http://evil.test")).status == 403
    assert read_stop(shared_stack.folder) is None


@pytest.mark.usefixtures("certificates")
async def test_certificate_is_in_the_readers_language(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        english = (await client.get(DRILL)).text
        arabic = (await client.get(DRILL, **{"Accept-Language": "ar"})).text
    assert "Usual values: the installation had no traffic in the last hour." in english
    assert "the same version: no other one was given" in english
    assert "قيم معتادة: لم يصل شيء إلى التثبيت في الساعة الأخيرة." in arabic
    assert "الإصدار نفسه: لم يُعطَ إصدار آخر" in arabic
    assert "no other one was given" not in arabic


@pytest.mark.extended
async def test_drill_of_the_console_is_stopped_there(stack: Stack) -> None:
    """It takes a minute: the copy goes, nothing is certified, and the drill itself says who stopped it."""
    reader = (await make_readers(stack.database_url))["operator"]
    log = stack.folder / "logs" / "drill.log"
    async with console_client(stack.base, reader.email) as client:
        assert (await client.post(DRILL, {"minutes": "3"})).status == 303
        until(lambda: log.exists() and LOAD_LINE in log.read_text(), START_TIMEOUT_SECONDS, what="the drill's load")
        assert "Posts come, and nothing is killed yet." in (await client.get(DRILL)).text
        assert (await client.post(STOP, stop_form(stack))).status == 303
        until(lambda: STOPPED_WORDS in log.read_text(), START_TIMEOUT_SECONDS, what="the end of the drill")
        until(lambda: read_requested_drill(stack.folder) is None, what="that `up` notes it")
        assert "The last drill was stopped." in (await client.get(DRILL)).text
    assert read_certificates(stack.folder) == []
    assert list(stack.folder.parent.glob(f"{FOLDER_PREFIX}*")) == []


@pytest.mark.extended
async def test_drill_of_the_console_runs_and_ends_with_the_service(stack: Stack) -> None:
    """It takes a minute: a copy starts, posts come to it, and the stop of the service removes it."""
    reader = (await make_readers(stack.database_url))["operator"]
    async with console_client(stack.base, reader.email) as client:
        answer = await client.post(DRILL, {"minutes": "3"})
        assert answer.status in (200, 303)
        assert "under way" in (await client.get(DRILL)).text
        assert f'href="{DRILL}?start=1"' not in (await client.get(DRILL)).text
        await client.post(DRILL, {"minutes": "30"})
        log = stack.folder / "logs" / "drill.log"
        until(lambda: log.exists() and LOAD_LINE in log.read_text(), START_TIMEOUT_SECONDS, what="the drill's load")
    stack.stop()
    assert list(stack.folder.parent.glob(f"{FOLDER_PREFIX}*")) == []
    stack.start()
    async with console_client(stack.base, reader.email) as client:
        page = (await client.get(DRILL)).text
    assert INTERRUPTED_MESSAGE in page
    assert f'href="{DRILL}?start=1"' in page
