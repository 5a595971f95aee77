"""The mail server of a workspace: an integration of the type smtp, seen and changed as a setting.

It is the one that sends the workspace's mails: its oldest active one. Its password is never shown.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.credentials import merge_credentials, shown_credentials
from shared.integrations.integration_management import (
    change_integration,
    create_integration,
    decrypt_integration,
    delete_integration,
    find_integration,
)
from shared.outbound.address_policy import AddressPolicy
from shared.outbound.mail_setup import has_installation_mail, read_mail_senders
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.settings import Settings

MailJson = dict[str, Any]
SMTP = INTEGRATION_TYPES["smtp"]
INTEGRATION_NAME = "Mail"
SECRET_KEY = next(one.key for one in SMTP.fields if one.secret)
PRIVATE_HOST_MESSAGE = "The mail.host field must not be a private address, unless LEADHUB_ALLOWED_TARGETS has it."


async def read_mail(connection: Connection, cipher: Cipher, settings: Settings, workspace_id: int) -> MailJson:
    """Return by whose server the mails of a workspace go, its own one, and whose would be used without it."""
    senders = await read_mail_senders(connection, workspace_id)
    own = senders[0] if senders and senders[0].type == SMTP.type else None
    others = senders[1:] if own else senders
    installation = "installation" if has_installation_mail(settings) else None
    server = None
    if own:
        row = await find_integration(connection, workspace_id, own.id)
        server = shown_credentials(SMTP, decrypt_integration(cipher, row).credentials)
    return {
        "sent_by": "workspace" if senders else installation,
        "without_server": "workspace" if others else installation,
        "integration_id": senders[0].id if senders else None,
        "server": server,
    }


def mail_with_changes(
    mail: MailJson, credentials: Mapping[str, Any] | None, allowed_targets: str, errors: FieldErrors
) -> MailJson:
    """Return the mail of a record as it would be. Null for `credentials` disconnects the server. Pure.

    Errors go into `errors`, under `mail.<key>`.
    """
    if credentials is None:
        return {**mail, "sent_by": mail["without_server"], "server": None}
    shown = mail["server"] or {}
    stored = {key: value for key, value in shown.items() if value is not None}
    found: FieldErrors = {}
    result = merge_credentials(SMTP, stored, sent_credentials(credentials, shown), found)
    errors |= {_mail_field(name): [_mail_field(one) for one in messages] for name, messages in found.items()}
    if "mail.host" not in errors and "host" in result and _is_refused(result["host"], allowed_targets):
        errors["mail.host"] = [PRIVATE_HOST_MESSAGE]
    return {**mail, "sent_by": "workspace", "server": shown_credentials(SMTP, result)}


def sent_credentials(credentials: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent, without spaces around it, and without a password that is the mask of the stored one."""
    texts = {
        key: value.strip() if isinstance(value, str) and key != SECRET_KEY else value
        for key, value in credentials.items()
    }
    if texts.get(SECRET_KEY) is not None and texts.get(SECRET_KEY) == shown.get(SECRET_KEY):
        del texts[SECRET_KEY]
    return texts


def _mail_field(text: str) -> str:
    return text.replace("credentials.", "mail.")


def _is_refused(host: str, allowed_targets: str) -> bool:
    try:
        return AddressPolicy.from_text(allowed_targets).refuses_host(host)
    except ValueError:
        return True


class MailChange(NamedTuple):
    """The mail before, and the credentials that were sent for it."""

    before: MailJson
    credentials: Mapping[str, Any] | None


async def change_mail_server(connection: Connection, cipher: Cipher, workspace_id: int, change: MailChange) -> None:
    """Store a checked change, in the caller's transaction, which holds the workspace. Raises ValidationFailed."""
    own_id = change.before["integration_id"] if change.before["server"] is not None else None
    if change.credentials is None:
        if own_id is not None:
            await delete_integration(connection, workspace_id, own_id)
        return
    credentials = sent_credentials(change.credentials, change.before["server"] or {})
    if own_id is None:
        fields = {"type": SMTP.type, "name": INTEGRATION_NAME, "credentials": credentials}
        await create_integration(connection, cipher, workspace_id, fields, {})
    else:
        await change_integration(connection, cipher, workspace_id, own_id, {"credentials": credentials}, {})


def audited_server(server: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a server as the audit log may have it: without its password."""
    return None if server is None else {key: value for key, value in server.items() if key != SECRET_KEY}
