"""`/api/v1/tasks`."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import paged, read_page
from services.api.records import Noun, Record, created_record, delete_record, show_record
from services.api.requests import body_and_errors, check, query_and_errors, workspace_of
from services.api.shapes.tasks import TaskFields, TaskQuery, TaskRecord
from services.api.state import listing, raw, writing
from shared.errors import Fields
from shared.leads import references
from shared.models import Lead, Task, User
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, gives, takes
from shared.web.paths import id_in

TASKS = Noun(Task, TaskRecord)
REFERENCES: dict[str, tuple[str, Any]] = {"lead_id": ("lead", Lead), "user_id": ("user", User)}


@needs("read:leads")
@asks(TaskQuery)
@gives(TaskRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the tasks, newest first. `done` filters by done or open."""
    errors: Fields = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        check(await _unknown(connection, workspace_of(request), asked) | errors)
        tasks, total = await TASKS.page(connection, workspace_of(request), page, *_filters(asked))
    return answer(paged(request, tasks, page, total))


@needs("write:leads")
@takes(TaskFields, required=("title",), example={"title": "Call back", "due_at": "2026-04-01T09:00:00+00:00"})
@gives(TaskRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a task, optionally about a lead and for a user."""
    workspace = workspace_of(request)
    fields, errors = await body_and_errors(request)

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        await _check(connection, workspace, fields, errors)
        return await TASKS.insert(connection, workspace, fields)

    task = await writing(request, create_in_transaction)
    return created_record(task, "/api/v1/tasks")


@needs("read:leads")
@gives(TaskRecord)
async def show(request: web.Request) -> web.Response:
    """Show a task."""
    return await show_record(request, TASKS)


@needs("write:leads")
@takes(TaskFields, example={"done_at": "2026-04-01T10:30:00+00:00"})
@gives(TaskRecord)
async def update(request: web.Request) -> web.Response:
    """Change a task. `done_at` is when it was done; null reopens it."""
    workspace, id_ = workspace_of(request), id_in(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        await _check(connection, workspace, fields, errors)
        return await TASKS.update(connection, workspace, id_, fields)

    return answer({"data": await writing(request, update_in_transaction)})


@needs("write:leads")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a task."""
    return await delete_record(request, TASKS.delete)


async def _check(connection: AsyncConnection, workspace_id: int, fields: Record, errors: Fields) -> None:
    """Raise ValidationFailed if the lead or the user does not exist, otherwise lock both until the transaction ends."""
    await references.hold(await raw(connection), [workspace_id])
    check(await _unknown(connection, workspace_id, fields, keep=True) | errors)


async def _unknown(connection: AsyncConnection, workspace_id: int, fields: Record, *, keep: bool = False) -> Fields:
    """Return errors for ids of leads and users that are not in the workspace. `keep` locks those that are."""
    errors: Fields = {}
    for field, (noun, model) in REFERENCES.items():
        id_ = fields.get(field)
        query = select(model.id).where(model.workspace_id == workspace_id, model.id == id_)
        if keep:
            query = query.with_for_update(read=True, key_share=True)
        if id_ is not None and (await connection.execute(query)).first() is None:
            errors[field] = [f"There is no {noun} {id_}."]
    return errors


def _filters(asked: Record) -> list[ColumnElement[bool]]:
    where = [getattr(Task, name) == asked[name] for name in REFERENCES if name in asked]
    if "done" in asked:
        where.append(Task.done_at.is_not(None) if asked["done"] else Task.done_at.is_(None))
    return where
