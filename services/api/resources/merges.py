"""`/api/v1/leads/{id}/merge`, `/unmerge` and `/merges`."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, reading, writing
from services.api.crud import RecordDict
from services.api.lead_ids import answering_lead
from services.api.pages import page_of, page_response
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, key_of, raise_if_invalid, workspace_of
from services.api.schemas.merges import (
    MergedLeadRecord,
    MergeFields,
    UnmergedLeadRecord,
    UnmergeFields,
)
from shared.leads.lead_records import read_leads
from shared.leads.writes import ChangeCause
from shared.merging.lead_merges import merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.merging.merge_list import MergeRecord, list_merges
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import always_audited, audit_details
from shared.service_app.authorization import requires_scope


@always_audited
@requires_scope("write:leads")
@request_body(MergeFields, required=("lead_id",), example={"lead_id": 2, "fields": {"company": "theirs"}})
@responds(MergedLeadRecord)
async def merge(request: web.Request) -> web.Response:
    """Merge another lead into this one.

    Without `fields` the lead keeps what it has, and takes what it lacks. Identities, tags, notes, custom fields,
    submissions, the timeline, runs, tasks and deliveries go over. The id of the lead that went answers everywhere with
    the lead that stays. `unmerge` takes it back.
    """
    workspace, lead_id = workspace_of(request), path_id(request)
    audit_details(request, action="lead.merged", object=("lead", lead_id))
    fields, errors = await body_and_errors(request)
    raise_if_invalid(errors)

    async def merge_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        cause, choices = ChangeCause("api", key_of(request).id), fields.get("fields")
        merge_id = await merge_leads(database, workspace, lead_id, fields["lead_id"], cause, choices)
        stays = await answering_lead(connection, workspace, lead_id)
        return {**(await read_leads(database, [(workspace, stays)]))[workspace, stays], "merge_id": merge_id}

    lead = await writing(request, merge_in_transaction)
    return record_response(request, lead)


@always_audited
@requires_scope("write:leads")
@request_body(UnmergeFields, required=("merge_id",), example={"merge_id": 1})
@responds(UnmergedLeadRecord)
async def unmerge(request: web.Request) -> web.Response:
    """Undo a merge: both leads are as they were, and what came since stays with the lead that had stayed.

    409 says what stands in the way: a later merge that has to be undone first, or a contact that another lead has by
    now.
    """
    workspace, lead_id = workspace_of(request), path_id(request)
    audit_details(request, action="lead.unmerged", object=("lead", lead_id))
    fields, errors = await body_and_errors(request)
    raise_if_invalid(errors)

    async def unmerge_in_transaction(connection: AsyncConnection) -> RecordDict:
        database, cause = await driver_connection(connection), ChangeCause("api", key_of(request).id)
        await answering_lead(connection, workspace, lead_id)
        undone = await unmerge_lead(database, workspace, lead_id, fields["merge_id"], cause)
        keys = (workspace, undone.winner_id), (workspace, undone.restored_id)
        found = await read_leads(database, keys)
        told = {"merge_id": fields["merge_id"], "restored": found[keys[1]], "kept": undone.kept}
        return {**found[keys[0]], **told}

    lead = await writing(request, unmerge_in_transaction)
    return record_response(request, lead)


@requires_scope("read:leads")
@responds(MergeRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the merges of a lead and of those that merged into it, newest first, undone ones too."""
    page, workspace = page_of(request), workspace_of(request)
    async with reading(request) as connection:
        lead_id = await answering_lead(connection, workspace, path_id(request))
        database = await driver_connection(connection)
        found, total = await list_merges(database, workspace, lead_id, limit=page.size, offset=page.offset)
    return json_response(page_response(request, [dict(one) for one in found], page, total))
