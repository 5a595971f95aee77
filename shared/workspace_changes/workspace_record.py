"""Read a workspace with its settings, and change them."""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.forms.form_notices import notify_changed
from shared.operations.workspace_alarms import ALARM_CODES, changed_alarms, complete_alarms
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, NotFound, ValidationFailed
from shared.platform.settings import Settings
from shared.retention import RETENTION_KINDS, change_retention, read_retention, retention_errors
from shared.workspace_changes.alarm_readers import find_unknown_readers
from shared.workspace_changes.mail_server import (
    MailChange,
    audited_server,
    change_mail_server,
    mail_with_changes,
    read_mail,
)
from shared.workspace_changes.workspace_fields import SETTING_COLUMNS, normalise_entries
from shared.workspaces import apply_settings

WorkspaceJson = dict[str, Any]

READ_SQL = f"SELECT id, slug, created_at, alarms, {', '.join(SETTING_COLUMNS)} FROM workspaces WHERE id = %s"
STORE_ALARMS_SQL = "UPDATE workspaces SET alarms = %s WHERE id = %s"
LOCK_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"


async def read_workspace(
    connection: Connection, cipher: Cipher, settings: Settings, workspace_id: int
) -> WorkspaceJson:
    """Return a workspace with its settings, and how its mails and alarms go out. Raises NotFound."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        record = await (await cursor.execute(READ_SQL, (workspace_id,))).fetchone()
    if record is None:
        raise NotFound
    return {
        **record,
        "retention": await read_retention(connection, workspace_id),
        "installation_days": settings.keep_days,
        "mail": await read_mail(connection, cipher, settings, workspace_id),
        "alarms": {
            "mail": bool(settings.alarm_email),
            "slack": bool(settings.alarm_slack_url),
            **complete_alarms(record["alarms"]),
        },
    }


async def changed_record(
    connection: Connection, record: WorkspaceJson, fields: Mapping[str, Any], settings: Settings
) -> WorkspaceJson:
    """Return a record as it would be, its readers of alarms looked up. Raises ValidationFailed by field."""
    unknown = await find_unknown_readers(connection, record["id"], fields.get("alarms") or {})
    if unknown:
        raise ValidationFailed(unknown)
    return with_changes(record, fields, settings)


def with_changes(record: WorkspaceJson, fields: Mapping[str, Any], settings: Settings) -> WorkspaceJson:
    """Return a record as it would be with the fields that were sent. Raises ValidationFailed by field. Pure."""
    errors: FieldErrors = {}
    after = {**record, **{name: fields[name] for name in SETTING_COLUMNS if name in fields}}
    if "never_join" in fields:
        after["never_join"] = normalise_entries(fields["never_join"], after["country"], errors)
    sent = fields.get("retention") or {}
    after["retention"] = record["retention"] | {kind: sent[kind] for kind in RETENTION_KINDS if kind in sent}
    if sent:
        wrong = retention_errors(after["retention"], settings.keep_days)
        errors |= {f"retention.{kind}": messages for kind, messages in wrong.items()}
    if "alarms" in fields:
        after["alarms"] = {**record["alarms"], **changed_alarms(record["alarms"], fields["alarms"] or {})}
    if "mail" in fields:
        after["mail"] = mail_with_changes(record["mail"], fields["mail"], settings.allowed_targets, errors)
    if errors:
        raise ValidationFailed(errors)
    return after


async def change_workspace(
    connection: Connection, cipher: Cipher, settings: Settings, workspace_id: int, fields: Mapping[str, Any]
) -> tuple[WorkspaceJson, WorkspaceJson]:
    """Change settings in the caller's transaction. Return the record before and after. Raises ValidationFailed."""
    await connection.execute(LOCK_SQL, (workspace_id,))
    before = await read_workspace(connection, cipher, settings, workspace_id)
    after = await changed_record(connection, before, fields, settings)
    changes = {name: after[name] for name in SETTING_COLUMNS if after[name] != before[name]}
    if changes:
        await apply_settings(connection, workspace_id, changes)
    if "spam_threshold" in changes:
        await notify_changed(connection)
    if after["retention"] != before["retention"]:
        await change_retention(connection, workspace_id, after["retention"], settings.keep_days)
    if after["alarms"] != before["alarms"]:
        alarms = {code: after["alarms"][code] for code in ALARM_CODES}
        await connection.execute(STORE_ALARMS_SQL, (Jsonb(alarms), workspace_id))
    if "mail" in fields:
        await change_mail_server(connection, cipher, workspace_id, MailChange(before["mail"], fields["mail"]))
        after["mail"] = await read_mail(connection, cipher, settings, workspace_id)
    return before, after


def audited_changes(before: WorkspaceJson, after: WorkspaceJson) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the audit log keeps of a change: the settings that differ, before and after. Pure."""
    names = [name for name in (*SETTING_COLUMNS, "retention", "alarms") if before[name] != after[name]]
    was, now = {name: before[name] for name in names}, {name: after[name] for name in names}
    servers = before["mail"]["server"], after["mail"]["server"]
    if servers[0] != servers[1]:
        was["smtp"], now["smtp"] = audited_server(servers[0]), audited_server(servers[1])
    return was, now
