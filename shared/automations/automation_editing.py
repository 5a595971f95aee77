"""Automations as the API and the console make, change and delete them.

The row of an automation is its published version. Each function that writes needs a transaction of the caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.automations import inactivity
from shared.automations.definition_references import missing_references
from shared.automations.webhook_secrets import encrypt_secrets
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed

AutomationRow = dict[str, Any]
MAX_VERSIONS = 200  # the newest ones, which are kept
VERSIONED_FIELDS = ("name", "description", "trigger", "steps")
LIMIT_REACHED_MESSAGE = (
    "The workspace has {count} automations, and may have {most}: delete some first. An operator can raise "
    "LEADHUB_MAX_AUTOMATIONS."
)

_COLUMNS = "id, name, description, is_active, trigger, steps, version, created_at, updated_at"
SELECT_AUTOMATION_SQL = f"SELECT {_COLUMNS} FROM automations WHERE workspace_id = %s AND id = %s"
LOCK_AUTOMATION_SQL = f"SELECT {_COLUMNS}, secrets FROM automations WHERE workspace_id = %s AND id = %s FOR UPDATE"
# Two concurrent creates would otherwise both pass the limit.
LOCK_COUNT_SQL = "SELECT 1 FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
COUNT_AUTOMATIONS_SQL = "SELECT count(*) FROM automations WHERE workspace_id = %s"
INSERT_AUTOMATION_SQL = """
INSERT INTO automations (workspace_id, name, description, is_active, trigger, trigger_type, steps, secrets, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
UPDATE_AUTOMATION_SQL = """
UPDATE automations SET name = %s, description = %s, is_active = %s, trigger = %s, trigger_type = %s, steps = %s,
    secrets = %s, version = %s, updated_at = now()
WHERE workspace_id = %s AND id = %s
"""
INSERT_VERSION_SQL = """
INSERT INTO automation_versions (workspace_id, automation_id, version, name, description, trigger, steps, published_by)
SELECT workspace_id, id, version, name, description, trigger, steps, %s FROM automations
WHERE workspace_id = %s AND id = %s
"""
# A client that changes an automation all the time must not fill the disk.
FORGET_VERSIONS_SQL = """
DELETE FROM automation_versions WHERE workspace_id = %s AND automation_id = %s AND version <= %s
"""
# Runs that ended stay, as the history of their leads.
DELETE_AUTOMATION_SQL = (
    "DELETE FROM automation_runs WHERE workspace_id = %s AND automation_id = %s AND due_at IS NOT NULL",
    "DELETE FROM round_robin_counters WHERE workspace_id = %s AND automation_id = %s",
)
DELETE_ROW_SQL = "DELETE FROM automations WHERE workspace_id = %s AND id = %s"
COUNT_WAITING_SQL = """
SELECT count(*) FROM automation_runs WHERE workspace_id = %s AND automation_id = %s AND due_at IS NOT NULL
"""


@dataclass(frozen=True)
class SentAutomation:
    """An automation that was sent: its valid `fields`, and the `errors` of the others.

    The ids in `body`, which is what came, are looked up even where other parts are invalid.
    """

    body: Mapping[str, Any]
    fields: Mapping[str, Any]
    errors: FieldErrors = field(default_factory=dict)


async def find_automation(connection: Connection, workspace_id: int, id_: int) -> AutomationRow:
    """Return the row of an automation. Raises NotFound."""
    return await _select_one(connection, SELECT_AUTOMATION_SQL, workspace_id, id_)


async def lock_automation(connection: Connection, workspace_id: int, id_: int) -> AutomationRow:
    """Return the row of an automation with its encrypted `secrets`, locked until the transaction ends.

    Raises NotFound.
    """
    return await _select_one(connection, LOCK_AUTOMATION_SQL, workspace_id, id_)


async def create_automation(
    connection: Connection, cipher: Cipher, workspace_id: int, new_state: SentAutomation, limit: int, author: str
) -> AutomationRow:
    """Create an automation and its inactivity timers. Raises ValidationFailed, or Conflict at the `limit`."""
    fields = await _checked_fields(connection, cipher, workspace_id, new_state, None)
    await expect_below_limit(connection, workspace_id, limit)
    new = {"description": None, "is_active": True, "secrets": None, **fields}
    id_ = await insert_automation(connection, workspace_id, new, version=1)
    await connection.execute(INSERT_VERSION_SQL, (author, workspace_id, id_))
    made = await find_automation(connection, workspace_id, id_)
    await _restart_timers(connection, workspace_id, made)
    return made


async def change_automation(
    connection: Connection, cipher: Cipher, workspace_id: int, id_: int, new_state: SentAutomation, author: str
) -> AutomationRow:
    """Change an automation and its inactivity timers. Raises NotFound and ValidationFailed.

    The change is published at once. Waiting runs keep the steps that they began with, and a draft stays as it is.
    """
    stored = await lock_automation(connection, workspace_id, id_)
    fields = await _checked_fields(connection, cipher, workspace_id, new_state, stored)
    return await store_change(connection, workspace_id, stored, fields, author)


async def store_change(
    connection: Connection, workspace_id: int, stored: AutomationRow, fields: Mapping[str, Any], author: str
) -> AutomationRow:
    """Store checked fields of a locked automation. One that does something else than before has a new version."""
    id_, changed = stored["id"], {**stored, **fields}
    is_new_version = any(changed[name] != stored[name] for name in VERSIONED_FIELDS)
    values = (*_stored_values(changed), stored["version"] + is_new_version, workspace_id, id_)
    await connection.execute(UPDATE_AUTOMATION_SQL, values)
    if is_new_version:
        await connection.execute(INSERT_VERSION_SQL, (author, workspace_id, id_))
        await connection.execute(FORGET_VERSIONS_SQL, (workspace_id, id_, stored["version"] + 1 - MAX_VERSIONS))
    automation = await find_automation(connection, workspace_id, id_)
    if fields.keys() & {"trigger", "is_active"}:
        await _restart_timers(connection, workspace_id, automation)
    return automation


async def insert_automation(connection: Connection, workspace_id: int, new: Mapping[str, Any], *, version: int) -> int:
    """Insert the row of an automation, and return its id."""
    values = (workspace_id, *_stored_values(new), version)
    [(id_,)] = await (await connection.execute(INSERT_AUTOMATION_SQL, values)).fetchall()
    return int(id_)


async def delete_automation(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete an automation and end its runs. Raises NotFound."""
    if (await connection.execute(DELETE_ROW_SQL, (workspace_id, id_))).rowcount == 0:
        raise NotFound
    await inactivity.restart_timers_of(connection, workspace_id, id_, None)
    for statement in DELETE_AUTOMATION_SQL:
        await connection.execute(statement, (workspace_id, id_))


async def count_waiting_runs(connection: Connection, workspace_id: int, id_: int) -> int:
    """Return how many runs of an automation wait. They end if it is deleted or switched off."""
    [(count,)] = await (await connection.execute(COUNT_WAITING_SQL, (workspace_id, id_))).fetchall()
    return int(count)


async def expect_below_limit(connection: Connection, workspace_id: int, limit: int) -> None:
    """Raise Conflict if the workspace has as many automations as it may have. Each costs all workspaces memory."""
    await connection.execute(LOCK_COUNT_SQL, (workspace_id,))
    [(count,)] = await (await connection.execute(COUNT_AUTOMATIONS_SQL, (workspace_id,))).fetchall()
    if count >= limit:
        raise Conflict(LIMIT_REACHED_MESSAGE.format(count=count, most=limit))


async def _checked_fields(
    connection: Connection,
    cipher: Cipher,
    workspace_id: int,
    new_state: SentAutomation,
    stored: AutomationRow | None,
) -> AutomationRow:
    """Return the fields with their secrets encrypted. Raises ValidationFailed with all errors."""
    sealing = await cipher.in_transaction(connection)
    fields, secret_errors = await encrypt_secrets(connection, sealing, workspace_id, new_state.fields, stored)
    missing = await missing_references(
        connection, workspace_id, new_state.body.get("trigger"), new_state.body.get("steps")
    )
    if errors := missing | secret_errors | new_state.errors:
        raise ValidationFailed(errors)
    return fields


def _stored_values(automation: Mapping[str, Any]) -> tuple[Any, ...]:
    trigger = automation["trigger"]
    plain = (automation["name"], automation["description"], automation["is_active"])
    return (*plain, Jsonb(trigger), trigger["type"], Jsonb(automation["steps"]), automation["secrets"])


async def _restart_timers(connection: Connection, workspace_id: int, automation: AutomationRow) -> None:
    """Start the inactivity timers of a `no_activity` automation, or stop those of any other automation."""
    waits = automation["is_active"] and automation["trigger"]["type"] == "no_activity"
    minutes = automation["trigger"]["minutes"] if waits else None
    await inactivity.restart_timers_of(connection, workspace_id, automation["id"], minutes)


async def _select_one(connection: Connection, statement: str, workspace_id: int, id_: int) -> AutomationRow:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(statement, (workspace_id, id_))).fetchone()
    if row is None:
        raise NotFound
    return row
