"""`/api/v1/integrations`. Credentials are stored encrypted and only shown masked."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import CIPHER_KEY, SETTINGS_KEY, driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource
from services.api.pages import page_of, page_response
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, workspace_of
from services.api.schemas.integrations import IntegrationRecord, IntegrationTypeRecord
from shared.integrations import integration_management
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.integration_fields import IntegrationFields
from shared.integrations.integration_type import IntegrationType
from shared.models import Integration
from shared.platform.web.client_address import base_url
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import audit_change
from shared.service_app.authorization import requires_scope

INTEGRATION_RESOURCE = Resource(Integration, IntegrationRecord, {"token": Integration.__table__.c.token})


@requires_scope("read:integrations")
@responds(list[IntegrationTypeRecord])
async def types(request: web.Request) -> web.Response:
    """List all types of integrations, with the credentials that each needs."""
    return record_response(request, [_type_record(kind) for kind in INTEGRATION_TYPES.values()])


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
    workspace, cipher = workspace_of(request), request.app[CIPHER_KEY]
    fields, errors = await body_and_errors(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        return await integration_management.create_integration(database, cipher, workspace, fields, errors)

    row = await writing(request, create_in_transaction)
    location = {"Location": f"/api/v1/integrations/{row['id']}"}
    return record_response(request, _integration_record(request, row), 201, location)


@requires_scope("read:integrations")
@responds(IntegrationRecord)
async def show(request: web.Request) -> web.Response:
    """Show an integration."""
    async with reading(request) as connection:
        row = await INTEGRATION_RESOURCE.find(connection, workspace_of(request), path_id(request))
    return record_response(request, _integration_record(request, row))


@requires_scope("write:integrations")
@request_body(IntegrationFields, example={"settings": {"source": "website"}})
@responds(IntegrationRecord)
async def update(request: web.Request) -> web.Response:
    """Change an integration. Credentials and settings change key by key: null removes one, a masked one stays.

    For a type that sends, the secrets must be sent again if another credential changes, such as the host, port or user.
    Pending messages are tried at once, even after failures.
    """
    workspace, id_, cipher = workspace_of(request), path_id(request), request.app[CIPHER_KEY]
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        return await integration_management.change_integration(
            await driver_connection(connection),
            cipher,
            workspace,
            id_,
            fields,
            errors,
            lambda stored: audit_change(request, stored, fields),
        )

    return record_response(request, _integration_record(request, await writing(request, update_in_transaction)))


@requires_scope("write:integrations")
@responds(None, status=204, other_statuses=(409,))
async def delete(request: web.Request) -> web.Response:
    """Delete an integration. Its address stops working; leads that came from it stay.

    An integration that automations use cannot be deleted: the message names them.
    """
    workspace, id_ = workspace_of(request), path_id(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        await integration_management.delete_integration(await driver_connection(connection), workspace, id_)

    await writing(request, delete_in_transaction)
    return web.Response(status=204)


@requires_scope("write:integrations")
@responds(IntegrationRecord)
async def rotate_url(request: web.Request) -> web.Response:
    """Give an integration another `webhook_url`. The old one stops working within five seconds.

    Tell the provider the new one.
    """
    workspace, id_, cipher = workspace_of(request), path_id(request), request.app[CIPHER_KEY]

    async def rotate_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        return await integration_management.rotate_webhook_url(database, cipher, workspace, id_)

    return record_response(request, _integration_record(request, await writing(request, rotate_in_transaction)))


def _integration_record(request: web.Request, row: RecordDict) -> RecordDict:
    base = base_url(request, request.app[SETTINGS_KEY])
    return integration_management.integration_record(request.app[CIPHER_KEY], row, base)


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
