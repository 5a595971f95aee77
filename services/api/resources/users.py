"""`/api/v1/users`."""

from aiohttp import web
from sqlalchemy import exists, func, select
from sqlalchemy import update as unassign
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import placement_settings
from services.api.context import driver_connection, reading
from services.api.crud import (
    RecordDict,
    Resource,
    created_record,
    delete_record,
    list_records,
    show_record,
    write_unique,
)
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.users import UserFields, UserRecord
from shared.errors import FieldErrors
from shared.leads import reference_locks
from shared.models import Task, User
from shared.web.audit import audit_change
from shared.web.authorization import requires_scope
from shared.web.openapi import request_body, responds
from shared.web.path_params import path_id
from shared.web.responses import json_response

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
    return created_record(user, "/api/v1/users")


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

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        stored = await USER_RESOURCE.find_for_update(connection, workspace_of(request), id_)
        audit_change(request, stored, fields)
        return await USER_RESOURCE.update(connection, workspace_of(request), id_, fields)

    user = await write_unique(request, USER_EMAIL_TAKEN_ERRORS, update_in_transaction)
    return json_response({"data": user})


@requires_scope("delete:users")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a user. Their leads and tasks become unassigned."""
    return await delete_record(request, _delete_user)


async def _delete_user(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await USER_RESOURCE.find(connection, workspace_id, id_)
    await reference_locks.lock_exclusive(await driver_connection(connection), workspace_id)
    await USER_RESOURCE.delete(connection, workspace_id, id_)
    of_user = (Task.workspace_id == workspace_id, Task.user_id == id_)
    await connection.execute(unassign(Task).where(*of_user).values(user_id=None))
    await reference_locks.clear_reference(await driver_connection(connection), workspace_id, "user", id_)
    await placement_settings.clear_placement(connection, workspace_id, "assigned_user_id", id_)


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
