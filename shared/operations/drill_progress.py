"""How far a drill is: a file of the data dir that the drill writes each second, and the drill that is under way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.operations.drill_requests import (
    MAX_STATE_BYTES,
    DrillStop,
    RequestedDrill,
    are_drills_offered,
    read_requested_drill,
    read_stop,
    replace_file,
)

# The other phases are the faults of a certificate.
STARTING_PHASE, RECOVERY_PHASE, COUNTING_PHASE = "starting", "restart of the copy", "counting"
REMOVAL_PHASE, ENDED_PHASE = "removal", "ended"
FRESH_SECONDS = 30.0  # seconds after which a drill that says nothing is taken as dead
MAX_SHARE = 0.99  # of the expected time, as long as a drill runs


class DrillProgress(BaseModel):
    """How far a drill is. `elapsed` and `expected` are seconds since its start.

    `accepted` are posts that were acknowledged so far, `sent_again` tries that were not: their posts were sent again.
    """

    model_config = ConfigDict(frozen=True)
    started_at: datetime
    noted_at: datetime
    phase: str
    round: int
    rounds: int
    elapsed: float
    expected: float
    accepted: int
    sent_again: int

    @property
    def share(self) -> float:
        """The part of the expected time that is over; below 1."""
        return min(self.elapsed / max(self.expected, 1.0), MAX_SHARE)


class CurrentDrill(NamedTuple):
    """The drill that is under way, and when it was asked for or started.

    `requested` is None if it was started on the machine. `progress` is None until it says how far it is.
    """

    since: datetime
    requested: RequestedDrill | None
    progress: DrillProgress | None
    stop: DrillStop | None


def note_progress(data_dir: Path, progress: DrillProgress) -> None:
    """Say how far the drill is. OSError if the file cannot be written."""
    replace_file(_progress_file(data_dir), progress)


def find_current_drill(data_dir: Path) -> CurrentDrill | None:
    """Return the drill that is under way, whoever started it."""
    requested, progress = read_requested_drill(data_dir), _read_progress(data_dir)
    if requested and requested.is_under_way and are_drills_offered(data_dir):
        if progress and progress.started_at >= requested.asked_at and progress.phase == ENDED_PHASE:
            return None  # `up` notes its end in some seconds
        since = requested.asked_at
    elif progress and progress.phase != ENDED_PHASE and _is_fresh(progress):
        requested, since = None, progress.started_at
    else:
        return None
    is_own = progress is not None and progress.started_at >= since
    return CurrentDrill(since, requested, progress if is_own else None, read_stop(data_dir, since))


def _read_progress(data_dir: Path) -> DrillProgress | None:
    try:
        with _progress_file(data_dir).open("rb") as content:
            return DrillProgress.model_validate_json(content.read(MAX_STATE_BYTES))
    except (OSError, ValidationError):
        return None


def _is_fresh(progress: DrillProgress) -> bool:
    return datetime.now(UTC) - progress.noted_at < timedelta(seconds=FRESH_SECONDS)


def _progress_file(data_dir: Path) -> Path:
    return data_dir / "run" / "drill-progress.json"
