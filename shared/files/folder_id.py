"""The id of the folder of files: services that see one folder find one id, wherever it is mounted."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

ID_NAME = "folder-id"


def read_folder_id(folder: Path) -> str:
    """Return the id that the folder carries. A folder without one is given one; it is made if it is not there.

    Return an empty text where the folder can be neither read nor made.
    """
    path = folder / ID_NAME
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another service has just given it one
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(uuid.uuid4().hex)
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
