"""The form of a mail server: what it sends, what is wrong with it, and by what a reader has seen a change. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from services.console.workspace.mail_presets import MailPreset
from shared.platform.errors import FieldErrors
from shared.workspace_changes.mail_server import SECRET_KEY, MailJson, audited_server
from shared.workspace_changes.workspace_record import WorkspaceJson

SHOWN_FIELDS = ("host", "port", "security", "username", "from", "from_name")


def sent_server(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the credentials that a form sends. An empty password stays as it is; without a user there is none."""
    server: dict[str, Any] = {name: form.get(name, "").strip() or None for name in SHOWN_FIELDS}
    if form.get(SECRET_KEY):
        server[SECRET_KEY] = form[SECRET_KEY]
    elif not server["username"]:
        server[SECRET_KEY] = None
    return server


def shown_server(form: Mapping[str, str], mail: MailJson, preset: MailPreset | None) -> dict[str, str]:
    """Return what the fields show: what was typed, else a preset beside the known sender, else what is stored."""
    if "host" in form:
        return {name: form.get(name, "") for name in SHOWN_FIELDS}
    stored = {name: (mail["server"] or {}).get(name) or "" for name in SHOWN_FIELDS}
    if preset is None:
        return stored
    chosen = {"host": preset.host, "port": preset.port, "security": preset.security, "username": preset.username}
    return {**stored, **chosen}


def mail_digest(before: WorkspaceJson, after: WorkspaceJson) -> str:
    """Return what a form sends along to say which change its reader has seen. The password is no part of it."""
    pair = [audited_server(record["mail"]["server"]) for record in (before, after)]
    return hashlib.sha256(orjson.dumps(pair, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def without_password(errors: FieldErrors) -> FieldErrors:
    """Return the errors before the password is asked for."""
    return {field: messages for field, messages in errors.items() if field != f"mail.{SECRET_KEY}"}
