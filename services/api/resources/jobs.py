"""`/api/v1/jobs`: what takes long, as people watch and steer it."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, listing, reading, writing
from services.api.crud import RecordDict, Resource
from services.api.pages import page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.jobs import (
    JobChangeFields,
    JobItemQuery,
    JobItemRecord,
    JobOutcomeRecord,
    JobQuery,
    JobRecord,
    JobWithAfterwardsRecord,
)
from shared.jobs import job_control
from shared.jobs.job_outcomes import RETURNING_KINDS, JobOutcomes, read_outcomes_of
from shared.models import Job, JobItem
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

JOB_RESOURCE = Resource(Job, JobRecord)
ITEM_RESOURCE = Resource(JobItem, JobItemRecord)


@requires_scope("read:operations")
@query_params(JobQuery)
@responds(JobOutcomeRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the jobs, newest first."""
    errors: FieldErrors = {}
    page, asked = read_page(request, errors), query_and_errors(request, errors)
    raise_if_invalid(errors)
    where = [getattr(Job, name) == value for name, value in asked.items()]
    async with listing(request) as connection:
        found, total = await JOB_RESOURCE.read_page(connection, workspace_of(request), page, *where)
        await _add_outcomes(connection, workspace_of(request), found)
    return json_response(page_response(request, found, page, total))


@requires_scope("read:operations")
@responds(JobWithAfterwardsRecord)
async def show(request: web.Request) -> web.Response:
    """Show a job. `afterwards` says how the submissions that it replayed or released stand now."""
    workspace, id_ = workspace_of(request), path_id(request)
    async with reading(request) as connection:
        job = await JOB_RESOURCE.find(connection, workspace, id_)
        outcomes = await _add_outcomes(connection, workspace, [job])
    afterwards = _afterwards(outcomes[id_]) if job["kind"] in RETURNING_KINDS else None
    return record_response(request, {**job, "afterwards": afterwards})


@requires_scope("read:operations")
@query_params(JobItemQuery)
@responds(JobItemRecord, listed=True)
async def items(request: web.Request) -> web.Response:
    """List the rows of a job in the order in which they are handled."""
    workspace, id_, errors = workspace_of(request), path_id(request), FieldErrors()
    page, query = read_page(request, errors), query_and_errors(request, errors)
    raise_if_invalid(errors)
    where: list[ColumnElement[bool]] = [JobItem.job_id == id_]
    if outcome := query.get("outcome"):
        where.append(JobItem.outcome.is_(None) if outcome == "waiting" else JobItem.outcome == outcome)
    async with reading(request) as connection:
        await JOB_RESOURCE.find(connection, workspace, id_)
        found, total = await ITEM_RESOURCE.read_page(connection, workspace, page, *where, order=[JobItem.id.asc()])
    return json_response(page_response(request, found, page, total))


@requires_scope("write:operations")
@request_body(JobChangeFields, example={"rate": 100})
@responds(JobOutcomeRecord, other_statuses=(409,))
async def update(request: web.Request) -> web.Response:
    """Change the rate of a job. It is felt within a second, also while the job runs."""
    fields, id_ = await body_of(request), path_id(request)

    async def change_rate(connection: Connection, workspace_id: int, job_id: int) -> None:
        if "rate" in fields:
            await job_control.set_job_rate(connection, workspace_id, job_id, fields["rate"])

    return await _steer_job(request, id_, change_rate)


@requires_scope("write:operations")
@responds(JobOutcomeRecord, other_statuses=(409,))
async def pause(request: web.Request) -> web.Response:
    """Pause a job. The chunk that is under way is finished."""
    return await _steer_job(request, path_id(request), job_control.pause_job)


@requires_scope("write:operations")
@responds(JobOutcomeRecord, other_statuses=(409,))
async def resume(request: web.Request) -> web.Response:
    """Let a paused job go on."""
    return await _steer_job(request, path_id(request), job_control.resume_job)


@requires_scope("write:operations")
@responds(JobOutcomeRecord, other_statuses=(409,))
async def cancel(request: web.Request) -> web.Response:
    """End a job. The rows that it has not handled stay as they are."""
    return await _steer_job(request, path_id(request), job_control.cancel_job)


async def _steer_job(
    request: web.Request, id_: int, steer: Callable[[Connection, int, int], Awaitable[None]]
) -> web.Response:
    workspace = workspace_of(request)

    async def steer_in_transaction(connection: AsyncConnection) -> RecordDict:
        await JOB_RESOURCE.find(connection, workspace, id_)
        await steer(await driver_connection(connection), workspace, id_)
        found = await JOB_RESOURCE.find(connection, workspace, id_)
        await _add_outcomes(connection, workspace, [found])
        return found

    return record_response(request, await writing(request, steer_in_transaction))


async def _add_outcomes(
    connection: AsyncConnection, workspace_id: int, jobs: Sequence[RecordDict]
) -> dict[int, JobOutcomes]:
    """Put into records of jobs what became of their rows, and return it by the job's id."""
    ids = [job["id"] for job in jobs]
    outcomes_by_job = await read_outcomes_of(await driver_connection(connection), workspace_id, ids)
    for job in jobs:
        outcomes = outcomes_by_job[job["id"]]
        for name in ("done", "failed", "skipped", "died_again"):
            job[name] = getattr(outcomes, name)
    return outcomes_by_job


def _afterwards(found: JobOutcomes) -> RecordDict:
    return {"waiting": found.waiting, "done": found.done, "dead": found.died_again, "quarantined": found.held}
