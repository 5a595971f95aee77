"""Drills that operators start and stop in the console: files by which `up` and the drill hear of it.

The console asks, and the `up` of the same data dir runs `leadhub drill` and says what became of it. There is at most
one at a time. The drill itself looks for the wish to stop it.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

ASKED_STATE, RUNNING_STATE, FAILED_STATE = "asked", "running", "failed"
DRILL_MINUTES = (3, 9, 15, 30)  # what the console offers
MAX_STATE_BYTES = 16 * 1024


class RequestedDrill(BaseModel):
    """A drill that was asked for. `message` says why it failed."""

    model_config = ConfigDict(frozen=True)
    state: Literal["asked", "running", "failed"]
    asked_at: datetime
    minutes: int
    message: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether it waits for its start, or runs."""
        return self.state != FAILED_STATE


class DrillStop(BaseModel):
    """That a drill is to stop: who wants it, and since when."""

    model_config = ConfigDict(frozen=True)
    by: str
    at: datetime

    @property
    def sentence(self) -> str:
        """When it was stopped, for the command line and the logs. They name nobody: the audit log does."""
        return f"the drill was stopped on the console at {self.at:%Y-%m-%d %H:%M:%S} UTC"


def request_drill(data_dir: Path, minutes: int) -> bool:
    """Ask for a drill of so many minutes. Return False, and change nothing, if one is under way."""
    path = _state_file(data_dir)
    if (earlier := read_requested_drill(data_dir)) and earlier.is_under_way:
        return False
    path.unlink(missing_ok=True)
    side = _write_beside(path, RequestedDrill(state=ASKED_STATE, asked_at=datetime.now(UTC), minutes=minutes))
    try:
        path.hardlink_to(side)  # unlike a rename it fails if somebody asked at the same time
    except FileExistsError:
        return False
    finally:
        side.unlink()
    return True


def read_requested_drill(data_dir: Path) -> RequestedDrill | None:
    """Return the drill that was asked for last, unless it has ended with a certificate."""
    try:
        with _state_file(data_dir).open("rb") as content:
            return RequestedDrill.model_validate_json(content.read(MAX_STATE_BYTES))
    except (OSError, ValidationError):
        return None


def note_drill(data_dir: Path, drill: RequestedDrill) -> None:
    """Say how far a drill is."""
    replace_file(_state_file(data_dir), drill)


def forget_drill(data_dir: Path) -> None:
    """Say that the drill has ended, with a certificate or as somebody wanted."""
    _state_file(data_dir).unlink(missing_ok=True)


def request_stop(data_dir: Path, by: str) -> None:
    """Ask the drill that is under way to stop."""
    replace_file(_stop_file(data_dir), DrillStop(by=by, at=datetime.now(UTC)))


def read_stop(data_dir: Path, since: datetime | None = None) -> DrillStop | None:
    """Return the last wish to stop a drill, if it was said since then. Earlier ones were for an earlier drill."""
    try:
        with _stop_file(data_dir).open("rb") as content:
            stop = DrillStop.model_validate_json(content.read(MAX_STATE_BYTES))
    except (OSError, ValidationError):
        return None
    return stop if since is None or stop.at >= since else None


def forget_stop(data_dir: Path) -> None:
    """Say that the drill had ended before it could be stopped."""
    _stop_file(data_dir).unlink(missing_ok=True)


def offer_drills(data_dir: Path) -> None:
    """Say that this process, the `up` of the data dir, starts drills as long as it lives."""
    _starter_file(data_dir).write_text(f"{os.getpid()}\n")


def are_drills_offered(data_dir: Path) -> bool:
    """Return whether an `up` of this machine would start a drill."""
    with suppress(OSError, ValueError):
        return Path(f"/proc/{int(_starter_file(data_dir).read_text())}").exists()
    return False


def _state_file(data_dir: Path) -> Path:
    return data_dir / "run" / "drill.json"


def _stop_file(data_dir: Path) -> Path:
    return data_dir / "run" / "drill-stop.json"


def _starter_file(data_dir: Path) -> Path:
    return data_dir / "run" / "drill-starter.pid"


def replace_file(path: Path, content: BaseModel) -> None:
    """Write a file whole, or not at all. OSError if it cannot be written."""
    _write_beside(path, content).rename(path)


def _write_beside(path: Path, content: BaseModel) -> Path:
    """Write into a new file beside `path`, and return that file's path."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", delete=False) as side:
        side.write(content.model_dump_json())
    return Path(side.name)
