"""Trial of what a dry run decided: the lead's row is written as a worker would write it, and taken back.

A database may refuse a row for reasons that no decision knows, such as a check or a trigger of the operator's own.
"""

import psycopg
from psycopg.errors import AssertFailure, InsufficientPrivilege, RaiseException, ReadOnlySqlTransaction

from shared.leads.apply_batch import MERGED_LEAD_FIELDS, BatchWrites, JsonRow
from shared.platform.db.connections import Connection, as_json

WRITER_NAME = "leadhub worker"  # what triggers may ask for: the name of sessions that write leads
# A lead that a worker writes at this moment is not waited for: the trial then says nothing.
BEGIN_TRIAL_SQL = f"""
SELECT set_config('lock_timeout', '200ms', true), set_config('statement_timeout', '2s', true),
       set_config('application_name', '{WRITER_NAME}', true)
"""
MERGED_TYPES = (
    "first_name text, last_name text, email text, email_as_given text, phone text, company text, job_title text, "
    "country text, notes text, custom_fields jsonb, tag_ids bigint[]"
)
MERGED_NAMES = ", ".join(name for name in MERGED_LEAD_FIELDS if name not in ("workspace_id", "id"))
TRY_NEW_LEAD_SQL = f"""
INSERT INTO leads (workspace_id, id, {MERGED_NAMES}, source, status, starred, pipeline_id, pipeline_stage_id,
                   assigned_user_id, created_at, updated_at)
SELECT workspace_id, 0, {MERGED_NAMES}, source, status, starred, pipeline_id, pipeline_stage_id, assigned_user_id,
       now(), now()
FROM jsonb_to_record(%s::jsonb) AS l(
    workspace_id bigint, {MERGED_TYPES}, source text, status text, starred boolean, pipeline_id bigint,
    pipeline_stage_id bigint, assigned_user_id bigint)
"""
TRY_MERGED_LEAD_SQL = f"""
UPDATE leads l SET ({MERGED_NAMES}) = (
    SELECT {MERGED_NAMES} FROM jsonb_to_record(%s::jsonb) AS u({MERGED_TYPES}))
WHERE l.workspace_id = %s AND l.id = %s
"""


async def find_write_problem(connection: Connection, written: BatchWrites) -> str:
    """Return why the database refuses the leads that a dry run would write, empty if it takes them or cannot tell.

    The connection is in autocommit mode, outside of a transaction. Nothing stays.
    """
    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(BEGIN_TRIAL_SQL)
            for lead in written.created.values():
                await connection.execute(TRY_NEW_LEAD_SQL.encode(), (as_json(lead),))
            for lead in written.updated.values():
                await _try_merged(connection, lead)
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except (psycopg.OperationalError, InsufficientPrivilege, ReadOnlySqlTransaction):  # also locks that were not got
        return ""
    except (psycopg.IntegrityError, psycopg.DataError, RaiseException, AssertFailure) as refusal:
        return f"{type(refusal).__name__}: {refusal.diag.message_primary or refusal}"
    return ""


async def _try_merged(connection: Connection, lead: JsonRow) -> None:
    await connection.execute(TRY_MERGED_LEAD_SQL.encode(), (as_json(lead), lead["workspace_id"], lead["id"]))
