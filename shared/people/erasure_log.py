"""The log of erasures outside the database, beside the files: it still knows what a restored database does not.

It is a file of JSON lines, one for each erasure, and holds what `erasures` holds of it: ids, keyed hashes and counts.
Lines are added and renewed, never dropped.
"""

import base64
import os
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from psycopg.rows import dict_row

from shared.files.file_store import make_folders
from shared.platform.data_dir import sync_folder
from shared.platform.db.connections import Connection

LOG_NAME = "erasures.jsonl"
LOG_COLUMNS = (
    *("workspace_id", "id", "lead_id", "lead_ids", "lead_times", "submission_ids", "identity_hashes", "hash_key"),
    *("reason", "requested_by", "removed", "erased_at"),
)
READ_ERASURES_SQL = f"SELECT {', '.join(LOG_COLUMNS)} FROM erasures ORDER BY erased_at, id"


class LoggedErasure(NamedTuple):
    """An erasure as the log holds it. `hash_key` is encrypted, as in the database."""

    workspace_id: int
    id: uuid.UUID
    lead_id: int
    lead_ids: list[int]
    lead_times: list[datetime | None]
    submission_ids: list[uuid.UUID]
    identity_hashes: list[bytes]
    hash_key: bytes
    reason: str | None
    requested_by: dict[str, Any]
    removed: dict[str, int]
    erased_at: datetime

    def to_line(self) -> bytes:
        """Return its line of the log."""
        shown = self._asdict()
        shown["identity_hashes"] = [each.hex() for each in self.identity_hashes]
        shown["hash_key"] = base64.b64encode(self.hash_key).decode()
        return orjson.dumps(shown)

    @classmethod
    def from_line(cls, line: bytes) -> "LoggedErasure":
        """Read a line. Raises ValueError, KeyError or TypeError if it is none."""
        values = {name: orjson.loads(line)[name] for name in LOG_COLUMNS}
        values["id"] = uuid.UUID(values["id"])
        values["submission_ids"] = [uuid.UUID(each) for each in values["submission_ids"]]
        values["lead_times"] = [each and datetime.fromisoformat(each) for each in values["lead_times"]]
        values["identity_hashes"] = [bytes.fromhex(each) for each in values["identity_hashes"]]
        values["hash_key"] = base64.b64decode(values["hash_key"])
        values["erased_at"] = datetime.fromisoformat(values["erased_at"])
        return cls(**values)


async def read_erasures(connection: Connection) -> list[LoggedErasure]:
    """Return the erasures of a database, of all workspaces."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READ_ERASURES_SQL)
        return [LoggedErasure(**row) for row in await cursor.fetchall()]


def read_log(folder: Path) -> list[LoggedErasure]:
    """Return what the log in a folder of files holds. Without a log there is nothing. Unreadable lines are skipped."""
    try:
        lines = (folder / LOG_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    erasures = []
    for line in lines:
        try:
            erasures.append(LoggedErasure.from_line(line))
        except (ValueError, KeyError, TypeError):
            continue
    return erasures


def update_log(folder: Path, erasures: Iterable[LoggedErasure]) -> bool:
    """Add erasures to the log, and renew those that it has: their keys may have been rotated. Return if it changed.

    The file is replaced as a whole, and on disk when this returns.
    """
    known = {(each.workspace_id, each.id): each for each in read_log(folder)}
    renewed = known | {(each.workspace_id, each.id): each for each in erasures}
    if renewed == known:
        return False
    make_folders(folder)
    part = folder / f"{LOG_NAME}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(each.to_line() + b"\n" for each in sorted(renewed.values(), key=lambda one: one.erased_at))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / LOG_NAME)
    sync_folder(folder)
    return True
