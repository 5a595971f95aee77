"""`/api/v1/automations`."""

from datetime import datetime
from functools import partial

from aiohttp import web
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import (
    CIPHER_KEY,
    SETTINGS_KEY,
    TEMPLATE_TURNS,
    driver_connection,
    listing,
    reading,
    writing,
)
from services.api.crud import RecordDict, Resource, delete_record, list_records, show_record, unknown_reference_errors
from services.api.pages import page_response, read_page
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_of, json_of, key_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.automations import AutomationRecord, RunFields, RunQuery, RunRecord
from shared.automations import automation_editing
from shared.automations.automation_editing import SentAutomation
from shared.automations.automation_fields import AutomationFields
from shared.automations.manual_runs import start_manual_run
from shared.automations.run_records import run_records
from shared.automations.step_rehearsal import StepRehearsal, prepare_dry_run
from shared.automations.webhook_targets import blocked_targets
from shared.models import Automation, AutomationRun, folded_count
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

_RUNS = folded_count("automation", Automation.workspace_id, Automation.id)
_LAST_RUN: ColumnElement[datetime] = (
    select(AutomationRun.created_at)
    .where(AutomationRun.workspace_id == Automation.workspace_id, AutomationRun.automation_id == Automation.id)
    .order_by(AutomationRun.id.desc())
    .limit(1)
    .scalar_subquery()
)
AUTOMATION_RESOURCE = Resource(Automation, AutomationRecord, {"runs_count": _RUNS, "last_run_at": _LAST_RUN})
RUN_RESOURCE = Resource(AutomationRun, RunRecord)


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
    sent_automation, author = await _read_automation_body(request), key_of(request).name

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database, cipher = await driver_connection(connection), request.app[CIPHER_KEY]
        made = await automation_editing.create_automation(database, cipher, workspace, sent_automation, most, author)
        return await AUTOMATION_RESOURCE.find(connection, workspace, made["id"])

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
    sent_automation, author = await _read_automation_body(request), key_of(request).name

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        database, cipher = await driver_connection(connection), request.app[CIPHER_KEY]
        await automation_editing.change_automation(database, cipher, workspace, id_, sent_automation, author)
        return await AUTOMATION_RESOURCE.find(connection, workspace, id_)

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("delete:automations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete an automation. Its waiting runs end."""

    async def delete_in_transaction(connection: AsyncConnection, workspace: int, id_: int) -> None:
        await automation_editing.delete_automation(await driver_connection(connection), workspace, id_)

    return await delete_record(request, delete_in_transaction)


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
        found = await run_records(await driver_connection(connection), workspace, found)
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
            prepared = await prepare_dry_run(await driver_connection(connection), workspace, id_, lead_id)
        show = partial(_dry_run_record, id_, prepared)
        return record_response(request, await request.app[TEMPLATE_TURNS].run(workspace, prepared.steps, show))

    async def run_in_transaction(connection: AsyncConnection) -> RecordDict:
        run_id = await start_manual_run(await driver_connection(connection), workspace, id_, lead_id)
        return await RUN_RESOURCE.find(connection, workspace, run_id)

    return record_response(request, await writing(request, run_in_transaction), 202)


def _dry_run_record(id_: int, prepared: StepRehearsal) -> RecordDict:
    walked = prepared.take()
    blank: RecordDict = dict.fromkeys(RunRecord.__annotations__)
    outcomes = [{**outcome, "deliveries": []} for outcome in walked.outcomes]
    return blank | {
        "automation_id": id_,
        "lead_id": prepared.lead["id"],
        "state": walked.state,
        "steps": outcomes,
    }


async def _read_automation_body(request: web.Request) -> SentAutomation:
    shape = operation_description(request.match_info.handler).body_schema
    assert shape is not None  # noqa: S101
    body, workspace = await json_of(request), workspace_of(request)
    fields, errors = await request.app[TEMPLATE_TURNS].run(
        workspace, body.get("steps"), partial(shape.validate_fields, body)
    )
    audit_details(request, after=fields)
    blocked = blocked_targets(body.get("steps"), request.app[SETTINGS_KEY].allowed_targets)
    return SentAutomation(body, fields, blocked | errors)
