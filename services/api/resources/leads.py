"""`/api/v1/leads`: a lead, its tags and its timeline."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from sqlalchemy import any_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import page_of, paged
from services.api.records import Noun, Record
from services.api.requests import body_and_errors, check, key_of, workspace_of
from services.api.shapes.leads import ActivityRecord, LeadFields, LeadRecord, LeadTag
from services.api.state import raw, reading, writing
from shared.errors import Fields, NotFound, ValidationFailed
from shared.leads import references, writes
from shared.leads.records import read_leads
from shared.leads.writes import Cause, Change, Refused
from shared.models import Activity, Lead, Tag
from shared.validation import storable
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

LEADS = Noun(Lead, LeadRecord)
ACTIVITIES = Noun(Activity, ActivityRecord)


@needs("write:leads")
@takes(
    LeadFields,
    required=("first_name",),
    example={"first_name": "Mary", "last_name": "Jackson", "email": "mary@example.com", "source": "conference"},
)
@gives(LeadRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a lead. An email or phone of another lead is refused."""
    workspace = workspace_of(request)
    fields, errors = await body_and_errors(request)

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        try:
            lead_id = await writes.create(await raw(connection), workspace, fields, _cause(request))
        except Refused as refused:
            raise ValidationFailed(refused.errors | errors) from refused
        check(errors)  # only now, so that all errors are reported together
        return await _record(connection, workspace, lead_id)

    lead = await writing(request, create_in_transaction)
    return answer({"data": lead}, 201, {"Location": f"/api/v1/leads/{lead['id']}"})


@needs("read:leads")
@gives(LeadRecord)
async def show(request: web.Request) -> web.Response:
    """Show a lead."""
    async with reading(request) as connection:
        return answer({"data": await _record(connection, workspace_of(request), id_in(request))})


@needs("write:leads")
@takes(LeadFields, example={"job_title": "Head of Sales", "custom_fields": {"budget": "10000"}})
@gives(LeadRecord)
async def update(request: web.Request) -> web.Response:
    """Change a lead. Only the fields that are sent change; null empties a field."""
    id_in(request)
    fields, errors = await body_and_errors(request)
    return await _change(request, errors, set=fields)


@needs("delete:leads")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a lead. Its email and phone can be used again."""
    lead_id = id_in(request)

    async def delete_in_transaction(connection: AsyncConnection) -> None:
        if not await writes.delete(await raw(connection), workspace_of(request), lead_id, _cause(request)):
            raise NotFound

    await writing(request, delete_in_transaction)
    return web.Response(status=204)


@needs("write:leads")
@takes(LeadTag, required=("tag",), example={"tag": "vip-client"})
@gives(LeadRecord)
async def add_tag(request: web.Request) -> web.Response:
    """Tag a lead. A tag that does not exist yet is created; case does not matter."""
    id_in(request)
    fields, errors = await body_and_errors(request)
    return await _change(request, errors, add_tags=[fields["tag"]] if fields.get("tag") else [])


@needs("write:leads")
@gives(LeadRecord)
async def remove_tag(request: web.Request) -> web.Response:
    """Remove a tag from a lead. The case of its name does not matter."""
    workspace, lead_id, name = workspace_of(request), id_in(request), request.match_info["tag"]
    if storable(name) != name:
        raise NotFound
    borne = select(Lead.id).join(Tag, (Tag.workspace_id == Lead.workspace_id) & (Tag.id == any_(Lead.tag_ids)))
    of_lead = (Lead.workspace_id == workspace, Lead.id == lead_id)
    named = func.lower(func.upper(Tag.name)) == func.lower(func.upper(name))

    async def expect_tag(connection: AsyncConnection) -> None:
        """Lock the lead. Of two concurrent requests that remove the tag, the second finds it gone."""
        await references.hold(await raw(connection), [workspace])
        if not (await connection.execute(borne.where(*of_lead, named).with_for_update(of=Lead))).first():
            raise NotFound

    return await _change(request, {}, expect_tag, remove_tags=[name])


@needs("read:leads")
@gives(ActivityRecord, listed=True)
async def activities(request: web.Request) -> web.Response:
    """List what happened to a lead, newest first."""
    page = page_of(request)
    workspace, lead_id = workspace_of(request), id_in(request)
    async with reading(request) as connection:
        await LEADS.find(connection, workspace, lead_id)
        entries, total = await ACTIVITIES.page(connection, workspace, page, Activity.lead_id == lead_id)
    return answer(paged(request, entries, page, total))


async def _change(
    request: web.Request,
    errors: Fields,
    first: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    **what: Any,
) -> web.Response:
    """Change the lead that the path names and return it as the response.

    `errors` are those of the request itself. `first` runs earlier in the same transaction.
    """
    change = Change(workspace_of(request), id_in(request), cause=_cause(request), **what)

    async def change_in_transaction(connection: AsyncConnection) -> Record:
        if first:
            await first(connection)
        for refusal in await writes.change(await raw(connection), [change]):
            if refusal.is_missing:
                raise NotFound
            raise ValidationFailed(refusal.errors | errors)
        check(errors)
        return await _record(connection, change.workspace_id, change.lead_id)

    return answer({"data": await writing(request, change_in_transaction)})


async def _record(connection: AsyncConnection, workspace_id: int, lead_id: int) -> Record:
    lead = (workspace_id, lead_id)
    found = await read_leads(await raw(connection), [lead])
    if lead not in found:
        raise NotFound
    return found[lead]


def _cause(request: web.Request) -> Cause:
    return Cause("api", key_of(request).id)
