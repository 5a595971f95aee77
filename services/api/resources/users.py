"""`/api/v1/users`."""

from aiohttp import web
from sqlalchemy import exists, func, select
from sqlalchemy import update as unassign
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import placing
from services.api.records import Noun, Record, created_record, delete_record, list_records, show_record, write_unique
from services.api.requests import body_and_errors, check, workspace_of
from services.api.shapes.users import UserFields, UserRecord
from services.api.state import raw, reading
from shared.errors import Fields
from shared.leads import references
from shared.models import Task, User
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

USERS = Noun(User, UserRecord)
TAKEN = {"email": ["The email has already been taken."]}


@needs("read:users")
@gives(UserRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the users, newest first."""
    return await list_records(request, USERS)


@needs("write:users")
@takes(
    UserFields,
    required=("name", "email"),
    example={"name": "Joan Clarke", "email": "joan@example.com", "role": "agent"},
)
@gives(UserRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a user. The email is unique in the workspace, regardless of case."""
    fields, errors = await body_and_errors(request)
    check(await _taken(request, fields, 0) | errors)
    user = await write_unique(
        request, TAKEN, lambda connection: USERS.insert(connection, workspace_of(request), fields)
    )
    return created_record(user, "/api/v1/users")


@needs("read:users")
@gives(UserRecord)
async def show(request: web.Request) -> web.Response:
    """Show a user."""
    return await show_record(request, USERS)


@needs("write:users")
@takes(UserFields, example={"role": "manager"})
@gives(UserRecord)
async def update(request: web.Request) -> web.Response:
    """Change a user."""
    id_ = id_in(request)
    fields, errors = await body_and_errors(request)
    check(await _taken(request, fields, id_) | errors)
    user = await write_unique(
        request, TAKEN, lambda connection: USERS.update(connection, workspace_of(request), id_, fields)
    )
    return answer({"data": user})


@needs("delete:users")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a user. Their leads and tasks become unassigned."""
    return await delete_record(request, _delete)


async def _delete(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    await USERS.find(connection, workspace_id, id_)
    await references.seize(await raw(connection), workspace_id)
    await USERS.delete(connection, workspace_id, id_)
    of_user = (Task.workspace_id == workspace_id, Task.user_id == id_)
    await connection.execute(unassign(Task).where(*of_user).values(user_id=None))
    await references.clear(await raw(connection), workspace_id, "user", id_)
    await placing.clear(connection, workspace_id, "assigned_user_id", id_)


async def _taken(request: web.Request, fields: Record, id_: int) -> Fields:
    """Return an error for an email that another user has, to be reported together with all other errors."""
    if "email" not in fields:
        return {}
    other = exists().where(
        User.workspace_id == workspace_of(request),
        func.lower(User.email) == func.lower(fields["email"]),
        User.id != id_,
    )
    async with reading(request) as connection:
        return TAKEN if (await connection.execute(select(other))).scalar_one() else {}
