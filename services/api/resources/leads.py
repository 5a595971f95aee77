"""`/api/v1/leads`: a lead, its tags and its timeline."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web
from sqlalchemy import any_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, reading, writing
from services.api.crud import RecordDict, Resource
from services.api.lead_ids import answering_lead
from services.api.pages import page_of, page_response
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, key_of, raise_if_invalid, workspace_of
from services.api.schemas.leads import ActivityRecord, LeadRecord, LeadTag
from shared.leads import reference_locks, writes
from shared.leads.lead_fields import LeadFields
from shared.leads.lead_records import read_leads
from shared.leads.logged_activities import LoggedActivity, find_logging_errors, log_activity
from shared.leads.writes import ChangeCause, LeadChange, LeadNotCreated
from shared.models import Activity, Lead, Tag
from shared.platform.errors import FieldErrors, NotFound, ValidationFailed
from shared.platform.validation.schema import escape_unstorable
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

ACTIVITY_RESOURCE = Resource(Activity, ActivityRecord)


@requires_scope("write:leads")
@request_body(
    LeadFields,
    required=("first_name",),
    example={"first_name": "Mary", "last_name": "Jackson", "email": "mary@example.com", "source": "conference"},
)
@responds(LeadRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a lead. An email or phone of another lead is refused."""
    workspace = workspace_of(request)
    fields, errors = await body_and_errors(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        try:
            lead_id = await writes.create_lead(
                await driver_connection(connection), workspace, fields, _change_cause(request)
            )
        except LeadNotCreated as refused:
            raise ValidationFailed(refused.errors | errors) from refused
        raise_if_invalid(errors)  # only now, so that all errors are reported together
        return await _lead_record(connection, workspace, lead_id)

    lead = await writing(request, create_in_transaction)
    return record_response(request, lead, 201, {"Location": f"/api/v1/leads/{lead['id']}"})


@requires_scope("read:leads")
@responds(LeadRecord)
async def show(request: web.Request) -> web.Response:
    """Show a lead."""
    async with reading(request) as connection:
        return record_response(request, await _lead_record(connection, workspace_of(request), path_id(request)))


@requires_scope("write:leads")
@request_body(LeadFields, example={"job_title": "Head of Sales", "custom_fields": {"budget": "10000"}})
@responds(LeadRecord)
async def update(request: web.Request) -> web.Response:
    """Change a lead. Only the fields that are sent change; null empties a field."""
    path_id(request)
    fields, errors = await body_and_errors(request)
    return await _change_lead(request, errors, set_fields=fields)


@requires_scope("delete:leads")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a lead. Its email and phone can be used again."""
    lead_id = path_id(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        if not await writes.delete_lead(
            await driver_connection(connection), workspace_of(request), lead_id, _change_cause(request)
        ):
            raise NotFound

    await writing(request, delete_in_transaction)
    return web.Response(status=204)


@requires_scope("write:leads")
@request_body(LeadTag, required=("tag",), example={"tag": "vip-client"})
@responds(LeadRecord)
async def add_tag(request: web.Request) -> web.Response:
    """Tag a lead. A tag that does not exist yet is created; case does not matter."""
    path_id(request)
    fields, errors = await body_and_errors(request)
    return await _change_lead(request, errors, add_tags=[fields["tag"]] if fields.get("tag") else [])


@requires_scope("write:leads")
@responds(LeadRecord)
async def remove_tag(request: web.Request) -> web.Response:
    """Remove a tag from a lead. The case of its name does not matter."""
    workspace, name = workspace_of(request), request.match_info["tag"]
    path_id(request)
    if escape_unstorable(name) != name:
        raise NotFound
    borne = select(Lead.id).join(Tag, (Tag.workspace_id == Lead.workspace_id) & (Tag.id == any_(Lead.tag_ids)))
    named = func.lower(func.upper(Tag.name)) == func.lower(func.upper(name))

    async def expect_tag(connection: AsyncConnection) -> None:
        """Lock the lead. Of two concurrent requests that remove the tag, the second finds it gone."""
        await reference_locks.lock_shared(await driver_connection(connection), [workspace])
        lead_id = await answering_lead(connection, workspace, path_id(request))
        of_lead = (Lead.workspace_id == workspace, Lead.id == lead_id)
        if not (await connection.execute(borne.where(*of_lead, named).with_for_update(of=Lead))).first():
            raise NotFound

    return await _change_lead(request, {}, expect_tag, remove_tags=[name])


@requires_scope("write:leads")
@request_body(
    LoggedActivity,
    required=("type",),
    example={"type": "call", "outcome": "reached", "text": "Wants an offer for 40 seats"},
)
@responds(ActivityRecord, status=201)
async def log(request: web.Request) -> web.Response:
    """Log a call, a note, a mail or a meeting on the timeline of a lead."""
    path_id(request)
    fields, errors = await body_and_errors(request)

    async def log_in_transaction(connection: AsyncConnection) -> RecordDict:
        workspace, activity = workspace_of(request), cast("LoggedActivity", fields)
        lead_id = await answering_lead(connection, workspace, path_id(request))
        raise_if_invalid(find_logging_errors(fields) | errors)
        database = await driver_connection(connection)
        entry = await log_activity(database, workspace, lead_id, activity, _change_cause(request))
        if entry is None:
            raise NotFound
        return dict(entry)

    return record_response(request, await writing(request, log_in_transaction), 201)


@requires_scope("read:leads")
@responds(ActivityRecord, listed=True)
async def activities(request: web.Request) -> web.Response:
    """List what happened to a lead, newest first."""
    page = page_of(request)
    workspace = workspace_of(request)
    async with reading(request) as connection:
        lead_id = await answering_lead(connection, workspace, path_id(request))
        entries, total = await ACTIVITY_RESOURCE.read_page(connection, workspace, page, Activity.lead_id == lead_id)
    return json_response(page_response(request, entries, page, total))


async def _change_lead(
    request: web.Request,
    errors: FieldErrors,
    first: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    **what: Any,
) -> web.Response:
    """Change the lead that the path names and return it as the response.

    `errors` are those of the request itself. `first` runs earlier in the same transaction.
    """
    change = LeadChange(workspace_of(request), path_id(request), cause=_change_cause(request), **what)

    async def change_in_transaction(connection: AsyncConnection) -> RecordDict:
        if first:
            await first(connection)
        for refusal in await writes.change_leads(await driver_connection(connection), [change]):
            if refusal.is_missing:
                raise NotFound
            raise ValidationFailed(refusal.errors | errors)
        raise_if_invalid(errors)
        return await _lead_record(connection, change.workspace_id, change.lead_id)

    return record_response(request, await writing(request, change_in_transaction))


async def _lead_record(connection: AsyncConnection, workspace_id: int, lead_id: int) -> RecordDict:
    """Return the lead, or the one that answers for it. Raises NotFound."""
    lead, database = (workspace_id, lead_id), await driver_connection(connection)
    records = await read_leads(database, [lead])
    if lead not in records:
        lead = (workspace_id, await answering_lead(connection, workspace_id, lead_id))
        records = await read_leads(database, [lead])
    if lead not in records:
        raise NotFound
    return records[lead]


def _change_cause(request: web.Request) -> ChangeCause:
    return ChangeCause("api", key_of(request).id)
