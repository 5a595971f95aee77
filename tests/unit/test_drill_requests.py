"""Drills that are asked for in the console: the file between the console and `up`, and what `up` makes of it."""

import os
from pathlib import Path

import pytest

from cli.drill.requested_drills import INTERRUPTED_MESSAGE, RequestedDrills
from cli.supervisor import Supervisor
from shared.operations.drill_requests import (
    FAILED_STATE,
    RUNNING_STATE,
    are_drills_offered,
    note_drill,
    read_requested_drill,
    request_drill,
)
from shared.platform.data_dir import DataDir
from shared.platform.settings import Settings

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
