"""The id of the folder of files: services that see one folder find one id, wherever it is mounted."""

import threading
import uuid
from contextlib import suppress
from pathlib import Path

ID_NAME = "folder-id"
ABSENT_ID = "absent"  # stands for the id where the folder cannot be used
MAX_READ_SECONDS = 0.5


class FolderIdReader:
    """Reads the id of a folder, in a thread of its own: a network folder may hang, and its readers may not.

    A service gives a folder without an id one, and makes it if it is not there. A command does neither, since it may
    run as root: then the services could not write there.
    """

    def __init__(self, folder: Path, *, makes_id: bool = True) -> None:
        self._folder, self._makes_id = folder, makes_id
        self._id = ABSENT_ID
        self._thread: threading.Thread | None = None

    def __call__(self) -> str:
        """Return the id, or `ABSENT_ID` if the folder cannot be used, or does not answer within half a second."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._read, name="id of the folder of files", daemon=True)
            self._thread.start()
        self._thread.join(MAX_READ_SECONDS)
        return ABSENT_ID if self._thread.is_alive() else self._id

    def _read(self) -> None:
        path = self._folder / ID_NAME
        try:
            if self._makes_id and not path.exists():
                _make_id(path)
            self._id = path.read_text() or ABSENT_ID
        except (OSError, UnicodeDecodeError):
            self._id = ABSENT_ID


def _make_id(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    side = path.with_name(f".{ID_NAME}-{uuid.uuid4().hex}")
    try:
        side.write_text(uuid.uuid4().hex)
        with suppress(FileExistsError):  # another service has just given it one: that counts
            path.hardlink_to(side)
    finally:
        side.unlink(missing_ok=True)
