"""`/api/v1/operations/causes`: dead submissions, failed deliveries and failed runs, grouped by cause."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, listing, reading, writing
from services.api.crud import RecordDict
from services.api.pages import page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, key_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.causes import CauseFields, CauseQuery, CauseRecord
from shared.operations.causes import CauseFilter, change_cause, count_causes, find_cause, list_causes
from shared.platform.errors import FieldErrors, NotFound
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import audit_details
from shared.service_app.authorization import requires_scope

NOT_IGNORED_MESSAGE = "The ignored_until field can only be set together with the state ignored."


@requires_scope("read:operations")
@query_params(CauseQuery)
@responds(CauseRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the causes of failures, the last seen first.

    A failure is listed within about a second. `cause` selects its submissions or deliveries in their lists.
    """
    errors: FieldErrors = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    raise_if_invalid(errors)
    workspace, which = workspace_of(request), CauseFilter(**asked)
    async with listing(request) as connection:
        database = await driver_connection(connection)
        if page.walk:
            after = (page.walk.after.value, page.walk.after.id) if page.walk.after else None
            causes = await list_causes(database, workspace, which, limit=page.size + 1, after=after)
            causes, total = causes[: page.size], len(causes)
        else:
            total = await count_causes(database, workspace, which)
            causes = []
            if page.offset < total:
                causes = await list_causes(database, workspace, which, limit=page.size, offset=page.offset)
    return json_response(page_response(request, causes, page, total, "last_seen_at"))


@requires_scope("read:operations")
@responds(CauseRecord)
async def show(request: web.Request) -> web.Response:
    """Show a cause."""
    async with reading(request) as connection:
        cause = await find_cause(await driver_connection(connection), workspace_of(request), path_id(request))
    if cause is None:
        raise NotFound
    return record_response(request, cause)


@requires_scope("write:operations")
@request_body(CauseFields, example={"state": "ignored", "ignored_until": "2027-01-31"})
@responds(CauseRecord)
async def update(request: web.Request) -> web.Response:
    """Mark a cause as fixed, ignore it, or open it again.

    A cause that is fixed, or ignored until a time that is over, opens again by itself when it comes back.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)
    if fields.get("ignored_until") and fields.get("state", "ignored") != "ignored":
        errors["ignored_until"] = [NOT_IGNORED_MESSAGE]
    raise_if_invalid(errors)
    actor = f"key:{key_of(request).id}"

    async def update_in_transaction(connection: AsyncConnection) -> tuple[RecordDict, RecordDict, Any]:
        database = await driver_connection(connection)
        changed = await change_cause(database, workspace, id_, fields, actor)
        cause = await find_cause(database, workspace, id_)
        if changed is None or cause is None:
            raise NotFound
        return *changed, cause

    before, after, record = await writing(request, update_in_transaction)
    audit_details(request, before=before, after=after, reason=fields.get("note"))
    return record_response(request, record)
