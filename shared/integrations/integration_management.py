"""The integrations of a workspace as the API and the console make, change and delete them.

Each function that writes needs a transaction of the caller's.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.auth.key_format import hash_key
from shared.forms.definition import merge_settings
from shared.integrations.account_claims import claim_accounts, release_accounts
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.conversion_settings import CONVERSION_TYPES, NO_CONVERSIONS_MESSAGE, conversion_stages
from shared.integrations.credentials import merge_credentials, shown_credentials
from shared.integrations.integration_cache import notify_changed
from shared.integrations.mapping_settings import complete_integration_settings
from shared.leads import reference_locks
from shared.leads.placement_settings import complete_placement
from shared.leads.workspace_settings import load_board
from shared.outbound.deliveries import MAIL_INTEGRATION_TYPES, integration_endpoint
from shared.outbound.receivers import cancel_deliveries, forget_receiver
from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed
from shared.platform.observability import logging

log = logging.get_logger()

IntegrationRow = dict[str, Any]
WEBHOOK_PATH = "/api/inbound/webhooks/"
TYPE_CHANGE_MESSAGE = "The type field cannot be changed: make another integration instead."
MAX_NAMED_AUTOMATIONS = 5  # named in an error message

_COLUMNS = (
    "id, type, name, is_active, settings, credentials, token, last_received_at, last_error, created_at, updated_at"
)
SELECT_INTEGRATION_SQL = f"SELECT {_COLUMNS} FROM integrations WHERE workspace_id = %s AND id = %s"
LOCK_INTEGRATION_SQL = f"{SELECT_INTEGRATION_SQL} FOR UPDATE"
LIST_INTEGRATIONS_SQL = f"SELECT {_COLUMNS} FROM integrations WHERE workspace_id = %s ORDER BY id DESC LIMIT %s"
INSERT_INTEGRATION_SQL = """
INSERT INTO integrations (workspace_id, type, name, is_active, settings, credentials, token, token_digest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
UPDATE_INTEGRATION_SQL = """
UPDATE integrations SET name = %s, is_active = %s, settings = %s, credentials = %s, updated_at = now()
WHERE workspace_id = %s AND id = %s
"""
STORE_ADDRESS_SQL = """
UPDATE integrations SET token = %s, token_digest = %s, updated_at = now() WHERE workspace_id = %s AND id = %s
"""
DELETE_INTEGRATION_SQL = "DELETE FROM integrations WHERE workspace_id = %s AND id = %s"
DELETE_POLLS_SQL = "DELETE FROM source_polls WHERE workspace_id = %s AND integration_id = %s"
# With other credentials, leads that wait to be fetched are fetched at once.
FETCH_AT_ONCE_SQL = """
UPDATE source_fetches f SET due_at = now()
FROM (SELECT workspace_id, id FROM source_fetches
      WHERE workspace_id = %s AND integration_id = %s AND due_at > now() FOR UPDATE SKIP LOCKED) waiting
WHERE f.workspace_id = waiting.workspace_id AND f.id = waiting.id
"""
AUTOMATIONS_USING_SQL = """
SELECT name FROM automations WHERE workspace_id = %s
  AND steps @> jsonb_build_array(jsonb_build_object('action', jsonb_build_object('integration_id', %s::bigint)))
ORDER BY id
"""


class DecryptedIntegration(NamedTuple):
    """The decrypted secrets of an integration, or none and the reason if this service lacks the encryption key."""

    credentials: dict[str, str]
    token: str | None
    problem: str | None


def decrypt_integration(cipher: Cipher, row: Mapping[str, Any]) -> DecryptedIntegration:
    """Return the secrets of an integration's row."""
    try:
        credentials = orjson.loads(cipher.decrypt(bytes(row["credentials"])))
        return DecryptedIntegration(credentials, cipher.decrypt(bytes(row["token"])), None)
    except DecryptionError as error:
        log.warning("integration.unreadable", integration_id=row["id"])
        problem = f"The {error}. Enter them again, or give the service the key that it had."
        return DecryptedIntegration({}, None, problem)


def integration_record(cipher: Cipher, row: Mapping[str, Any], base_url: str) -> IntegrationRow:
    """Return an integration as it is shown: secrets masked, and the address that its provider posts to."""
    kind, opened = INTEGRATION_TYPES[row["type"]], decrypt_integration(cipher, row)
    shown = {name: value for name, value in row.items() if name != "token"}
    return {
        **shown,
        "settings": complete_integration_settings(row["settings"]),
        "credentials": shown_credentials(kind, opened.credentials),
        "webhook_url": f"{base_url}{WEBHOOK_PATH}{opened.token}" if kind.is_inbound and opened.token else None,
        "last_error": opened.problem or row["last_error"],
    }


async def list_integrations(connection: Connection, workspace_id: int, most: int = 500) -> list[IntegrationRow]:
    """Return the newest integrations of a workspace."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(LIST_INTEGRATIONS_SQL, (workspace_id, most))).fetchall()


async def find_integration(connection: Connection, workspace_id: int, id_: int) -> IntegrationRow:
    """Return an integration's row. Raises NotFound."""
    return await _select_one(connection, SELECT_INTEGRATION_SQL, workspace_id, id_)


async def create_integration(
    connection: Connection, cipher: Cipher, workspace_id: int, fields: Mapping[str, Any], errors: FieldErrors
) -> IntegrationRow:
    """Create an integration of checked fields. Raises ValidationFailed with these `errors` and all others."""
    errors = dict(errors)
    kind = INTEGRATION_TYPES.get(fields.get("type") or "")
    credentials = merge_credentials(kind, {}, fields.get("credentials") or {}, errors) if kind else {}
    settings = await _changed_settings(connection, workspace_id, fields.get("type"), {}, fields.get("settings"), errors)
    token, sealing = secrets.token_urlsafe(32), await cipher.in_transaction(connection)
    values = (
        workspace_id,
        fields["type"],
        fields["name"],
        fields.get("is_active", True),
        Jsonb(settings),
        _encrypt_credentials(sealing, credentials),
        sealing.encrypt(token),
        hash_key(token),
    )
    [(id_,)] = await (await connection.execute(INSERT_INTEGRATION_SQL, values)).fetchall()
    await claim_accounts(connection, workspace_id, id_, fields["type"], credentials, settings.get("accounts", []))
    # Mail may be sent through another integration now.
    await forget_receiver(connection, workspace_id, integration_endpoint(fields["type"], id_))
    await notify_changed(connection)
    return await find_integration(connection, workspace_id, id_)


async def change_integration(
    connection: Connection,
    cipher: Cipher,
    workspace_id: int,
    id_: int,
    fields: Mapping[str, Any],
    errors: FieldErrors,
    before_change: Callable[[IntegrationRow], object] = lambda row: None,
) -> IntegrationRow:
    """Change an integration. Raises NotFound, or ValidationFailed with these `errors` and all others.

    Credentials and settings change key by key: null removes one, a masked one stays. `before_change` gets the stored
    row, for the audit log.
    """
    await reference_locks.lock_shared(connection, [workspace_id])
    await _forget_state(connection, workspace_id, id_)
    row = await _select_one(connection, LOCK_INTEGRATION_SQL, workspace_id, id_)
    before_change(row)
    errors = dict(errors)
    if fields.get("type", row["type"]) != row["type"]:
        errors["type"] = [TYPE_CHANGE_MESSAGE]
    opened, sealing = decrypt_integration(cipher, row), await cipher.in_transaction(connection)
    credentials = None
    if "credentials" in fields:
        sent = fields["credentials"]
        stored = {} if sent is None else opened.credentials
        credentials = merge_credentials(INTEGRATION_TYPES[row["type"]], stored, sent or {}, errors)
    settings = await _changed_settings(
        connection, workspace_id, row["type"], row["settings"], fields.get("settings", {}), errors
    )
    values = (
        fields.get("name", row["name"]),
        fields.get("is_active", row["is_active"]),
        Jsonb(settings),
        row["credentials"] if credentials is None else _encrypt_credentials(sealing, credentials),
        workspace_id,
        id_,
    )
    await connection.execute(UPDATE_INTEGRATION_SQL, values)
    if credentials is not None:
        await connection.execute(FETCH_AT_ONCE_SQL, (workspace_id, id_))
    known = opened.credentials if credentials is None else credentials
    await claim_accounts(connection, workspace_id, id_, row["type"], known, settings.get("accounts", []))
    if credentials is not None and opened.token is None:
        await _set_new_token(connection, cipher, workspace_id, id_)
    await notify_changed(connection)
    return await find_integration(connection, workspace_id, id_)


async def rotate_webhook_url(connection: Connection, cipher: Cipher, workspace_id: int, id_: int) -> IntegrationRow:
    """Give an integration another address. The old one stops within five seconds. Raises NotFound."""
    await _select_one(connection, LOCK_INTEGRATION_SQL, workspace_id, id_)
    await _set_new_token(connection, cipher, workspace_id, id_)
    await notify_changed(connection)
    return await find_integration(connection, workspace_id, id_)


async def delete_integration(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete an integration. Raises NotFound, or Conflict that names the automations that use it."""
    await cancel_deliveries(connection, workspace_id, "integration", id_)
    if (row := await find_integration(connection, workspace_id, id_))["type"] in MAIL_INTEGRATION_TYPES:
        await forget_receiver(connection, workspace_id, integration_endpoint(row["type"], id_))
    await _select_one(connection, LOCK_INTEGRATION_SQL, workspace_id, id_)
    await _reject_if_in_use(connection, workspace_id, id_)
    await release_accounts(connection, workspace_id, id_)
    await connection.execute(DELETE_INTEGRATION_SQL, (workspace_id, id_))
    await connection.execute(DELETE_POLLS_SQL, (workspace_id, id_))
    await notify_changed(connection)


async def _select_one(connection: Connection, query: str, workspace_id: int, id_: int) -> IntegrationRow:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(query.encode(), (workspace_id, id_))).fetchone()
    if row is None:
        raise NotFound
    return row


async def _forget_state(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete the state of the integration's receiver, so that pending messages are tried at once. Raises NotFound."""
    row = await find_integration(connection, workspace_id, id_)
    await forget_receiver(connection, workspace_id, integration_endpoint(row["type"], id_))


async def _reject_if_in_use(connection: Connection, workspace_id: int, integration_id: int) -> None:
    """Raise Conflict if automations refer to an integration, active or not. Lock the integration first."""
    rows = await (await connection.execute(AUTOMATIONS_USING_SQL, (workspace_id, integration_id))).fetchall()
    names = [row[0] for row in rows]
    if names:
        said = ", ".join(f'"{name}"' for name in names[:MAX_NAMED_AUTOMATIONS])
        more = f" and {len(names) - MAX_NAMED_AUTOMATIONS} more" if len(names) > MAX_NAMED_AUTOMATIONS else ""
        raise Conflict(f"The integration is in use by automations: {said}{more}.")


async def _set_new_token(connection: Connection, cipher: Cipher, workspace_id: int, id_: int) -> None:
    token = secrets.token_urlsafe(32)
    sealed = (await cipher.in_transaction(connection)).encrypt(token)
    await connection.execute(STORE_ADDRESS_SQL, (sealed, hash_key(token), workspace_id, id_))


async def _changed_settings(
    connection: Connection,
    workspace_id: int,
    type_: str | None,
    stored: Mapping[str, Any],
    settings: Mapping[str, Any] | None,
    errors: FieldErrors,
) -> dict[str, Any]:
    """Return the settings to store. Raises ValidationFailed for errors in them, and for `errors`."""
    changed, misplaced = await complete_placement(connection, workspace_id, dict(stored), dict(settings or {}))
    misplaced = misplaced | await _conversion_errors(connection, workspace_id, type_, changed)
    if errors or misplaced:
        raise ValidationFailed(errors | misplaced)
    return merge_settings(stored, None if settings is None else changed)


async def _conversion_errors(
    connection: Connection, workspace_id: int, type_: str | None, settings: Mapping[str, Any]
) -> FieldErrors:
    """Return errors if conversions are set for a type that sends none, or for stages that the workspace lacks."""
    if settings.get("conversions") and type_ and type_ not in CONVERSION_TYPES:
        return {"settings.conversions": [NO_CONVERSIONS_MESSAGE]}
    stages = conversion_stages(settings)
    if not stages:
        return {}
    board = await load_board(connection, [workspace_id])
    return {
        name: [f"The {name} field: there is no stage {stage}."]
        for name, stage in stages.items()
        if (workspace_id, stage) not in board.stages
    }


def _encrypt_credentials(cipher: TransactionCipher, credentials: Mapping[str, str]) -> bytes:
    return cipher.encrypt(orjson.dumps(credentials).decode())
