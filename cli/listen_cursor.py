"""The place in the feed that `listen` has reached, kept in a file from one start to the next."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NEWEST, OLDEST = "now", "oldest"
BAD_FILE_MESSAGE = "{} is no file of a cursor; remove it, or name another with --cursor-file"
UNUSABLE_FILE_MESSAGE = (
    "the cursor cannot be kept in {}: {}. Name a file that you may write, in a folder that you may write, with "
    "--cursor-file"
)


def usual_cursor_file(host: str, workspace: str) -> Path:
    """Return the file for a workspace of an installation."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "leadhub" / f"listen-{re.sub(r'[^A-Za-z0-9.-]', '-', host)}-{workspace}.json"


class ListenCursor:
    """The cursor of the next page, and the last event of it that was handled before the command stopped."""

    def __init__(self, path: Path, cursor: str | None, last_id: str | None = None) -> None:
        self._path = path
        self.cursor = cursor  # None for the oldest event
        self._last_id = last_id

    @classmethod
    def open(cls, path: Path, after: str | None) -> "ListenCursor":
        """Return the place to begin at: `after` if given, or that of the file, or now. RuntimeError on a bad file.

        The file is tried at once: otherwise the first event would be handled, and not noted.
        """
        with _telling_of(path):
            _check_folder(path)
        if after is not None:
            return cls(path, None if after == OLDEST else after)
        with _telling_of(path):
            content = path.read_bytes() if path.exists() else None
        if content is None:
            return cls(path, NEWEST)
        try:
            found = json.loads(content)
            return cls(path, found["cursor"], found["last_id"])
        except (ValueError, KeyError, TypeError):
            raise RuntimeError(BAD_FILE_MESSAGE.format(path)) from None

    def unseen(self, events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the events of a page that were not handled before."""
        handled = next((place for place, event in enumerate(events, 1) if event["id"] == self._last_id), 0)
        yield from events[handled:]

    def note_seen(self, event_id: str) -> None:
        """Note an event of the page as handled."""
        self._last_id = event_id
        self._save()

    def advance(self, cursor: str) -> None:
        """Go on to the next page."""
        is_moved = cursor != self.cursor
        self.cursor, self._last_id = cursor, None
        if is_moved:
            self._save()

    def _save(self) -> None:
        """Write the file. A kill leaves the old one or the new one."""
        with _telling_of(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = _file_beside(self._path)
            beside.write_text(json.dumps({"cursor": self.cursor, "last_id": self._last_id}))
            beside.replace(self._path)


def _file_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}")


def _check_folder(path: Path) -> None:
    """Raise OSError if the file could not be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _file_beside(path).touch()
    _file_beside(path).unlink()


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    """Raise RuntimeError with what to do in place of the system's error."""
    try:
        yield
    except OSError as error:
        raise RuntimeError(UNUSABLE_FILE_MESSAGE.format(path, error.strerror)) from None
