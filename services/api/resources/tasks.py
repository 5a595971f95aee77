"""`/api/v1/tasks`."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, listing, writing
from services.api.crud import RecordDict, Resource, delete_record, show_record
from services.api.lead_ids import follow_merged_lead
from services.api.pages import page_response, read_page
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_and_errors, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.tasks import TaskFields, TaskQuery, TaskRecord
from shared.leads.lead_tasks import change_task, create_task, hold_task_references
from shared.models import Lead, Task, User
from shared.platform.errors import FieldErrors, NotFound
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

TASK_RESOURCE = Resource(Task, TaskRecord)
REFERENCED_RECORDS: dict[str, tuple[str, Any]] = {"lead_id": ("lead", Lead), "user_id": ("user", User)}


@requires_scope("read:leads")
@query_params(TaskQuery)
@responds(TaskRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the tasks, newest first. `done` filters by done or open."""
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        raise_if_invalid(await _unknown_references(connection, workspace_of(request), query) | errors)
        tasks, total = await TASK_RESOURCE.read_page(connection, workspace_of(request), page, *_task_conditions(query))
    return json_response(page_response(request, tasks, page, total))


@requires_scope("write:leads")
@request_body(TaskFields, required=("title",), example={"title": "Call back", "due_at": "2026-04-01T09:00:00+00:00"})
@responds(TaskRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a task, optionally about a lead and for a user."""
    workspace = workspace_of(request)
    fields, errors = await body_and_errors(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        driver = await driver_connection(connection)
        await follow_merged_lead(connection, workspace, fields)
        raise_if_invalid(await hold_task_references(driver, workspace, fields) | errors)
        return await TASK_RESOURCE.find(connection, workspace, await create_task(driver, workspace, fields))

    task = await writing(request, create_in_transaction)
    return created_response(request, task, "/api/v1/tasks")


@requires_scope("read:leads")
@responds(TaskRecord)
async def show(request: web.Request) -> web.Response:
    """Show a task."""
    return await show_record(request, TASK_RESOURCE)


@requires_scope("write:leads")
@request_body(TaskFields, example={"done_at": "2026-04-01T10:30:00+00:00"})
@responds(TaskRecord)
async def update(request: web.Request) -> web.Response:
    """Change a task. `done_at` is when it was done; null reopens it."""
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        driver = await driver_connection(connection)
        await follow_merged_lead(connection, workspace, fields)
        raise_if_invalid(await hold_task_references(driver, workspace, fields) | errors)
        if not await change_task(driver, workspace, id_, fields):
            raise NotFound
        return await TASK_RESOURCE.find(connection, workspace, id_)

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("write:leads")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a task."""
    return await delete_record(request, TASK_RESOURCE.delete)


async def _unknown_references(connection: AsyncConnection, workspace_id: int, fields: RecordDict) -> FieldErrors:
    """Return errors for ids of leads and users that are not in the workspace."""
    errors: FieldErrors = {}
    await follow_merged_lead(connection, workspace_id, fields)
    for field, (noun, model) in REFERENCED_RECORDS.items():
        id_ = fields.get(field)
        query = select(model.id).where(model.workspace_id == workspace_id, model.id == id_)
        if id_ is not None and (await connection.execute(query)).first() is None:
            errors[field] = [f"There is no {noun} {id_}."]
    return errors


def _task_conditions(query: RecordDict) -> list[ColumnElement[bool]]:
    where = [getattr(Task, name) == query[name] for name in REFERENCED_RECORDS if name in query]
    if "done" in query:
        where.append(Task.done_at.is_not(None) if query["done"] else Task.done_at.is_(None))
    return where
