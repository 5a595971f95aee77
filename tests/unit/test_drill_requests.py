"""Drills that are asked for in the console: the file between the console and `up`, and what `up` makes of it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.drill.requested_drills import INTERRUPTED_MESSAGE, RequestedDrills
from cli.supervisor import Supervisor
from shared.operations.drill_progress import ENDED_PHASE, STARTING_PHASE, find_current_drill, note_progress
from shared.operations.drill_requests import (
    FAILED_STATE,
    RUNNING_STATE,
    DrillStop,
    are_drills_offered,
    note_drill,
    offer_drills,
    read_requested_drill,
    read_stop,
    request_drill,
    request_stop,
)
from shared.platform.data_dir import DataDir
from shared.platform.settings import Settings
from tests.support.drill_samples import sample_progress

pytestmark = pytest.mark.unit


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    DataDir(tmp_path).create_folders()
    return tmp_path


def test_one_drill_is_under_way_at_a_time(data_dir: Path) -> None:
    assert read_requested_drill(data_dir) is None
    assert request_drill(data_dir, 3)
    assert not request_drill(data_dir, 9)
    drill = read_requested_drill(data_dir)
    assert drill
    assert (drill.minutes, drill.is_under_way) == (3, True)
    note_drill(data_dir, drill.model_copy(update={"state": RUNNING_STATE}))
    assert not request_drill(data_dir, 9)
    note_drill(data_dir, drill.model_copy(update={"state": FAILED_STATE, "message": "no memory"}))
    assert request_drill(data_dir, 9)
    assert [entry.name for entry in (data_dir / "run").iterdir()] == ["drill.json"]


def test_what_is_no_drill_is_none(data_dir: Path) -> None:
    (data_dir / "run" / "drill.json").write_text('{"state": "asked", "minutes": "; rm -r /"}')
    assert read_requested_drill(data_dir) is None
    assert request_drill(data_dir, 3)


def test_drills_are_offered_while_their_starter_lives(data_dir: Path) -> None:
    assert not are_drills_offered(data_dir)
    RequestedDrills(Supervisor(), Settings(data_dir=data_dir))
    assert (data_dir / "run" / "drill-starter.pid").read_text() == f"{os.getpid()}\n"
    assert are_drills_offered(data_dir)
    (data_dir / "run" / "drill-starter.pid").write_text("99999999\n")
    assert not are_drills_offered(data_dir)


def test_a_drill_that_was_under_way_at_the_last_stop_has_failed(data_dir: Path) -> None:
    request_drill(data_dir, 3)
    RequestedDrills(Supervisor(), Settings(data_dir=data_dir)).tend()
    drill = read_requested_drill(data_dir)
    assert drill
    assert (drill.state, drill.message) == (FAILED_STATE, INTERRUPTED_MESSAGE)


def test_a_drill_is_under_way_until_it_says_its_end_or_nothing_more(data_dir: Path) -> None:
    assert find_current_drill(data_dir) is None
    progress = sample_progress(STARTING_PHASE)
    note_progress(data_dir, progress)
    current = find_current_drill(data_dir)
    assert current
    assert (current.since, current.requested, current.progress) == (progress.started_at, None, progress)
    note_progress(data_dir, progress.model_copy(update={"noted_at": progress.noted_at - timedelta(minutes=1)}))
    assert find_current_drill(data_dir) is None  # it was killed
    note_progress(data_dir, progress.model_copy(update={"phase": ENDED_PHASE}))
    assert find_current_drill(data_dir) is None


def test_a_requested_drill_is_not_taken_for_the_one_before_it(data_dir: Path) -> None:
    note_progress(data_dir, sample_progress(STARTING_PHASE))
    request_stop(data_dir, "Ada")
    request_drill(data_dir, 3)
    offer_drills(data_dir)
    current = find_current_drill(data_dir)
    assert current
    assert (current.requested, current.progress, current.stop) == (read_requested_drill(data_dir), None, None)
    note_progress(data_dir, sample_progress(ENDED_PHASE, seconds=-1))
    assert find_current_drill(data_dir) is None


def test_a_drill_that_is_stopped_before_its_start_does_not_start(data_dir: Path) -> None:
    drills = RequestedDrills(Supervisor(), Settings(data_dir=data_dir))
    request_drill(data_dir, 3)
    request_stop(data_dir, "Ada")
    drills.tend()
    assert read_requested_drill(data_dir) is None
    assert not (data_dir / "logs" / "drill.log").exists()


def test_a_stop_is_for_the_drill_of_its_time(data_dir: Path) -> None:
    before = datetime.now(UTC)
    request_stop(data_dir, "Ada")
    stop = read_stop(data_dir)
    assert stop
    assert read_stop(data_dir, before) == stop
    assert read_stop(data_dir, datetime.now(UTC)) is None


def test_logs_do_not_name_who_stopped_a_drill() -> None:
    stop = DrillStop(by="Zoë Bo", at=datetime(2026, 12, 3, 9, 5, tzinfo=UTC))
    assert stop.sentence == "the drill was stopped on the console at 2026-12-03 09:05:00 UTC"
