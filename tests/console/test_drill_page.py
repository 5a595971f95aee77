"""Drill: operators see the certificates of the data dir, and the command for another."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.drill.drill_run import FOLDER_PREFIX
from cli.drill.requested_drills import INTERRUPTED_MESSAGE
from shared.operations.drill_certificates import save_certificate
from shared.operations.drill_requests import read_requested_drill
from tests.support.console import Reader, console_client, make_readers
from tests.support.drill_samples import sample_certificate
from tests.support.stack import Stack
from tests.support.waiting import until

DRILL = "/console/main/settings/system/drill"
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


@pytest.mark.usefixtures("certificates")
async def test_newest_drill_is_judged_and_earlier_ones_are_listed(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        page = (await client.get(DRILL)).text
        assert "The last drill failed." in page
        words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
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
        until(lambda: log.exists() and "posts a second for 180 s" in log.read_text(), what="the drill's load")
    stack.stop()
    assert list(stack.folder.parent.glob(f"{FOLDER_PREFIX}*")) == []
    stack.start()
    async with console_client(stack.base, reader.email) as client:
        page = (await client.get(DRILL)).text
    assert INTERRUPTED_MESSAGE in page
    assert f'href="{DRILL}?start=1"' in page
