"""`/api/v1/users`."""

from aiohttp import web
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, reading
from services.api.crud import (
    RecordDict,
    Resource,
    delete_record,
    list_records,
    show_record,
    write_unique,
)
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.users import UserFields, UserRecord
from shared.auth.user_access import AccessChange, account_of_user, announce_access_change, check_access_change
from shared.auth.user_removal import remove_user
from shared.models import User
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_change
from shared.service_app.authorization import requires_scope

USER_RESOURCE = Resource(User, UserRecord)
USER_EMAIL_TAKEN_ERRORS = {"email": ["The email has already been taken."]}


@requires_scope("read:users")
@responds(UserRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the users, newest first."""
    return await list_records(request, USER_RESOURCE)


@requires_scope("write:users")
@request_body(
    UserFields,
    required=("name", "email"),
    example={"name": "Joan Clarke", "email": "joan@example.com", "role": "agent"},
)
@responds(UserRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a user. The email is unique in the workspace, regardless of case."""
    fields, errors = await body_and_errors(request)
    raise_if_invalid(await _email_taken_errors(request, fields, 0) | errors)
    user = await write_unique(
        request,
        USER_EMAIL_TAKEN_ERRORS,
        lambda connection: USER_RESOURCE.insert(connection, workspace_of(request), fields),
    )
    return created_response(request, user, "/api/v1/users")


@requires_scope("read:users")
@responds(UserRecord)
async def show(request: web.Request) -> web.Response:
    """Show a user."""
    return await show_record(request, USER_RESOURCE)


@requires_scope("write:users")
@request_body(UserFields, example={"role": "manager"})
@responds(UserRecord)
async def update(request: web.Request) -> web.Response:
    """Change a user."""
    id_ = path_id(request)
    fields, errors = await body_and_errors(request)
    raise_if_invalid(await _email_taken_errors(request, fields, id_) | errors)
    user = await write_unique(
        request,
        USER_EMAIL_TAKEN_ERRORS,
        lambda connection: _update_user(request, connection, id_, fields),
    )
    return record_response(request, user)


@requires_scope("delete:users")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a user. Their leads and tasks become unassigned."""
    return await delete_record(request, _delete_user)


async def _delete_user(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await remove_user(await driver_connection(connection), workspace_id, id_)


async def _update_user(request: web.Request, connection: AsyncConnection, id_: int, fields: RecordDict) -> RecordDict:
    """Change a user. Whoever signs in as the user has new rights at once."""
    workspace_id = workspace_of(request)
    audit_change(request, await USER_RESOURCE.find_for_update(connection, workspace_id, id_), fields)
    if not fields.keys() & {"role", "is_active"}:
        return await USER_RESOURCE.update(connection, workspace_id, id_, fields)
    database = await driver_connection(connection)
    change = AccessChange(fields.get("role"), fields.get("is_active"))
    await check_access_change(database, workspace_id, id_, change)
    user = await USER_RESOURCE.update(connection, workspace_id, id_, fields)
    await announce_access_change(database, await account_of_user(database, workspace_id, id_))
    return user


async def _email_taken_errors(request: web.Request, fields: RecordDict, id_: int) -> FieldErrors:
    """Return an error for an email that another user has, to be reported together with all other errors."""
    if "email" not in fields:
        return {}
    other = exists().where(
        User.workspace_id == workspace_of(request),
        func.lower(User.email) == func.lower(fields["email"]),
        User.id != id_,
    )
    async with reading(request) as connection:
        return USER_EMAIL_TAKEN_ERRORS if (await connection.execute(select(other))).scalar_one() else {}
