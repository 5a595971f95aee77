"""`/api/v1/api-keys`."""

from aiohttp import web
from sqlalchemy import func, select
from sqlalchemy import update as change
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import page_of, paged
from services.api.records import Noun, Record
from services.api.requests import body_of, key_of, workspace_of
from services.api.shapes.api_keys import ApiKeyFields, ApiKeyRecord, NewApiKeyRecord
from services.api.state import listing, raw, reading, writing
from shared import tenants
from shared.keys import Key
from shared.models import ApiKey
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

API_KEYS = Noun(ApiKey, ApiKeyRecord)


@needs("*")
@gives(ApiKeyRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the API keys, newest first, those revoked too."""
    page = page_of(request)
    async with listing(request) as connection:
        keys, total = await API_KEYS.page(connection, workspace_of(request), page)
    return answer(paged(request, keys, page, total))


@needs("*")
@takes(ApiKeyFields, required=("name", "scopes"), example={"name": "website", "scopes": ["write:leads"]})
@gives(NewApiKeyRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Make an API key. It is shown in `key`, now and never again."""
    fields = await body_of(request)
    made = await writing(request, lambda connection: _create(connection, key_of(request), fields))
    return answer({"data": made}, 201, {"Location": f"/api/v1/api-keys/{made['id']}"})


@needs("*")
@gives(ApiKeyRecord)
async def show(request: web.Request) -> web.Response:
    """Show an API key, without its secret."""
    async with reading(request) as connection:
        return answer({"data": await API_KEYS.find(connection, workspace_of(request), id_in(request))})


@needs("*")
@takes(ApiKeyFields, example={"rate_limit": 5000})
@gives(ApiKeyRecord)
async def update(request: web.Request) -> web.Response:
    """Change an API key's name, scopes, limit or end. Services feel it within 5 seconds."""
    id_, fields = id_in(request), await body_of(request)
    changed = await writing(request, lambda connection: _update(connection, workspace_of(request), id_, fields))
    return answer({"data": changed})


@needs("*")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Revoke an API key. Services feel it within 5 seconds; it stays in the list."""
    id_ = id_in(request)
    await writing(request, lambda connection: _revoke(connection, workspace_of(request), id_))
    return web.Response(status=204)


async def _create(connection: AsyncConnection, key: Key, fields: Record) -> Record:
    limit = fields.get("rate_limit", tenants.DEFAULT_LIMIT)
    values = (key.workspace_slug, fields["name"], fields["scopes"], limit, fields.get("expires_at"))
    made = await tenants.create_key(await raw(connection), *values)
    return {**await API_KEYS.find(connection, key.workspace_id, made.id), "key": made.key.secret}


async def _update(connection: AsyncConnection, workspace_id: int, id_: int, fields: Record) -> Record:
    await API_KEYS.find(connection, workspace_id, id_)
    if "scopes" in fields:
        fields = {**fields, "scopes": sorted(set(fields["scopes"]))}
    if fields:
        where = (ApiKey.workspace_id == workspace_id, ApiKey.id == id_)
        await connection.execute(change(ApiKey).where(*where).values(**fields))
        await connection.execute(select(func.pg_notify("api_keys", str(id_))))  # as a revocation does
    return await API_KEYS.find(connection, workspace_id, id_)


async def _revoke(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await API_KEYS.find(connection, workspace_id, id_)
    await tenants.revoke_key(await raw(connection), id_)
