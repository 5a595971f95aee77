"""Drafts and versions of automations: changes that do nothing until they are published, and the way back.

A draft may be incomplete, such as a message without a channel. Each function that writes needs a transaction of the
caller's.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.automations.automation_editing import (
    VERSIONED_FIELDS,
    AutomationRow,
    SentAutomation,
    expect_below_limit,
    find_automation,
    insert_automation,
    lock_automation,
    store_change,
)
from shared.automations.automation_fields import check_definition
from shared.automations.definition import MAX_STEPS
from shared.automations.definition_references import missing_references
from shared.automations.webhook_secrets import (
    TOO_MANY_SECRETS_MESSAGE,
    decrypt_secrets,
    has_room,
    limit_secrets,
    named_secrets,
    seal_secrets,
    take_secrets,
)
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed

DraftRow = dict[str, Any]
MAX_DRAFT_BYTES = 1 << 20  # bytes of a draft, as JSON
STALE_DRAFT_MESSAGE = "Somebody else changed this draft meanwhile. Load it again, then make your changes."
NO_DRAFT_MESSAGE = "There is no draft: nothing was changed since the automation was published."
# What an automation that was never published looks like from outside: nothing starts it, and it does nothing.
UNPUBLISHED = {"trigger": {"type": "manual"}, "steps": [], "is_active": False, "secrets": None}

SELECT_DRAFT_SQL = """
SELECT name, description, trigger, steps, undo_steps, secrets, revision, updated_at, updated_by
FROM automation_drafts WHERE workspace_id = %s AND automation_id = %s
"""
WRITE_DRAFT_SQL = """
INSERT INTO automation_drafts AS d
    (workspace_id, automation_id, name, description, trigger, steps, undo_steps, secrets, revision, updated_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (workspace_id, automation_id) DO UPDATE SET name = excluded.name, description = excluded.description,
    trigger = excluded.trigger, steps = excluded.steps, undo_steps = excluded.undo_steps, secrets = excluded.secrets,
    revision = excluded.revision, updated_by = excluded.updated_by, updated_at = now()
"""
DELETE_DRAFT_SQL = "DELETE FROM automation_drafts WHERE workspace_id = %s AND automation_id = %s"
_VERSION_COLUMNS = "version, name, description, trigger, steps, published_at, published_by"
LIST_VERSIONS_SQL = f"""
SELECT {_VERSION_COLUMNS} FROM automation_versions WHERE workspace_id = %s AND automation_id = %s AND version < %s
ORDER BY version DESC LIMIT %s
"""
SELECT_VERSION_SQL = f"""
SELECT {_VERSION_COLUMNS} FROM automation_versions WHERE workspace_id = %s AND automation_id = %s AND version = %s
"""


async def create_draft(
    connection: Connection, workspace_id: int, definition: Mapping[str, Any], limit: int, author: str
) -> int:
    """Create an automation of which nothing is published yet, and return its id. Raises Conflict at the `limit`."""
    await expect_below_limit(connection, workspace_id, limit)
    plain = {"name": definition["name"], "description": definition.get("description")}
    id_ = await insert_automation(connection, workspace_id, {**UNPUBLISHED, **plain}, version=0)
    draft = {**plain, "trigger": definition["trigger"], "steps": definition["steps"], "secrets": None}
    await _write_draft(connection, workspace_id, id_, draft, 0, author)
    return id_


async def find_draft(connection: Connection, workspace_id: int, id_: int) -> DraftRow:
    """Return the draft of an automation, or its published state as a draft of revision 0. Raises NotFound.

    `is_changed` says whether there is a draft.
    """
    automation = await find_automation(connection, workspace_id, id_)
    async with connection.cursor(row_factory=dict_row) as cursor:
        draft = await (await cursor.execute(SELECT_DRAFT_SQL, (workspace_id, id_))).fetchone()
    return _draft_record(automation, draft)


async def save_draft(
    connection: Connection,
    cipher: Cipher,
    workspace_id: int,
    id_: int,
    changes: Mapping[str, Any],
    revision: int | None,
    author: str,
) -> DraftRow:
    """Save changes of some members to the draft of an automation. What was there before a deletion can come back.

    Raises NotFound, ValidationFailed, or Conflict if `revision` is not that of the draft.
    """
    automation, draft = await _lock_draft(connection, workspace_id, id_, revision)
    known = decrypt_secrets(cipher, automation["secrets"]) | decrypt_secrets(cipher, draft["secrets"])
    changed = {**draft, **changes}
    changed["undo_steps"] = draft["steps"] if len(changed["steps"]) < len(draft["steps"]) else None
    changed["steps"], typed, errors = take_secrets(changed["steps"], known)
    if len(changed["steps"]) > MAX_STEPS or len(orjson.dumps([changed[name] for name in VERSIONED_FIELDS])) > (
        MAX_DRAFT_BYTES
    ):
        errors["steps"] = [f"An automation may have {MAX_STEPS} steps, and a megabyte in all."]
    kept_secrets = {**decrypt_secrets(cipher, draft["secrets"]), **typed}
    if not has_room(kept_secrets):
        kept_secrets = named_secrets(kept_secrets, [*changed["steps"], *(changed["undo_steps"] or ())])
        if not has_room(kept_secrets):
            errors["steps"] = [TOO_MANY_SECRETS_MESSAGE]
    if errors:
        raise ValidationFailed(errors)
    if typed:
        changed["secrets"] = seal_secrets(await cipher.in_transaction(connection), kept_secrets)
    await _write_draft(connection, workspace_id, id_, changed, draft["revision"], author)
    return await find_draft(connection, workspace_id, id_)


async def undo_deletion(
    connection: Connection, workspace_id: int, id_: int, revision: int | None, author: str
) -> DraftRow:
    """Bring the steps back that stood in the draft before one was deleted. Raises NotFound and Conflict."""
    _automation, draft = await _lock_draft(connection, workspace_id, id_, revision)
    if draft["undo_steps"] is None:
        raise Conflict(STALE_DRAFT_MESSAGE)
    restored = {**draft, "steps": draft["undo_steps"], "undo_steps": None}
    await _write_draft(connection, workspace_id, id_, restored, draft["revision"], author)
    return await find_draft(connection, workspace_id, id_)


async def discard_draft(connection: Connection, workspace_id: int, id_: int) -> None:
    """Throw the draft of an automation away. Raises NotFound, or Conflict if nothing of it was published yet."""
    automation = await lock_automation(connection, workspace_id, id_)
    if not automation["version"]:
        raise Conflict("Nothing of it is published: delete the automation.")
    await connection.execute(DELETE_DRAFT_SQL, (workspace_id, id_))


async def find_draft_problems(connection: Connection, workspace_id: int, draft: Mapping[str, Any]) -> FieldErrors:
    """Return the records that a draft names and that are missing. What else is wrong, `check_definition` says."""
    return await missing_references(connection, workspace_id, draft["trigger"], draft["steps"])


async def publish_draft(
    connection: Connection,
    cipher: Cipher,
    workspace_id: int,
    id_: int,
    checked: SentAutomation,
    revision: int,
    author: str,
) -> AutomationRow:
    """Make the draft what runs from now on. `checked` is the draft of that revision, checked.

    The first version switches the automation on. Raises NotFound, ValidationFailed, or Conflict without a draft, or if
    the draft has another revision.
    """
    automation, draft = await _lock_draft(connection, workspace_id, id_, revision)
    if not draft["is_changed"]:
        raise Conflict(NO_DRAFT_MESSAGE)
    missing = await find_draft_problems(connection, workspace_id, draft)
    known = decrypt_secrets(cipher, automation["secrets"]) | decrypt_secrets(cipher, draft["secrets"])
    _steps, _typed, unknown = take_secrets(draft["steps"], known)
    kept_secrets, too_many = await limit_secrets(connection, workspace_id, id_, known, draft["steps"])
    if errors := missing | unknown | too_many | checked.errors:
        raise ValidationFailed(errors)
    fields = {name: checked.fields.get(name) for name in VERSIONED_FIELDS}
    if draft["secrets"]:
        fields["secrets"] = seal_secrets(await cipher.in_transaction(connection), kept_secrets)
    if not automation["version"]:
        fields["is_active"] = True
    published = await store_change(connection, workspace_id, automation, fields, author)
    await connection.execute(DELETE_DRAFT_SQL, (workspace_id, id_))
    return published


async def list_versions(connection: Connection, workspace_id: int, id_: int, end: int, most: int) -> list[DraftRow]:
    """Return published versions of an automation below the version `end`, newest first. Raises NotFound."""
    await find_automation(connection, workspace_id, id_)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_VERSIONS_SQL, (workspace_id, id_, end, most))
        return await cursor.fetchall()


async def restore_version(connection: Connection, workspace_id: int, id_: int, version: int, author: str) -> DraftRow:
    """Make a published version the draft of its automation, in place of the present draft. Raises NotFound."""
    _automation, draft = await _lock_draft(connection, workspace_id, id_, None)
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(SELECT_VERSION_SQL, (workspace_id, id_, version))).fetchone()
    if row is None:
        raise NotFound("There is no such version.")
    restored = {**draft, **{name: row[name] for name in VERSIONED_FIELDS}, "undo_steps": None}
    await _write_draft(connection, workspace_id, id_, restored, draft["revision"], author)
    return await find_draft(connection, workspace_id, id_)


def checked_draft(draft: Mapping[str, Any], allowed_targets: str) -> SentAutomation:
    """Return a draft as it would be published, with what is wrong with it. It compiles templates: use a thread."""
    body = {name: draft[name] for name in VERSIONED_FIELDS}
    return SentAutomation(body, *check_definition(body, allowed_targets))


def _draft_record(automation: AutomationRow, draft: Mapping[str, Any] | None) -> DraftRow:
    shown = draft or {name: automation[name] for name in (*VERSIONED_FIELDS, "updated_at")}
    return {
        "automation_id": automation["id"],
        "revision": 0,
        "updated_by": None,
        "undo_steps": None,
        "secrets": None,
        **shown,
        "is_changed": draft is not None,
    }


async def _lock_draft(
    connection: Connection, workspace_id: int, id_: int, revision: int | None
) -> tuple[AutomationRow, DraftRow]:
    automation = await lock_automation(connection, workspace_id, id_)
    draft = await find_draft(connection, workspace_id, id_)
    if revision not in (None, draft["revision"]):
        raise Conflict(STALE_DRAFT_MESSAGE)
    return automation, draft


async def _write_draft(
    connection: Connection, workspace_id: int, id_: int, draft: Mapping[str, Any], revision: int, author: str
) -> None:
    # A new draft begins at a random revision: an editor of a draft that was published must not meet its number again.
    new = revision + 1 if revision else secrets.randbelow(1 << 40) + 1
    undo = Jsonb(draft["undo_steps"]) if draft.get("undo_steps") is not None else None
    plain = (draft["name"], draft["description"], Jsonb(draft["trigger"]), Jsonb(draft["steps"]))
    await connection.execute(WRITE_DRAFT_SQL, (workspace_id, id_, *plain, undo, draft["secrets"], new, author))
