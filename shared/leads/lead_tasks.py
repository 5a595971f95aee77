"""The tasks that people have, with or without a lead. Each function runs in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict, cast

from psycopg import sql
from psycopg.rows import dict_row

from shared.leads import reference_locks
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

TASK_COLUMNS = ("title", "lead_id", "user_id", "due_at", "done_at")
REFERENCE_NOUNS = {"lead_id": "lead", "user_id": "user"}
# A key of the lead and of the user is enough: neither may be deleted meanwhile, and both may change.
HOLD_REFERENCE_SQL = {
    "lead_id": "SELECT 1 FROM leads WHERE workspace_id = %s AND id = %s FOR KEY SHARE",
    "user_id": "SELECT 1 FROM users WHERE workspace_id = %s AND id = %s FOR KEY SHARE",
}
# Open ones first, the next one due on top; then those that are done, the last one on top.
TASKS_OF_LEAD_SQL = """
SELECT t.id, t.title, t.due_at, t.done_at, t.user_id, u.name AS user_name, t.created_at
FROM tasks t LEFT JOIN users u ON u.workspace_id = t.workspace_id AND u.id = t.user_id
WHERE t.workspace_id = %s AND t.lead_id = %s
ORDER BY t.done_at DESC NULLS FIRST, t.due_at NULLS LAST, t.id LIMIT %s
"""


class LeadTask(TypedDict):
    """A task of a lead, with the name of the user who is to do it."""

    id: int
    title: str
    due_at: datetime | None
    done_at: datetime | None
    user_id: int | None
    user_name: str | None
    created_at: datetime


async def hold_task_references(connection: Connection, workspace_id: int, fields: Mapping[str, Any]) -> FieldErrors:
    """Lock the lead and the user of a task until the transaction ends. Return errors for those that do not exist."""
    await reference_locks.lock_shared(connection, [workspace_id])
    errors: FieldErrors = {}
    for field, statement in HOLD_REFERENCE_SQL.items():
        id_ = fields.get(field)
        if id_ is not None and not await (await connection.execute(statement, (workspace_id, id_))).fetchone():
            errors[field] = [f"There is no {REFERENCE_NOUNS[field]} {id_}."]
    return errors


async def create_task(connection: Connection, workspace_id: int, fields: Mapping[str, Any]) -> int:
    """Create a task whose references are held. Return its id."""
    names = [name for name in TASK_COLUMNS if name in fields]
    statement = sql.SQL("INSERT INTO tasks (workspace_id, {}) VALUES ({}) RETURNING id").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join([sql.Placeholder()] * (len(names) + 1))
    )
    cursor = await connection.execute(statement, [workspace_id, *(fields[name] for name in names)])
    return int((await cursor.fetchall())[0][0])


async def change_task(connection: Connection, workspace_id: int, task_id: int, fields: Mapping[str, Any]) -> bool:
    """Change a task whose references are held. Return False if there is no such task."""
    names = [name for name in TASK_COLUMNS if name in fields]
    changes = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in names]
    statement = sql.SQL("UPDATE tasks SET {} WHERE workspace_id = {} AND id = {} RETURNING id").format(
        sql.SQL(", ").join([*changes, sql.SQL("updated_at = now()")]), sql.Placeholder(), sql.Placeholder()
    )
    cursor = await connection.execute(statement, [*(fields[name] for name in names), workspace_id, task_id])
    return await cursor.fetchone() is not None


async def find_task_lead(connection: Connection, workspace_id: int, task_id: int) -> int | None:
    """Return the lead of a task; None if the task has none, or does not exist."""
    statement = "SELECT lead_id FROM tasks WHERE workspace_id = %s AND id = %s"
    row = await (await connection.execute(statement, (workspace_id, task_id))).fetchone()
    return row[0] if row else None


async def list_lead_tasks(connection: Connection, workspace_id: int, lead_id: int, limit: int) -> list[LeadTask]:
    """Return the tasks of a lead, open ones first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(TASKS_OF_LEAD_SQL, (workspace_id, lead_id, limit))
        rows = await cursor.fetchall()
    return cast("list[LeadTask]", rows)
