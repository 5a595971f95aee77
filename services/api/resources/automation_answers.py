"""`/api/v1/automations/{id}/explain` and `/try`: why an automation ran or did not, and what it would do."""

from functools import partial

from aiohttp import web

from services.api.automation_answers import explanation_record, trial_record
from services.api.context import TEMPLATE_TURNS, driver_connection, reading
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, key_of, query_of, raise_if_invalid, workspace_of
from services.api.schemas.automation_answers import ExplainQuery, ExplanationRecord, TrialFields, TrialRecord
from services.api.schemas.automations import RunRecord
from shared.automations.event_limits import LaneStop
from shared.automations.explanation import judge_evidence
from shared.automations.explanation_evidence import gather_evidence
from shared.automations.explanation_reads import read_automation
from shared.automations.run_records import run_records
from shared.automations.trial import TrialPlan, plan_event_trial, plan_lead_trial, run_trial
from shared.operations.lane_pauses import read_pauses
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, NotFound
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import check_scope, requires_scope

STORED_FIELDS = tuple(RunRecord.__annotations__)
VALUES_SCOPE = "read:leads"  # the answers quote values of leads
MISSING_MESSAGE = "The lead_id field is required."
TOGETHER_MESSAGE = "The last field must not be sent together with lead_id."


@requires_scope("read:automations")
@query_params(ExplainQuery, required=("lead_id",))
@responds(ExplanationRecord)
async def explain(request: web.Request) -> web.Response:
    """Say why an automation ran for a lead, or why it did not.

    The answer quotes values of the lead, so that the key needs `read:leads` as well. It comes from the lead's timeline,
    the runs that are kept, and the automation as it is saved now.
    """
    check_scope(key_of(request), VALUES_SCOPE)
    workspace, id_, query = workspace_of(request), path_id(request), query_of(request)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        lane = await _read_lane_stop(database, workspace)
        evidence = await gather_evidence(database, workspace, id_, query["lead_id"], query.get("event"), lane)
        rows = [{name: getattr(run, name) for name in STORED_FIELDS} for run in evidence.runs]
        runs = await run_records(database, workspace, rows)
    judge = partial(judge_evidence, evidence)
    explained = await request.app[TEMPLATE_TURNS].run(workspace, evidence.automation.steps, judge)
    return record_response(request, explanation_record(explained, runs))


@requires_scope("read:automations")
@request_body(TrialFields, example={"last": 20})
@responds(TrialRecord)
async def try_out(request: web.Request) -> web.Response:
    """Try an automation: on one lead (`lead_id`), or on up to 50 of the last events (`last`). Nothing is done.

    Leads are taken as they are now, and delays are passed over. The events are of the kind that the trigger waits for;
    those of leads that were changed or sent last are found. The answer quotes values of leads, so that the key needs
    `read:leads` as well.
    """
    check_scope(key_of(request), VALUES_SCOPE)
    workspace, id_, fields = workspace_of(request), path_id(request), await body_of(request)
    lead_id, last = fields.get("lead_id"), fields.get("last")
    raise_if_invalid(_choice_errors(lead_id, last))
    async with reading(request) as connection:
        plan = await _plan_trial(await driver_connection(connection), workspace, id_, lead_id, last)
    trial = await request.app[TEMPLATE_TURNS].run(workspace, plan.automation.steps, partial(run_trial, plan))
    return record_response(request, trial_record(id_, trial))


async def _plan_trial(
    connection: Connection, workspace_id: int, id_: int, lead_id: int | None, last: int | None
) -> TrialPlan:
    automation = await read_automation(connection, workspace_id, id_)
    if automation is None:
        raise NotFound
    if lead_id is not None:
        return await plan_lead_trial(connection, workspace_id, automation, lead_id)
    return await plan_event_trial(connection, workspace_id, automation, last or 1)


async def _read_lane_stop(connection: Connection, workspace_id: int) -> LaneStop | None:
    pauses = await read_pauses(connection, workspace_id)
    return next((LaneStop(one.reason, one.since, one.until) for one in pauses if one.lane == "automations"), None)


def _choice_errors(lead_id: int | None, last: int | None) -> FieldErrors:
    if lead_id is None and last is None:
        return {"lead_id": [MISSING_MESSAGE]}
    return {"last": [TOGETHER_MESSAGE]} if lead_id is not None and last is not None else {}
