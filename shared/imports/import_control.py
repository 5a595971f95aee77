"""Imports as people use them: watched, run after a dry run, cancelled and undone.

Every function runs in the caller's transaction and names the workspace. The workers' part is
`services/workers/imports/import_engine.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from psycopg.rows import dict_row

from shared.imports.column_mapping import ColumnMapping, guess_mapping
from shared.imports.csv_records import read_records
from shared.imports.file_head import HEAD_BYTES, SAMPLE_ROWS, read_head
from shared.imports.import_storage import CHUNK_BYTES, drop_file, read_file_part
from shared.imports.text_encoding import JudgedText, TextEncoding, decode_text, mark_size_of
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import cancel_job
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Conflict, NotFound

ImportJson = dict[str, Any]

IMPORT_SQL: Final = """
SELECT i.id, CASE WHEN i.undone_at IS NOT NULL THEN 'undone' ELSE j.state END AS state, i.is_dry_run AS dry_run,
       i.file_name, i.file_size, i.encoding, i.delimiter, i.columns, i.mapping,
       i.options ->> 'merge_policy' AS merge_policy, i.options ->> 'source' AS source,
       coalesce(i.options -> 'tags', '[]') AS tags, coalesce((i.options ->> 'run_automations')::boolean, false)
           AS run_automations,
       coalesce(i.options ->> 'invalid', 'keep') AS invalid_contacts, i.options ->> 'sheet' AS sheet,
       i.options ->> 'phone_country' AS phone_country,
       i.rows_read AS rows, i.created, i.merged, i.unchanged, i.invalid,
       coalesce((j.cursor ->> 'warned')::bigint, 0) AS warned, coalesce((j.cursor ->> 'kept')::bigint, 0) AS kept,
       CASE WHEN i.is_settled THEN 1.0 ELSE least(0.999,
           (i.read_offset - i.data_offset)::float8 / greatest(i.file_size - i.data_offset, 1)
           * i.rows_settled / greatest(i.rows_read, 1)) END AS progress,
       i.data_offset, i.has_file, i.is_settled, i.run_id, i.undo_job_id, i.undone_at, j.error, j.rate, j.created_by,
       j.created_at, i.accepted_at, j.started_at, j.finished_at,
       CASE WHEN u.id IS NOT NULL THEN json_build_object('job_id', u.id, 'state', u.state, 'total', u.total,
           'done', u.done, 'skipped', u.skipped) END AS undo
FROM imports i JOIN jobs j USING (workspace_id, id)
LEFT JOIN jobs u ON u.workspace_id = i.workspace_id AND u.id = i.undo_job_id
WHERE i.workspace_id = %s
"""
COUNT_IMPORTS_SQL: Final = "SELECT count(*) FROM imports WHERE workspace_id = %s"
LOCK_IMPORT_SQL: Final = "SELECT 1 FROM imports WHERE workspace_id = %s AND id = %s FOR UPDATE"
COPY_JOB_SQL: Final = """
INSERT INTO jobs (workspace_id, kind, filter, with_automations, created_by)
SELECT workspace_id, kind, filter - 'dry_run', %s, %s::jsonb FROM jobs WHERE workspace_id = %s AND id = %s
RETURNING id
"""
COPY_IMPORT_SQL: Final = """
WITH copied AS (
    INSERT INTO imports (workspace_id, id, is_dry_run, file_name, file_size, encoding, delimiter, columns, mapping,
                         options, key_id, data_offset, read_offset)
    SELECT workspace_id, %(new)s, false, file_name, file_size, encoding, delimiter, columns, mapping,
           options || %(options)s::jsonb, %(key)s, data_offset, data_offset
    FROM imports WHERE workspace_id = %(workspace)s AND id = %(id)s
), moved AS (
    UPDATE import_chunks SET import_id = %(new)s WHERE workspace_id = %(workspace)s AND import_id = %(id)s
)
UPDATE imports SET has_file = false, run_id = %(new)s WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
FORGET_RUN_SQL: Final = (
    "DELETE FROM import_rows WHERE workspace_id = %(workspace)s AND import_id = %(id)s",
    "DELETE FROM import_preview_keys WHERE workspace_id = %(workspace)s AND import_id = %(id)s",
    "DELETE FROM import_preview_leads WHERE workspace_id = %(workspace)s AND import_id = %(id)s",
    """UPDATE imports SET rows_read = 0, rows_settled = 0, created = 0, merged = 0, unchanged = 0, invalid = 0,
           is_settled = false, due_at = now()
       WHERE workspace_id = %(workspace)s AND id = %(id)s""",
    """UPDATE jobs SET state = %(state)s, started_at = NULL, finished_at = NULL, total = 0, done = 0, failed = 0,
           position = 0, cursor = NULL, error = NULL
       WHERE workspace_id = %(workspace)s AND id = %(id)s""",
)
REVISE_SQL: Final = """
UPDATE imports SET mapping = %(mapping)s::jsonb, read_offset = data_offset,
    options = %(options)s::jsonb || jsonb_strip_nulls(jsonb_build_object('sheet', options -> 'sheet'))
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
READ_ANEW_SQL: Final = """
UPDATE imports SET encoding = %(encoding)s, delimiter = %(delimiter)s, columns = %(columns)s,
    mapping = %(mapping)s::jsonb, data_offset = %(offset)s, read_offset = %(offset)s
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
ADD_UNDO_SQL: Final = """
INSERT INTO jobs (workspace_id, kind, filter, reason, created_by, total)
SELECT %(workspace)s, 'import', jsonb_build_object('undo', %(id)s::bigint, 'file_name', %(name)s::text), %(reason)s,
       %(by)s::jsonb,
       (SELECT count(*) FROM import_rows WHERE workspace_id = %(workspace)s AND import_id = %(id)s
        AND (state = ANY (ARRAY['created', 'merged']) OR has_joined))
RETURNING id
"""
NOTE_UNDO_SQL: Final = "UPDATE imports SET undo_job_id = %s WHERE workspace_id = %s AND id = %s"
STATES_WITH_EFFECT: Final = ("done", "cancelled", "failed")
MISSING_CHUNKS_SQL: Final = "SELECT count(*) FROM import_chunks WHERE workspace_id = %s AND import_id = %s"


async def read_import(connection: Connection, workspace_id: int, import_id: int) -> ImportJson:
    """Return an import. Raises NotFound."""
    imports = await _read_imports(connection, f"{IMPORT_SQL} AND i.id = %s", (workspace_id, import_id))
    if not imports:
        raise NotFound
    return imports[0]


async def list_imports(
    connection: Connection, workspace_id: int, *, limit: int, offset: int = 0, before: int | None = None
) -> tuple[list[ImportJson], int]:
    """Return imports, the newest first, and how many there are. `before` leaves out this one and all newer ones."""
    query = f"{IMPORT_SQL} AND (%s::bigint IS NULL OR i.id < %s) ORDER BY i.id DESC LIMIT %s OFFSET %s"
    found = await _read_imports(connection, query, (workspace_id, before, before, limit, offset))
    row = await (await connection.execute(COUNT_IMPORTS_SQL, (workspace_id,))).fetchone()
    return found, int(row[0]) if row else 0


async def _read_imports(connection: Connection, query: str, values: Sequence[Any]) -> list[ImportJson]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


async def run_dry_run(
    connection: Connection, workspace_id: int, import_id: int, author: ChangeAuthor, *, run_automations: bool
) -> int:
    """Import for real what a dry run showed, and return the new import's id. Raises NotFound and Conflict."""
    import_row = await _locked_import(connection, workspace_id, import_id)
    if not import_row["dry_run"]:
        raise Conflict("Only a dry run can be run.")
    if import_row["run_id"]:
        raise Conflict(f"It was run as import {import_row['run_id']}.")
    if import_row["state"] != "done" or not import_row["has_file"]:
        reason = "its file is not kept any more: send it again" if import_row["state"] == "done" else "it has not ended"
        raise Conflict(f"The dry run is {import_row['state']}; {reason}.")
    await _check_file(connection, workspace_id, import_row)
    job = (run_automations, as_json(author.to_json()), workspace_id, import_id)
    row = await (await connection.execute(COPY_JOB_SQL, job)).fetchone()
    assert row is not None  # noqa: S101  # the statement returns what it inserts
    values = {
        "workspace": workspace_id,
        "id": import_id,
        "new": row[0],
        "key": author.id if author.kind == "key" else None,
        "options": as_json({"run_automations": run_automations}),
    }
    await connection.execute(COPY_IMPORT_SQL, values)
    return int(row[0])


async def _check_file(connection: Connection, workspace_id: int, found: ImportJson) -> None:
    row = await (await connection.execute(MISSING_CHUNKS_SQL, (workspace_id, found["id"]))).fetchone()
    if row is None or row[0] * CHUNK_BYTES < found["file_size"]:
        raise Conflict("The file is not kept any more: send it again.")


async def revise_dry_run(
    connection: Connection, workspace_id: int, import_id: int, mapping: ColumnMapping, options: Mapping[str, Any]
) -> None:
    """Make a dry run by another mapping and other options, from the first row on. Raises NotFound and Conflict.

    `mapping` has all columns of the file.
    """
    found = await _locked_draft(connection, workspace_id, import_id)
    values = {"mapping": as_json(mapping), "options": as_json(options)}
    await _begin_anew(connection, workspace_id, found, REVISE_SQL, values, "queued")


async def change_encoding(
    connection: Connection, workspace_id: int, import_id: int, encoding: TextEncoding
) -> ImportJson:
    """Read the columns of a dry run's file in another encoding; they wait to be confirmed again.

    Raises NotFound, Conflict, and UnreadableFile.
    """
    import_row = await _locked_draft(connection, workspace_id, import_id)
    data = await read_file_part(connection, workspace_id, import_id, 0, HEAD_BYTES)
    head = read_head(data, JudgedText(encoding, mark_size_of(data)), import_row["file_size"])
    values = {
        "encoding": head.encoding,
        "delimiter": head.delimiter,
        "columns": head.columns,
        "mapping": as_json(guess_mapping(head.columns)),
        "offset": head.data_offset,
    }
    await _begin_anew(connection, workspace_id, import_row, READ_ANEW_SQL, values, "paused")
    return await read_import(connection, workspace_id, import_id)


async def _locked_draft(connection: Connection, workspace_id: int, import_id: int) -> ImportJson:
    """Lock and return a dry run that can be made otherwise, also while it runs: between two of its chunks.

    Raises NotFound and Conflict.
    """
    import_row = await _locked_import(connection, workspace_id, import_id)
    if not import_row["dry_run"] or import_row["run_id"]:
        raise Conflict("It was imported already: send the file again to import it otherwise.")
    await _check_file(connection, workspace_id, import_row)
    return import_row


async def _begin_anew(
    connection: Connection,
    workspace_id: int,
    import_row: ImportJson,
    statement: str,
    values: Mapping[str, Any],
    state: Literal["queued", "paused"],
) -> None:
    named = {"workspace": workspace_id, "id": import_row["id"], "state": state}
    for each in (*FORGET_RUN_SQL, statement):
        await connection.execute(each, {**named, **values})


async def read_sample(connection: Connection, workspace_id: int, import_row: ImportJson) -> list[list[str]]:
    """Return the first rows of an import whose file is still there."""
    size = min(HEAD_BYTES, import_row["file_size"] - import_row["data_offset"])
    data = await read_file_part(connection, workspace_id, import_row["id"], import_row["data_offset"], size)
    at_end = import_row["data_offset"] + len(data) >= import_row["file_size"]
    text = decode_text(data, import_row["encoding"], at_end=at_end)
    records = read_records(text, import_row["delimiter"], at_end=at_end, limit=SAMPLE_ROWS * 2)
    return [record.cells for record in records if record.cells][:SAMPLE_ROWS]


async def cancel_import(connection: Connection, workspace_id: int, import_id: int) -> None:
    """Read no more rows. Those that are on their way still become leads. Raises NotFound and Conflict.

    Of a dry run that has ended the file is deleted, so that it takes no more room.
    """
    found = await _locked_import(connection, workspace_id, import_id)
    if found["is_settled"] and found["has_file"]:
        await drop_file(connection, workspace_id, import_id)
    else:
        await cancel_job(connection, workspace_id, import_id)


async def undo_import(
    connection: Connection, workspace_id: int, import_id: int, author: ChangeAuthor, reason: str | None = None
) -> int:
    """Start to undo an import, and return the id of the job that does it. Raises NotFound and Conflict."""
    import_row = await _locked_import(connection, workspace_id, import_id)
    if import_row["dry_run"]:
        raise Conflict("A dry run changed nothing: there is nothing to undo.")
    if import_row["state"] not in STATES_WITH_EFFECT or not import_row["is_settled"]:
        problem = (
            "was undone already" if import_row["state"] == "undone" else f"is {import_row['state']}: wait for its end"
        )
        raise Conflict(f"The import {problem}.")
    if (undo := import_row["undo"]) and undo["state"] in ("queued", "running", "paused"):
        raise Conflict(f"The import is being undone, by job {undo['job_id']}.")
    values = {"workspace": workspace_id, "id": import_id, "name": import_row["file_name"], "reason": reason}
    row = await (await connection.execute(ADD_UNDO_SQL, {**values, "by": as_json(author.to_json())})).fetchone()
    assert row is not None  # noqa: S101  # the statement returns what it inserts
    await connection.execute(NOTE_UNDO_SQL, (row[0], workspace_id, import_id))
    return int(row[0])


async def _locked_import(connection: Connection, workspace_id: int, import_id: int) -> ImportJson:
    await connection.execute(LOCK_IMPORT_SQL, (workspace_id, import_id))
    return await read_import(connection, workspace_id, import_id)
