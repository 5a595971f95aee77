"""`/api/v1/automations`."""

from functools import partial

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import automation_runs as rows
from services.api import automations
from services.api.automations import AUTOMATION_RESOURCE, RUN_RESOURCE
from services.api.context import SETTINGS_KEY, listing, reading, transaction_cipher, writing
from services.api.crud import RecordDict, delete_record, list_records, show_record, unknown_reference_errors
from services.api.pages import page_response, read_page
from services.api.record_limits import expect_below_limit
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_of, json_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.automations import AutomationFields, AutomationRecord, RunFields, RunQuery, RunRecord
from shared.models import AutomationRun
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import operation_description, query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.audit import audit_details
from shared.service_app.authorization import requires_scope

AUTOMATION_EXAMPLE = {
    "name": "Asked for prices",
    "trigger": {"type": "tag_added", "tag": "pricing"},
    "steps": [
        {"condition": {"field": "email", "operator": "is_not_empty"}},
        {"action": {"type": "set_status", "status": "qualified"}},
    ],
}


@requires_scope("read:automations")
@responds(AutomationRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the automations, newest first."""
    return await list_records(request, AUTOMATION_RESOURCE)


@requires_scope("write:automations")
@request_body(AutomationFields, required=("name", "trigger", "steps"), example=AUTOMATION_EXAMPLE)
@responds(AutomationRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create an automation. It acts on every later event, from any source.

    A workspace may have 200 automations, unless its operator sets another number (`LEADHUB_MAX_AUTOMATIONS`). One more
    is a conflict: 409.
    """
    workspace, most = workspace_of(request), request.app[SETTINGS_KEY].max_automations
    body, fields, errors = await _read_automation_body(request)

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        cipher = await transaction_cipher(request, connection)
        sealed, wrong = automations.encrypt_secrets(cipher, fields, None)
        raise_if_invalid(await automations.missing_references(connection, workspace, body) | wrong | errors)
        await expect_below_limit(
            connection, workspace, AUTOMATION_RESOURCE, "automations", most, "LEADHUB_MAX_AUTOMATIONS"
        )
        return await automations.insert_automation(connection, workspace, sealed)

    made = await writing(request, create_in_transaction)
    return created_response(request, made, "/api/v1/automations")


@requires_scope("read:automations")
@responds(AutomationRecord)
async def show(request: web.Request) -> web.Response:
    """Show an automation."""
    return await show_record(request, AUTOMATION_RESOURCE)


@requires_scope("write:automations")
@request_body(AutomationFields, example={"description": "Whoever asks for prices is qualified."})
@responds(AutomationRecord)
async def update(request: web.Request) -> web.Response:
    """Change an automation. Waiting runs keep the steps they began with. Deactivating it stops them."""
    workspace, id_ = workspace_of(request), path_id(request)
    body, fields, errors = await _read_automation_body(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        stored = await automations.lock_and_read_secrets(connection, workspace, id_)
        cipher = await transaction_cipher(request, connection)
        sealed, wrong = automations.encrypt_secrets(cipher, fields, stored)
        raise_if_invalid(await automations.missing_references(connection, workspace, body) | wrong | errors)
        return await automations.update_automation(connection, workspace, id_, sealed)

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("delete:automations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete an automation. Its waiting runs end."""
    return await delete_record(request, automations.delete_automation)


@requires_scope("read:automations")
@query_params(RunQuery)
@responds(RunRecord, listed=True)
async def runs(request: web.Request) -> web.Response:
    """List an automation's runs, newest first, with the outcome of every step.

    `lead_id` selects the runs for one lead. A step names its deliveries. Where one failed the step has failed, and so
    has the run.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        await AUTOMATION_RESOURCE.find(connection, workspace, id_)
        raise_if_invalid(await unknown_reference_errors(connection, workspace, query) | errors)
        where = [AutomationRun.automation_id == id_]
        where += [AutomationRun.lead_id == query["lead_id"]] if query else []
        found, total = await RUN_RESOURCE.read_page(connection, workspace, page, *where)
        found = await rows.run_records(connection, workspace, found)
    return json_response(page_response(request, found, page, total))


@requires_scope("write:automations")
@request_body(RunFields, required=("lead_id",), example={"lead_id": 1})
@responds(RunRecord, status=202, other_statuses=(200, 409))
async def run(request: web.Request) -> web.Response:
    """Run an automation for one lead, whatever its trigger. A dry run (200) shows what each step would do."""
    workspace, id_ = workspace_of(request), path_id(request)
    fields = await body_of(request)
    lead_id = fields["lead_id"]
    if fields.get("dry_run"):
        async with reading(request) as connection:
            steps, show = await automations.prepare_dry_run(connection, workspace, id_, lead_id)
        return record_response(request, await automations.in_bounded_thread(request, steps, show))
    made = await writing(request, lambda connection: automations.start_manual_run(connection, workspace, id_, lead_id))
    return record_response(request, made, 202)


async def _read_automation_body(request: web.Request) -> tuple[RecordDict, RecordDict, FieldErrors]:
    """Return the raw body, to check its ids against the database, the valid fields, and the errors of the others."""
    shape = operation_description(request.match_info.handler).body_schema
    assert shape is not None  # noqa: S101
    body = await json_of(request)
    fields, errors = await automations.in_bounded_thread(
        request, body.get("steps"), partial(shape.validate_fields, body)
    )
    audit_details(request, after=fields)
    return body, fields, errors
