"""`/api/v1/integrations/{id}/backfill`: ask a provider for leads that its webhooks did not bring."""

from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import TypedDict

from services.api.bulk_jobs import JOB_RESOURCE, author_of
from services.api.context import driver_connection, writing
from services.api.crud import RecordDict
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, raise_if_invalid, workspace_of
from services.api.schemas.jobs import JobRecord
from shared.integrations.lead_backfills import IN_FUTURE_MESSAGE, create_backfill
from shared.platform.validation.types import UtcTime
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import requires_scope


class BackfillFields(TypedDict):
    """The leads that were sent since then are asked for."""

    since: UtcTime


@requires_scope("write:integrations")
@request_body(BackfillFields, required=("since",), example={"since": "2026-03-28T00:00:00Z"})
@responds(JobRecord, status=202, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Ask the provider for the leads since a time, as a job. Leads that are known already are skipped.

    It is possible for types whose leads are fetched: Meta Lead Ads, LinkedIn and HubSpot. Providers keep leads for a
    limited time, Meta for 90 days.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    since: datetime = (await body_of(request))["since"]
    raise_if_invalid({"since": [IN_FUTURE_MESSAGE]} if since > datetime.now(UTC) else {})

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        database = await driver_connection(connection)
        job_id = await create_backfill(database, workspace, id_, since, author_of(request))
        return await JOB_RESOURCE.find(connection, workspace, job_id)

    job = await writing(request, create_in_transaction)
    return record_response(request, job, 202, {"Location": f"/api/v1/jobs/{job['id']}"})
