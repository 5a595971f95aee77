"""The rows of `files`: who may have which content. Every query names its workspace."""

import uuid
from typing import NamedTuple

from shared.platform.db.connections import Connection

FIND_FILE_SQL = "SELECT encode(digest, 'hex'), name, size, type FROM files WHERE workspace_id = %s AND id = %s"

LIST_FILES_SQL = """
SELECT id, name, size, type FROM files WHERE workspace_id = %s AND submission_id = %s ORDER BY created_at, id LIMIT 100
"""


class FileRecord(NamedTuple):
    """A file as its workspace may have it. `size` is in bytes, `type` was judged by the bytes."""

    digest: str
    name: str
    size: int
    type: str


class ListedFile(NamedTuple):
    """A file in the list of a submission's. `size` is in bytes."""

    id: uuid.UUID
    name: str
    size: int
    type: str


async def list_files(connection: Connection, workspace_id: int, submission_id: uuid.UUID) -> list[ListedFile]:
    """Return the files of a submission, the first hundred of them. One that waits has none so far."""
    rows = await (await connection.execute(LIST_FILES_SQL, (workspace_id, submission_id))).fetchall()
    return [ListedFile(*row) for row in rows]


async def find_file(connection: Connection, workspace_id: int, wanted: uuid.UUID) -> FileRecord | None:
    """Return a file of the workspace, None if it has no such file."""
    row = await (await connection.execute(FIND_FILE_SQL, (workspace_id, wanted))).fetchone()
    return FileRecord(*row) if row else None
