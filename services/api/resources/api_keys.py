"""`/api/v1/api-keys`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from sqlalchemy import and_, func, or_, select, text
from sqlalchemy import update as change
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.bounds import one_at_a_time
from services.api.records import Noun, Record, created_record, delete_record, list_records, show_record
from services.api.requests import body_of, check, key_of
from services.api.shapes.api_keys import ApiKeyFields, ApiKeyRecord, NewApiKeyRecord
from services.api.state import SETTINGS, raw, writing
from shared import tenants
from shared.errors import Conflict
from shared.keys import Key
from shared.models import ApiKey
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

API_KEYS = Noun(ApiKey, ApiKeyRecord)
COUNTED = or_(
    ApiKey.created_at > func.now() - text("interval '1 h'"),
    and_(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())),
)
ABOVE = "The rate_limit field must not be greater than {limit}, which is the limit of the key that asks."
FULL = (
    "The workspace has {count} keys that are valid or were made within the hour. A key with a rate limit makes no more "
    "beyond {most}: revoke some and wait, or ask with an unlimited key. An operator can raise LEADHUB_MAX_KEYS."
)


@needs("*")
@gives(ApiKeyRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the API keys, newest first, including revoked ones."""
    return await list_records(request, API_KEYS)


@needs("*")
@takes(ApiKeyFields, required=("name", "scopes"), example={"name": "website", "scopes": ["submit:leads"]})
@gives(NewApiKeyRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create an API key. It is shown in `key`, only in this response.

    Without `rate_limit` it may make 1,000 requests an hour, or as many as the key of the request if these are fewer.

    A key with a rate limit can neither create an unlimited key nor one with a higher limit (422), and no key at all
    while the workspace has 20 keys (409). Revoked and expired keys count in the hour after they were created. An
    operator can set another number (`LEADHUB_MAX_KEYS`). An unlimited key and the command line can create any key.
    """
    fields, asking = await body_of(request), key_of(request)

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        async with _bounded(connection, asking, request.app[SETTINGS].max_keys):
            return await _create(connection, asking, fields)

    made = await writing(request, create_in_transaction)
    return created_record(made, "/api/v1/api-keys")


@needs("*")
@gives(ApiKeyRecord)
async def show(request: web.Request) -> web.Response:
    """Show an API key, without its secret."""
    return await show_record(request, API_KEYS)


@needs("*")
@takes(ApiKeyFields, example={"rate_limit": 5000})
@gives(ApiKeyRecord, other_statuses=(409,))
async def update(request: web.Request) -> web.Response:
    """Change an API key's name, scopes, limit or expiry. It takes effect within 5 seconds.

    The rules for creating keys apply here too: a key with a rate limit cannot give itself or another key a higher limit
    (422), nor make a key valid again while the workspace has as many as it may have (409).
    """
    id_, fields, asking = id_in(request), await body_of(request), key_of(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        async with _bounded(connection, asking, request.app[SETTINGS].max_keys):
            return await _update(connection, asking, id_, fields)

    changed = await writing(request, update_in_transaction)
    return answer({"data": changed})


@needs("*")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Revoke an API key. It takes effect within 5 seconds; the key stays in the list."""
    return await delete_record(request, _revoke)


async def _create(connection: AsyncConnection, key: Key, fields: Record) -> Record:
    limit = fields.get("rate_limit", min(tenants.DEFAULT_LIMIT, key.limit or tenants.DEFAULT_LIMIT))
    _check_limit(key, limit)
    values = (key.workspace_slug, fields["name"], fields["scopes"], limit, fields.get("expires_at"))
    made = await tenants.create_key(await raw(connection), *values)
    return {**await API_KEYS.find(connection, key.workspace_id, made.id), "key": made.key.secret}


async def _update(connection: AsyncConnection, key: Key, id_: int, fields: Record) -> Record:
    workspace_id = key.workspace_id
    before = await API_KEYS.find(connection, workspace_id, id_)
    if "rate_limit" in fields and fields["rate_limit"] != before["rate_limit"]:
        _check_limit(key, fields["rate_limit"])
    if "scopes" in fields:
        fields = {**fields, "scopes": sorted(set(fields["scopes"]))}
    if fields:
        where = (ApiKey.workspace_id == workspace_id, ApiKey.id == id_)
        await connection.execute(change(ApiKey).where(*where).values(**fields))
        await connection.execute(select(func.pg_notify("api_keys", str(id_))))  # as a revocation does
    return await API_KEYS.find(connection, workspace_id, id_)


def _check_limit(asking: Key, limit: int | None) -> None:
    """Raise ValidationFailed for a limit above that of the key that asks for it."""
    if asking.limit is not None and (limit is None or limit > asking.limit):
        check({"rate_limit": [ABOVE.format(limit=asking.limit)]})


@asynccontextmanager
async def _bounded(connection: AsyncConnection, asking: Key, most: int) -> AsyncIterator[None]:
    """Raise Conflict if the changes within give the workspace more keys than `most`.

    Only keys with a rate limit are bound by it, since every further key has a limit of its own. Keys created within the
    hour count even if they have ended, since their requests were made.
    """
    if asking.limit is None:
        yield
        return
    await one_at_a_time(connection, asking.workspace_id)
    before = await API_KEYS.count(connection, asking.workspace_id, COUNTED)
    yield
    if await API_KEYS.count(connection, asking.workspace_id, COUNTED) > max(before, most):
        raise Conflict(FULL.format(count=before, most=most))


async def _revoke(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await API_KEYS.find(connection, workspace_id, id_)
    await tenants.revoke_key(await raw(connection), id_)
