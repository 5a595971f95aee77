"""Forms as the API and the console make, change, publish and restore them.

The row of a form is its published version. Changes that are not published yet are its draft. Each function that writes
needs a transaction of the caller's.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.forms.definition import complete_settings, merge_settings
from shared.forms.field_definition import complete_fields, find_contradictions
from shared.forms.form_notices import notify_changed
from shared.leads import reference_locks
from shared.leads.placement_settings import complete_placement
from shared.outbound.mail_setup import can_send_mail
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed
from shared.platform.settings import Settings

FormRow = dict[str, Any]
PUBLIC_ID_BYTES = 12  # bytes of a public id
MAX_LISTED_VERSIONS = 200
STALE_DRAFT_MESSAGE = "Somebody else changed this draft meanwhile. Load it again, then make your changes."
NO_MAIL_MESSAGE = (
    "No mail can be sent, so nobody could confirm. Add an integration of type smtp or mailgun, or have the operator "
    "set LEADHUB_SMTP_URL and LEADHUB_MAIL_FROM."
)
NO_DRAFT_MESSAGE = "There is no draft: nothing was changed since the form was published."

_COLUMNS = "id, name, public_id, is_active, fields, settings, version, created_at, updated_at"
SELECT_FORM_SQL = f"SELECT {_COLUMNS} FROM forms WHERE workspace_id = %s AND id = %s"
LOCK_FORM_SQL = f"{SELECT_FORM_SQL} FOR UPDATE"
INSERT_FORM_SQL = """
INSERT INTO forms (workspace_id, name, public_id, is_active, fields, settings) VALUES (%s, %s, %s, %s, %s, %s)
RETURNING id
"""
UPDATE_FORM_SQL = """
UPDATE forms SET name = %s, is_active = %s, fields = %s, settings = %s, version = %s, updated_at = now()
WHERE workspace_id = %s AND id = %s
"""
INSERT_VERSION_SQL = """
INSERT INTO form_versions (workspace_id, form_id, version, name, fields, settings, published_by)
SELECT workspace_id, id, version, name, fields, settings, %s FROM forms WHERE workspace_id = %s AND id = %s
"""
_VERSION_COLUMNS = "version, name, fields, settings, published_at, published_by"
LIST_VERSIONS_SQL = f"""
SELECT {_VERSION_COLUMNS} FROM form_versions WHERE workspace_id = %s AND form_id = %s ORDER BY version DESC LIMIT %s
"""
SELECT_VERSION_SQL = f"""
SELECT {_VERSION_COLUMNS} FROM form_versions WHERE workspace_id = %s AND form_id = %s AND version = %s
"""
SELECT_DRAFT_SQL = """
SELECT name, fields, settings, revision, updated_at, updated_by FROM form_drafts
WHERE workspace_id = %s AND form_id = %s
"""
WRITE_DRAFT_SQL = """
INSERT INTO form_drafts AS d (workspace_id, form_id, name, fields, settings, revision, updated_by)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (workspace_id, form_id) DO UPDATE SET name = excluded.name, fields = excluded.fields,
    settings = excluded.settings, revision = excluded.revision, updated_by = excluded.updated_by, updated_at = now()
"""
PUBLISHED_KEYS_SQL = """
SELECT DISTINCT field->>'key' FROM form_versions, jsonb_array_elements(fields) AS field
WHERE workspace_id = %s AND form_id = %s
"""
DELETE_DRAFT_SQL = "DELETE FROM form_drafts WHERE workspace_id = %s AND form_id = %s"
DELETE_FORM_SQL = "DELETE FROM forms WHERE workspace_id = %s AND id = %s"


async def find_form(connection: Connection, workspace_id: int, id_: int) -> FormRow:
    """Return the row of a form. Raises NotFound."""
    return await _select_one(connection, SELECT_FORM_SQL, workspace_id, id_)


async def create_form(
    connection: Connection,
    settings: Settings,
    workspace_id: int,
    fields: Mapping[str, Any],
    errors: FieldErrors,
    author: str,
) -> FormRow:
    """Create a form of checked members; it is published at once. Raises ValidationFailed with all errors."""
    empty: FormRow = {"fields": [], "settings": {}, "is_active": True}
    new = await _changed_form(connection, workspace_id, empty, {"settings": {}, **fields}, errors)
    await _require_mail(connection, settings, workspace_id, new)
    public_id = secrets.token_urlsafe(PUBLIC_ID_BYTES)
    values = (workspace_id, new["name"], public_id, new["is_active"], Jsonb(new["fields"]), Jsonb(new["settings"]))
    [(id_,)] = await (await connection.execute(INSERT_FORM_SQL, values)).fetchall()
    await connection.execute(INSERT_VERSION_SQL, (author, workspace_id, id_))
    await notify_changed(connection)  # a cache may hold its id as unknown
    return await find_form(connection, workspace_id, id_)


async def lock_form(connection: Connection, workspace_id: int, id_: int) -> FormRow:
    """Return the row of a form, locked until the transaction ends. Raises NotFound."""
    await reference_locks.lock_shared(connection, [workspace_id])
    return await _select_one(connection, LOCK_FORM_SQL, workspace_id, id_)


async def change_form(
    connection: Connection,
    settings: Settings,
    workspace_id: int,
    stored: FormRow,
    fields: Mapping[str, Any],
    errors: FieldErrors,
    author: str,
) -> FormRow:
    """Change a locked form; the change is published at once. Raises ValidationFailed with all errors.

    Fields are replaced as a whole, settings one by one: null removes one. Its draft, if there is one, stays.
    """
    changed = await _changed_form(connection, workspace_id, stored, fields, errors)
    return await _publish(connection, settings, workspace_id, stored, changed, author)


async def delete_form(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete a form with its versions and its draft. Its submissions and leads stay. Raises NotFound."""
    if (await connection.execute(DELETE_FORM_SQL, (workspace_id, id_))).rowcount == 0:
        raise NotFound
    await notify_changed(connection)


async def find_draft(connection: Connection, workspace_id: int, id_: int) -> FormRow:
    """Return the draft of a form, or its published state as a draft of revision 0. Raises NotFound."""
    form = await find_form(connection, workspace_id, id_)
    async with connection.cursor(row_factory=dict_row) as cursor:
        draft = await (await cursor.execute(SELECT_DRAFT_SQL, (workspace_id, id_))).fetchone()
    return draft_record(form, draft)


async def save_draft(
    connection: Connection, workspace_id: int, id_: int, fields: Mapping[str, Any], errors: FieldErrors, author: str
) -> FormRow:
    """Save changes to the draft of a form. Fields are replaced as a whole, settings one by one.

    Raises NotFound, ValidationFailed, or Conflict if `sent["revision"]` is not that of the draft.
    """
    await lock_form(connection, workspace_id, id_)
    draft = await find_draft(connection, workspace_id, id_)
    if fields.get("revision") not in (None, draft["revision"]):
        raise Conflict(STALE_DRAFT_MESSAGE)
    changed = await _changed_form(connection, workspace_id, draft, fields, errors)
    await _write_draft(connection, workspace_id, id_, changed, draft["revision"], author)
    return await find_draft(connection, workspace_id, id_)


async def discard_draft(connection: Connection, workspace_id: int, id_: int) -> None:
    """Throw the draft of a form away. Raises NotFound."""
    await lock_form(connection, workspace_id, id_)
    await connection.execute(DELETE_DRAFT_SQL, (workspace_id, id_))


async def publish_draft(
    connection: Connection, settings: Settings, workspace_id: int, id_: int, author: str, revision: int | None = None
) -> FormRow:
    """Make the draft of a form its published version.

    Raises NotFound, ValidationFailed for what `problems` of the draft say, or Conflict without a draft, or if
    `revision` is not that of the draft.
    """
    stored = await lock_form(connection, workspace_id, id_)
    draft = await find_draft(connection, workspace_id, id_)
    if not draft["is_changed"]:
        raise Conflict(NO_DRAFT_MESSAGE)
    if revision not in (None, draft["revision"]):
        raise Conflict(STALE_DRAFT_MESSAGE)
    if problems := find_contradictions(draft["fields"]):
        raise ValidationFailed(problems)
    form = await _publish(connection, settings, workspace_id, stored, draft, author)
    await connection.execute(DELETE_DRAFT_SQL, (workspace_id, id_))
    return form


async def find_mail_problem(
    connection: Connection, settings: Settings, workspace_id: int, form: Mapping[str, Any]
) -> FieldErrors:
    """Return the problem of a form or draft that asks for confirmations by mail while no mail can be sent."""
    if not form["settings"].get("double_opt_in") or await can_send_mail(connection, settings, workspace_id):
        return {}
    return {"settings.double_opt_in": [NO_MAIL_MESSAGE]}


async def list_versions(connection: Connection, workspace_id: int, id_: int) -> list[FormRow]:
    """Return the newest published versions of a form, newest first. Raises NotFound."""
    await find_form(connection, workspace_id, id_)
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LIST_VERSIONS_SQL, (workspace_id, id_, MAX_LISTED_VERSIONS))).fetchall()
    return [form_record(row) for row in rows]


async def find_published_keys(connection: Connection, workspace_id: int, id_: int) -> set[str]:
    """Return the keys of all fields that a version of the form ever had."""
    rows = await (await connection.execute(PUBLISHED_KEYS_SQL, (workspace_id, id_))).fetchall()
    return {key for (key,) in rows}


async def restore_version(connection: Connection, workspace_id: int, id_: int, version: int, author: str) -> FormRow:
    """Make a published version the draft of its form, in place of the present draft. Raises NotFound."""
    await lock_form(connection, workspace_id, id_)
    draft = await find_draft(connection, workspace_id, id_)
    async with connection.cursor(row_factory=dict_row) as cursor:
        old_version = await (await cursor.execute(SELECT_VERSION_SQL, (workspace_id, id_, version))).fetchone()
    if old_version is None:
        raise NotFound("There is no such version.")
    await _write_draft(connection, workspace_id, id_, old_version, draft["revision"], author)
    return await find_draft(connection, workspace_id, id_)


def form_record(row: Mapping[str, Any]) -> FormRow:
    """Return a form, version or draft with all members of its fields and settings."""
    return {**row, "fields": complete_fields(row["fields"]), "settings": complete_settings(row["settings"])}


def draft_record(form: FormRow, draft: Mapping[str, Any] | None) -> FormRow:
    """Return a draft as it is shown: `is_changed` says whether there is one, `problems` what contradicts itself.

    Its settings are those that are set; the caller completes them.
    """
    shown = draft or {name: form[name] for name in ("name", "fields", "settings", "updated_at")}
    return {
        "form_id": form["id"],
        "revision": 0,
        "updated_by": None,
        **shown,
        "is_changed": draft is not None,
        "published_version": form["version"],
        "problems": find_contradictions(shown["fields"]),
    }


async def _changed_form(
    connection: Connection, workspace_id: int, stored: Mapping[str, Any], fields: Mapping[str, Any], errors: FieldErrors
) -> FormRow:
    """Return the members to store. Raises ValidationFailed with these errors and those of the placement."""
    settings = fields.get("settings")
    if settings:
        settings, misplaced = await complete_placement(connection, workspace_id, stored["settings"], settings)
        errors = errors | misplaced
    if errors:
        raise ValidationFailed(errors)
    changed = {**stored, **{name: fields[name] for name in ("name", "is_active") if name in fields}}
    if "fields" in fields:
        changed["fields"] = complete_fields(fields["fields"])
    if "settings" in fields:
        changed["settings"] = merge_settings(stored["settings"], settings)
    return changed


async def _require_mail(connection: Connection, settings: Settings, workspace_id: int, form: Mapping[str, Any]) -> None:
    if problem := await find_mail_problem(connection, settings, workspace_id, form):
        raise ValidationFailed(problem)


async def _publish(
    connection: Connection,
    settings: Settings,
    workspace_id: int,
    stored: FormRow,
    changed: Mapping[str, Any],
    author: str,
) -> FormRow:
    """Store the members of a form. What visitors see has a new version; switching it on or off makes none."""
    is_new_version = any(changed[name] != stored[name] for name in ("name", "fields", "settings"))
    is_active = changed.get("is_active", stored["is_active"])
    is_other_form = any(changed[name] != stored[name] for name in ("fields", "settings"))  # a name promises no mail
    if is_other_form or (is_active and not stored["is_active"]):
        await _require_mail(connection, settings, workspace_id, changed)
    values = (
        changed["name"],
        is_active,
        Jsonb(changed["fields"]),
        Jsonb(changed["settings"]),
        stored["version"] + is_new_version,
        workspace_id,
        stored["id"],
    )
    await connection.execute(UPDATE_FORM_SQL, values)
    if is_new_version:
        await connection.execute(INSERT_VERSION_SQL, (author, workspace_id, stored["id"]))
    await notify_changed(connection)
    return await find_form(connection, workspace_id, stored["id"])


async def _write_draft(
    connection: Connection, workspace_id: int, id_: int, draft: Mapping[str, Any], revision: int, author: str
) -> None:
    # A new draft begins at a random revision: an editor of a draft that was published must not meet its number again.
    new = revision + 1 if revision else secrets.randbelow(1 << 40) + 1
    content = (draft["name"], Jsonb(draft["fields"]), Jsonb(draft["settings"]))
    await connection.execute(WRITE_DRAFT_SQL, (workspace_id, id_, *content, new, author))


async def _select_one(connection: Connection, statement: str, workspace_id: int, id_: int) -> FormRow:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(statement, (workspace_id, id_))).fetchone()
    if row is None:
        raise NotFound
    return row
