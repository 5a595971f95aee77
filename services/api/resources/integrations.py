"""`/api/v1/integrations`. Credentials are stored encrypted and only shown masked."""

import secrets
from typing import NamedTuple

import orjson
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import automations
from services.api.context import CIPHER_KEY, SETTINGS_KEY, driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource
from services.api.pages import page_of, page_response
from services.api.placement_settings import complete_placement
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.integrations import IntegrationFields, IntegrationRecord, IntegrationTypeRecord
from services.api.webhook_receivers import cancel_deliveries, forget_receiver
from shared.auth.key_format import hash_key
from shared.crypto.encryption import Cipher, DecryptionError
from shared.errors import FieldErrors
from shared.forms.definition import merge_settings
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.credentials import merge_credentials, shown_credentials
from shared.integrations.integration_type import IntegrationType
from shared.integrations.mapping_settings import complete_integration_settings
from shared.leads import reference_locks
from shared.models import Integration
from shared.observability import logging
from shared.outbound.deliveries import MAIL_INTEGRATION_TYPES, integration_endpoint
from shared.web.audit import audit_change
from shared.web.authorization import requires_scope
from shared.web.client_address import base_url
from shared.web.openapi import request_body, responds
from shared.web.path_params import path_id
from shared.web.responses import json_response

log = logging.get_logger()

INTEGRATION_RESOURCE = Resource(Integration, IntegrationRecord, {"token": Integration.__table__.c.token})
TYPE_CHANGE_MESSAGE = "The type field cannot be changed: make another integration instead."


@requires_scope("read:integrations")
@responds(list[IntegrationTypeRecord])
async def types(_: web.Request) -> web.Response:
    """List all types of integrations, with the credentials that each needs."""
    return json_response({"data": [_type_record(kind) for kind in INTEGRATION_TYPES.values()]})


@requires_scope("read:integrations")
@responds(IntegrationRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the integrations, newest first."""
    page = page_of(request)
    async with listing(request) as connection:
        rows, total = await INTEGRATION_RESOURCE.read_page(connection, workspace_of(request), page)
    return json_response(page_response(request, [_integration_record(request, row) for row in rows], page, total))


@requires_scope("write:integrations")
@request_body(IntegrationFields, required=("type", "name"), example={"type": "webhook", "name": "Our website"})
@responds(IntegrationRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create an integration. A type that sends requests to us gets an address for them: its `webhook_url`."""
    workspace, vault = workspace_of(request), request.app[CIPHER_KEY]
    fields, errors = await body_and_errors(request)
    kind = INTEGRATION_TYPES.get(fields.get("type"))
    credentials = merge_credentials(kind, {}, fields.get("credentials") or {}, errors) if kind else {}

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        settings = await _changed_settings(connection, workspace, {}, fields.get("settings"), errors)
        sealed = {"credentials": _encrypt_credentials(vault, credentials), **_new_token(vault)}
        row = await INTEGRATION_RESOURCE.insert(connection, workspace, {**fields, "settings": settings, **sealed})
        await forget_receiver(
            connection, workspace, integration_endpoint(row["type"], row["id"])
        )  # mail may be sent through another integration now
        return row

    row = await writing(request, create_in_transaction)
    return json_response(
        {"data": _integration_record(request, row)}, 201, {"Location": f"/api/v1/integrations/{row['id']}"}
    )


@requires_scope("read:integrations")
@responds(IntegrationRecord)
async def show(request: web.Request) -> web.Response:
    """Show an integration."""
    async with reading(request) as connection:
        row = await INTEGRATION_RESOURCE.find(connection, workspace_of(request), path_id(request))
    return json_response({"data": _integration_record(request, row)})


@requires_scope("write:integrations")
@request_body(IntegrationFields, example={"settings": {"source": "website"}})
@responds(IntegrationRecord)
async def update(request: web.Request) -> web.Response:
    """Change an integration. Credentials and settings change key by key: null removes one, a masked one stays.

    For a type that sends, the secrets must be sent again if another credential changes, such as the host, port or user.
    Pending messages are tried at once, even after failures.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        await reference_locks.lock_shared(await driver_connection(connection), [workspace])
        await _forget_receiver(connection, workspace, id_)
        row = await INTEGRATION_RESOURCE.find_for_update(connection, workspace, id_)
        audit_change(request, row, fields)
        changes = await _integration_values(connection, request.app[CIPHER_KEY], workspace, row, fields, dict(errors))
        return await INTEGRATION_RESOURCE.update(connection, workspace, id_, changes)

    return json_response({"data": _integration_record(request, await writing(request, update_in_transaction))})


@requires_scope("write:integrations")
@responds(None, status=204, other_statuses=(409,))
async def delete(request: web.Request) -> web.Response:
    """Delete an integration. Its address stops working; leads that came from it stay.

    An integration that automations use cannot be deleted: the message names them.
    """
    workspace, id_ = workspace_of(request), path_id(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        await cancel_deliveries(connection, workspace, "integration", id_)
        if (row := await INTEGRATION_RESOURCE.find(connection, workspace, id_))["type"] in MAIL_INTEGRATION_TYPES:
            await forget_receiver(connection, workspace, integration_endpoint(row["type"], id_))
        await INTEGRATION_RESOURCE.find_for_update(connection, workspace, id_)
        await automations.reject_if_in_use(connection, workspace, id_)
        await INTEGRATION_RESOURCE.delete(connection, workspace, id_)

    await writing(request, delete_in_transaction)
    return web.Response(status=204)


async def _forget_receiver(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete the state of the integration's receiver. Raises NotFound."""
    row = await INTEGRATION_RESOURCE.find(connection, workspace_id, id_)
    await forget_receiver(connection, workspace_id, integration_endpoint(row["type"], id_))


class DecryptedIntegration(NamedTuple):
    """The decrypted secrets of an integration, or none and the reason if this service lacks the encryption key."""

    credentials: dict[str, str]
    token: str | None
    problem: str | None


def _decrypt_integration(vault: Cipher, row: RecordDict) -> DecryptedIntegration:
    try:
        return DecryptedIntegration(orjson.loads(vault.decrypt(row["credentials"])), vault.decrypt(row["token"]), None)
    except DecryptionError as error:
        log.warning("integration.unreadable", integration_id=row["id"])
        return DecryptedIntegration(
            {}, None, f"The {error}. Enter them again, or give the service the key that it had."
        )


def _encrypt_credentials(vault: Cipher, credentials: dict[str, str]) -> bytes:
    return vault.encrypt(orjson.dumps(credentials).decode())


def _new_token(vault: Cipher) -> RecordDict:
    token = secrets.token_urlsafe(32)
    return {"token": vault.encrypt(token), "token_digest": hash_key(token)}


async def _integration_values(
    connection: AsyncConnection,
    vault: Cipher,
    workspace_id: int,
    row: RecordDict,
    fields: RecordDict,
    errors: FieldErrors,
) -> RecordDict:
    """Return the values to store. Raises ValidationFailed with all errors of the body."""
    changes = dict(fields)
    if changes.pop("type", row["type"]) != row["type"]:
        errors["type"] = [TYPE_CHANGE_MESSAGE]
    opened = _decrypt_integration(vault, row)
    if "credentials" in fields:
        sent = fields["credentials"]
        stored = {} if sent is None else opened.credentials
        credentials = merge_credentials(INTEGRATION_TYPES[row["type"]], stored, sent or {}, errors)
    sent_settings = fields.get("settings", {})
    changes["settings"] = await _changed_settings(connection, workspace_id, row["settings"], sent_settings, errors)
    if "credentials" in fields:
        changes["credentials"] = _encrypt_credentials(vault, credentials)
        changes |= {} if opened.token else _new_token(vault)
    return changes


async def _changed_settings(
    connection: AsyncConnection, workspace_id: int, stored: RecordDict, sent: RecordDict | None, errors: FieldErrors
) -> RecordDict:
    """Return the settings to store. Raises ValidationFailed for errors in them, and for `errors`."""
    changed, misplaced = await complete_placement(connection, workspace_id, stored, sent or {})
    raise_if_invalid(errors | misplaced)
    return merge_settings(stored, None if sent is None else changed)


def _integration_record(request: web.Request, row: RecordDict) -> RecordDict:
    row = dict(row)
    kind, opened = INTEGRATION_TYPES[row["type"]], _decrypt_integration(request.app[CIPHER_KEY], row)
    del row["token"]
    address = f"{base_url(request, request.app[SETTINGS_KEY])}/api/inbound/webhooks/{opened.token}"
    return {
        **row,
        "settings": complete_integration_settings(row["settings"]),
        "credentials": shown_credentials(kind, opened.credentials),
        "webhook_url": address if kind.is_inbound and opened.token else None,
        "last_error": opened.problem or row["last_error"],
    }


def _type_record(kind: IntegrationType) -> IntegrationTypeRecord:
    return {
        "type": kind.type,
        "name": kind.name,
        "direction": kind.direction,
        "fields": [
            {"key": field.key, "label": field.label, "required": field.required, "secret": field.secret}
            for field in kind.fields
        ],
        "verification": kind.verification,
        "docs": kind.docs,
    }
