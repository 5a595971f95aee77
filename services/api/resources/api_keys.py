"""`/api/v1/api-keys`."""

from contextlib import AbstractAsyncContextManager

from aiohttp import web
from sqlalchemy import func, select
from sqlalchemy import update as change
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, writing
from services.api.crud import RecordDict, Resource, delete_record, list_records, show_record
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_of, key_of
from services.api.schemas.api_keys import ApiKeyFields, ApiKeyRecord, NewApiKeyRecord
from shared.auth import installation_keys
from shared.auth.api_keys import AuthenticatedKey
from shared.auth.key_management import (
    NewKey,
    check_key_limit,
    create_workspace_key,
    enforce_key_limit,
    revoke_workspace_key,
)
from shared.models import ApiKey
from shared.platform.db.connections import Connection
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_change
from shared.service_app.authorization import requires_scope

API_KEY_RESOURCE = Resource(ApiKey, ApiKeyRecord)


@requires_scope("*")
@responds(ApiKeyRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the API keys, newest first, including revoked ones."""
    return await list_records(request, API_KEY_RESOURCE)


@requires_scope("*")
@request_body(ApiKeyFields, required=("name", "scopes"), example={"name": "website", "scopes": ["submit:leads"]})
@responds(NewApiKeyRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create an API key. It is shown in `key`, only in this response.

    Without `rate_limit` it may make 1,000 requests an hour, or as many as the key of the request if these are fewer.

    A key with a rate limit can neither create an unlimited key nor one with a higher limit (422), and no key at all
    while the workspace has 20 keys (409). Revoked and expired keys count in the hour after they were created. An
    operator can set another number (`LEADHUB_MAX_KEYS`). An unlimited key and the command line can create any key.
    """
    fields, asking = await body_of(request), key_of(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        async with _enforced_key_limit(request, await driver_connection(connection)):
            return await _create_key(connection, asking, fields)

    made = await writing(request, create_in_transaction)
    return created_response(request, made, "/api/v1/api-keys")


@requires_scope("*")
@responds(ApiKeyRecord)
async def show(request: web.Request) -> web.Response:
    """Show an API key, without its secret."""
    return await show_record(request, API_KEY_RESOURCE)


@requires_scope("*")
@request_body(ApiKeyFields, example={"rate_limit": 5000})
@responds(ApiKeyRecord, other_statuses=(409,))
async def update(request: web.Request) -> web.Response:
    """Change an API key's name, scopes, limit or expiry. It takes effect within 5 seconds.

    The rules for creating keys apply here too: a key with a rate limit cannot give itself or another key a higher limit
    (422), nor make a key valid again while the workspace has as many as it may have (409).
    """
    id_, fields, asking = path_id(request), await body_of(request), key_of(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        async with _enforced_key_limit(request, await driver_connection(connection)):
            audit_change(request, await API_KEY_RESOURCE.find(connection, asking.workspace_id, id_), fields)
            return await _update_key(connection, asking, id_, fields)

    changed = await writing(request, update_in_transaction)
    return record_response(request, changed)


@requires_scope("*")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Revoke an API key. It takes effect within 5 seconds; the key stays in the list."""
    return await delete_record(request, _revoke_key)


def _enforced_key_limit(request: web.Request, connection: Connection) -> AbstractAsyncContextManager[None]:
    key, most = key_of(request), request.app[SETTINGS_KEY].max_keys
    return enforce_key_limit(connection, key.workspace_id, key.limit, most)


async def _create_key(connection: AsyncConnection, key: AuthenticatedKey, fields: RecordDict) -> RecordDict:
    limit = fields.get(
        "rate_limit", min(installation_keys.DEFAULT_RATE_LIMIT, key.limit or installation_keys.DEFAULT_RATE_LIMIT)
    )
    new = NewKey(fields["name"], fields["scopes"], limit, fields.get("expires_at"))
    made = await create_workspace_key(await driver_connection(connection), key.workspace_slug, new, key.limit)
    return {**await API_KEY_RESOURCE.find(connection, key.workspace_id, made.id), "key": made.key.secret}


async def _update_key(connection: AsyncConnection, key: AuthenticatedKey, id_: int, fields: RecordDict) -> RecordDict:
    workspace_id = key.workspace_id
    before = await API_KEY_RESOURCE.find(connection, workspace_id, id_)
    if "rate_limit" in fields and fields["rate_limit"] != before["rate_limit"]:
        check_key_limit(key.limit, fields["rate_limit"])
    if "scopes" in fields:
        fields = {**fields, "scopes": sorted(set(fields["scopes"]))}
    if fields:
        where = (ApiKey.workspace_id == workspace_id, ApiKey.id == id_)
        await connection.execute(change(ApiKey).where(*where).values(**fields))
        await connection.execute(select(func.pg_notify("api_keys", str(id_))))  # as a revocation does
    return await API_KEY_RESOURCE.find(connection, workspace_id, id_)


async def _revoke_key(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await revoke_workspace_key(await driver_connection(connection), workspace_id, id_)
