"""Store a new import with its file, in the caller's transaction.

The file lies in PostgreSQL, in parts: every worker reaches it, a backup holds it, and it goes in the transaction that
read it.
"""

import asyncio
from typing import Any, BinaryIO, NamedTuple

from shared.imports.column_mapping import ColumnMapping
from shared.imports.file_head import FileHead
from shared.imports.import_quota import ImportLimits, check_stored_import
from shared.intake.change_author import ChangeAuthor
from shared.platform.db.connections import Connection, as_json

CHUNK_BYTES = 256 << 10  # bytes of a part
PARTS_PER_STATEMENT = 4
OWN_COLUMNS = ("mapping", "encoding")  # options that have columns of their own

ADD_JOB_SQL = """
INSERT INTO jobs (workspace_id, kind, filter, with_automations, created_by, state)
VALUES (%s, 'import', %s::jsonb, %s, %s::jsonb, %s) RETURNING id
"""
ADD_IMPORT_SQL = """
INSERT INTO imports (workspace_id, id, is_dry_run, file_name, file_size, encoding, delimiter, columns, mapping, options,
                     key_id, data_offset, read_offset)
VALUES (%(workspace)s, %(id)s, %(is_dry_run)s, %(file_name)s, %(file_size)s, %(encoding)s, %(delimiter)s, %(columns)s,
        %(mapping)s::jsonb, %(options)s::jsonb, %(key_id)s, %(offset)s, %(offset)s)
"""
ADD_CHUNK_SQL = "INSERT INTO import_chunks (workspace_id, import_id, n, data) VALUES (%b, %b, %b, %b)"
DROP_FILE_SQL = """
WITH dropped AS (DELETE FROM import_chunks WHERE workspace_id = %(workspace)s AND import_id = %(id)s)
UPDATE imports SET has_file = false WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
READ_CHUNKS_SQL = """
SELECT n, data FROM import_chunks WHERE workspace_id = %s AND import_id = %s AND n BETWEEN %s AND %s ORDER BY n
"""


class NewImport(NamedTuple):
    """An import to be stored. `options` are those of `ImportOptions`, as far as they were sent."""

    is_dry_run: bool
    file_name: str
    file_size: int
    head: FileHead
    mapping: ColumnMapping
    options: dict[str, Any]


async def store_import(
    connection: Connection,
    workspace_id: int,
    new: NewImport,
    file: BinaryIO,
    author: ChangeAuthor,
    limits: ImportLimits,
    *,
    is_waiting: bool = False,
) -> int:
    """Store an import and its file, and return its id. A worker starts it within a second, unless it is to wait.

    Raises ImportQuotaReached.
    """
    import_id = await _add_import(connection, workspace_id, new, author, "paused" if is_waiting else "queued")
    await asyncio.to_thread(file.seek, 0)
    n = 0
    while parts := await asyncio.to_thread(_read_parts, file):
        for part in parts:
            await connection.execute(ADD_CHUNK_SQL, (workspace_id, import_id, n, part), prepare=True)
            n += 1
    await check_stored_import(connection, workspace_id, limits, import_id, new.file_size)
    return import_id


def _read_parts(file: BinaryIO) -> list[bytes]:
    data = file.read(CHUNK_BYTES * PARTS_PER_STATEMENT)
    return [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]


async def _add_import(
    connection: Connection, workspace_id: int, new: NewImport, author: ChangeAuthor, state: str
) -> int:
    runs_automations = bool(new.options.get("run_automations"))
    said = {"file_name": new.file_name, **({"dry_run": True} if new.is_dry_run else {})}
    values = (workspace_id, as_json(said), runs_automations, as_json(author.to_json()), state)
    row = await (await connection.execute(ADD_JOB_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  # the statement returns what it inserts
    record = {
        "workspace": workspace_id,
        "id": row[0],
        "is_dry_run": new.is_dry_run,
        "file_name": new.file_name,
        "file_size": new.file_size,
        "encoding": new.head.encoding,
        "delimiter": new.head.delimiter,
        "columns": new.head.columns,
        "mapping": as_json(new.mapping),
        "options": as_json({name: value for name, value in new.options.items() if name not in OWN_COLUMNS}),
        "key_id": author.id if author.kind == "key" else None,
        "offset": new.head.data_offset,
    }
    await connection.execute(ADD_IMPORT_SQL, record)
    return int(row[0])


async def drop_file(connection: Connection, workspace_id: int, import_id: int) -> None:
    """Delete the file of an import."""
    await connection.execute(DROP_FILE_SQL, {"workspace": workspace_id, "id": import_id})


async def read_file_part(connection: Connection, workspace_id: int, import_id: int, start: int, size: int) -> bytes:
    """Return bytes of an import's file from `start` on; fewer at its end."""
    first, last = start // CHUNK_BYTES, (start + size - 1) // CHUNK_BYTES
    rows = await (await connection.execute(READ_CHUNKS_SQL, (workspace_id, import_id, first, last))).fetchall()
    if not rows or rows[0][0] != first:
        return b""
    data = b"".join(row[1] for row in rows)
    return data[start - first * CHUNK_BYTES :][:size]
