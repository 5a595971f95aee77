"""`/api/v1/sources`, and the doctor and the trial of an integration."""

import time

from aiohttp import web

from services.api.context import CIPHER_KEY, driver_connection, reading
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.sources import IntegrationCheckRecord, SourceRecord, TriedBody, TryFields
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.conversion_check import check_conversions
from shared.integrations.conversion_settings import CONVERSION_TYPES
from shared.integrations.integration_check import CheckedStep, check_integration
from shared.integrations.integration_management import decrypt_integration, find_integration
from shared.integrations.mapping_settings import complete_integration_settings
from shared.integrations.webhook_trial import sample_request, tried_request, try_request
from shared.operations.source_report import SourceReport, read_source_reports
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

OUTBOUND_MESSAGE = "This type of integration receives nothing."


@requires_scope("read:integrations")
@responds(list[SourceRecord])
async def index(request: web.Request) -> web.Response:
    """List every integration, form and API key that leads come from, with what came and what was refused."""
    async with reading(request) as connection:
        reports = await read_source_reports(await driver_connection(connection), workspace_of(request))
    return record_response(request, [_source_record(one) for one in reports])


@requires_scope("read:integrations")
@responds(IntegrationCheckRecord, other_statuses=(409,))
async def check(request: web.Request) -> web.Response:
    """Check an integration step by step: what was seen, and what to do where a step is not in order."""
    workspace, id_ = workspace_of(request), path_id(request)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        row = await find_integration(database, workspace, id_)
        check_steps = check_conversions if row["type"] in CONVERSION_TYPES else check_integration
        if row["type"] not in (*PROVIDERS_BY_TYPE, *CONVERSION_TYPES):
            raise Conflict(OUTBOUND_MESSAGE)
        steps = await check_steps(database, workspace, row, decrypt_integration(request.app[CIPHER_KEY], row))
    is_ok = all(step.ok is not False for step in steps)
    return record_response(request, {"ok": is_ok, "steps": [_step_record(step) for step in steps]})


@requires_scope("read:integrations")
@request_body(TryFields, example={"body": {"email": "sam@example.com"}})
@responds(TriedBody, other_statuses=(409,))
async def try_body(request: web.Request) -> web.Response:
    """Show which leads a body would make. Nothing is stored, and no signature is checked.

    Without a body the type's own sample is read.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)
    raise_if_invalid(errors)
    async with reading(request) as connection:
        row = await _receiving_integration(await driver_connection(connection), workspace, id_)
    provider = PROVIDERS_BY_TYPE[row["type"]]
    webhook_request = sample_request(provider, time.time())
    if fields.get("body") is not None:
        webhook_request = tried_request(fields["body"], fields.get("content_type"), fields.get("headers"), time.time())
    credentials = decrypt_integration(request.app[CIPHER_KEY], row).credentials
    return json_response(
        {"data": try_request(provider, complete_integration_settings(row["settings"]), credentials, webhook_request)}
    )


async def _receiving_integration(connection: Connection, workspace_id: int, id_: int) -> RecordDict:
    row = await find_integration(connection, workspace_id, id_)
    if row["type"] not in PROVIDERS_BY_TYPE:
        raise Conflict(OUTBOUND_MESSAGE)
    return row


def _step_record(step: CheckedStep) -> RecordDict:
    return {"step": step.step, "ok": step.ok, "seen": step.seen, "advice": step.advice}


def _source_record(report: SourceReport) -> RecordDict:
    return {
        "kind": report.kind,
        "id": report.id,
        "name": report.name,
        "type": report.type,
        "is_active": report.is_active,
        "last_received_at": report.last_received_at,
        "received": {"1h": report.received_1h, "24h": report.received_24h, "7d": report.received_7d},
        "duplicates_24h": report.duplicates_24h,
        "held_24h": report.held_24h,
        "rejected_24h": report.rejected_24h,
        "silence_after_minutes": report.silence_after_minutes,
        "is_silent": report.is_silent,
    }
