"""`/api/v1/integrations`. Credentials are stored encrypted and only shown masked."""

import secrets
from typing import NamedTuple

import orjson
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import automations
from services.api.endpoints import cancel, forget
from services.api.pages import base_url, page_of, paged
from services.api.placing import placed
from services.api.records import Noun, Record
from services.api.requests import body_and_errors, check, workspace_of
from services.api.shapes.integrations import IntegrationFields, IntegrationRecord, IntegrationTypeRecord
from services.api.state import VAULT, listing, raw, reading, writing
from shared import logging
from shared.deliveries import MAILERS, integration_endpoint
from shared.errors import Fields
from shared.forms.definition import merge_settings
from shared.integrations.credentials import merged, shown
from shared.integrations.fields import IntegrationType
from shared.integrations.settings import complete
from shared.integrations.types import TYPES
from shared.leads import references
from shared.models import Integration
from shared.security import digest
from shared.vault import Unreadable, Vault
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

log = logging.get()

INTEGRATIONS = Noun(Integration, IntegrationRecord, {"token": Integration.__table__.c.token})
FIXED = "The type field cannot be changed: make another integration instead."


@needs("read:integrations")
@gives(list[IntegrationTypeRecord])
async def types(_: web.Request) -> web.Response:
    """List all types of integrations, with the credentials that each needs."""
    return answer({"data": [_type(kind) for kind in TYPES.values()]})


@needs("read:integrations")
@gives(IntegrationRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the integrations, newest first."""
    page = page_of(request)
    async with listing(request) as connection:
        rows, total = await INTEGRATIONS.page(connection, workspace_of(request), page)
    return answer(paged(request, [_shown(request, row) for row in rows], page, total))


@needs("write:integrations")
@takes(IntegrationFields, required=("type", "name"), example={"type": "webhook", "name": "Our website"})
@gives(IntegrationRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create an integration. A type that sends requests to us gets an address for them: its `webhook_url`."""
    workspace, vault = workspace_of(request), request.app[VAULT]
    fields, errors = await body_and_errors(request)
    kind = TYPES.get(fields.get("type"))
    credentials = merged(kind, {}, fields.get("credentials") or {}, errors) if kind else {}

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        settings = await _settings(connection, workspace, {}, fields.get("settings"), errors)
        sealed = {"credentials": _seal(vault, credentials), **_new_token(vault)}
        row = await INTEGRATIONS.insert(connection, workspace, {**fields, "settings": settings, **sealed})
        await forget(
            connection, workspace, integration_endpoint(row["type"], row["id"])
        )  # mail may be sent through another integration now
        return row

    row = await writing(request, create_in_transaction)
    return answer({"data": _shown(request, row)}, 201, {"Location": f"/api/v1/integrations/{row['id']}"})


@needs("read:integrations")
@gives(IntegrationRecord)
async def show(request: web.Request) -> web.Response:
    """Show an integration."""
    async with reading(request) as connection:
        row = await INTEGRATIONS.find(connection, workspace_of(request), id_in(request))
    return answer({"data": _shown(request, row)})


@needs("write:integrations")
@takes(IntegrationFields, example={"settings": {"source": "website"}})
@gives(IntegrationRecord)
async def update(request: web.Request) -> web.Response:
    """Change an integration. Credentials and settings change key by key: null removes one, a masked one stays.

    For a type that sends, the secrets must be sent again if another credential changes, such as the host, port or user.
    Pending messages are tried at once, even after failures.
    """
    workspace, id_ = workspace_of(request), id_in(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        await references.hold(await raw(connection), [workspace])
        await _forget(connection, workspace, id_)
        row = await INTEGRATIONS.find_for_update(connection, workspace, id_)
        changes = await _changes(connection, request.app[VAULT], workspace, row, fields, dict(errors))
        return await INTEGRATIONS.update(connection, workspace, id_, changes)

    return answer({"data": _shown(request, await writing(request, update_in_transaction))})


@needs("write:integrations")
@gives(None, status=204, other_statuses=(409,))
async def delete(request: web.Request) -> web.Response:
    """Delete an integration. Its address stops working; leads that came from it stay.

    An integration that automations use cannot be deleted: the message names them.
    """
    workspace, id_ = workspace_of(request), id_in(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        await cancel(connection, workspace, "integration", id_)
        if (row := await INTEGRATIONS.find(connection, workspace, id_))["type"] in MAILERS:
            await forget(connection, workspace, integration_endpoint(row["type"], id_))
        await INTEGRATIONS.find_for_update(connection, workspace, id_)
        await automations.refuse_if_named(connection, workspace, id_)
        await INTEGRATIONS.delete(connection, workspace, id_)

    await writing(request, delete_in_transaction)
    return web.Response(status=204)


async def _forget(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete the state of the integration's receiver. Raises NotFound."""
    row = await INTEGRATIONS.find(connection, workspace_id, id_)
    await forget(connection, workspace_id, integration_endpoint(row["type"], id_))


class Opened(NamedTuple):
    """The decrypted secrets of an integration, or none and the reason if this service lacks the encryption key."""

    credentials: dict[str, str]
    token: str | None
    problem: str | None


def _open(vault: Vault, row: Record) -> Opened:
    try:
        return Opened(orjson.loads(vault.decrypt(row["credentials"])), vault.decrypt(row["token"]), None)
    except Unreadable as error:
        log.warning("integration.unreadable", integration_id=row["id"])
        return Opened({}, None, f"The {error}. Enter them again, or give the service the key that it had.")


def _seal(vault: Vault, credentials: dict[str, str]) -> bytes:
    return vault.encrypt(orjson.dumps(credentials).decode())


def _new_token(vault: Vault) -> Record:
    token = secrets.token_urlsafe(32)
    return {"token": vault.encrypt(token), "token_digest": digest(token)}


async def _changes(
    connection: AsyncConnection, vault: Vault, workspace_id: int, row: Record, fields: Record, errors: Fields
) -> Record:
    """Return the values to store. Raises ValidationFailed with all errors of the body."""
    changes = dict(fields)
    if changes.pop("type", row["type"]) != row["type"]:
        errors["type"] = [FIXED]
    opened = _open(vault, row)
    if "credentials" in fields:
        sent = fields["credentials"]
        stored = {} if sent is None else opened.credentials
        credentials = merged(TYPES[row["type"]], stored, sent or {}, errors)
    sent_settings = fields.get("settings", {})
    changes["settings"] = await _settings(connection, workspace_id, row["settings"], sent_settings, errors)
    if "credentials" in fields:
        changes["credentials"] = _seal(vault, credentials)
        changes |= {} if opened.token else _new_token(vault)
    return changes


async def _settings(
    connection: AsyncConnection, workspace_id: int, stored: Record, sent: Record | None, errors: Fields
) -> Record:
    """Return the settings to store. Raises ValidationFailed for errors in them, and for `errors`."""
    changed, misplaced = await placed(connection, workspace_id, stored, sent or {})
    check(errors | misplaced)
    return merge_settings(stored, None if sent is None else changed)


def _shown(request: web.Request, row: Record) -> Record:
    row = dict(row)
    kind, opened = TYPES[row["type"]], _open(request.app[VAULT], row)
    del row["token"]
    address = f"{base_url(request)}/api/inbound/webhooks/{opened.token}"
    return {
        **row,
        "settings": complete(row["settings"]),
        "credentials": shown(kind, opened.credentials),
        "webhook_url": address if kind.is_inbound and opened.token else None,
        "last_error": opened.problem or row["last_error"],
    }


def _type(kind: IntegrationType) -> IntegrationTypeRecord:
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
