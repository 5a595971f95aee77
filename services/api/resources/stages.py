"""`/api/v1/pipelines/{pipeline_id}/stages`."""

from aiohttp import web

from services.api.bulk_jobs import JOB_RESOURCE, author_of
from services.api.context import driver_connection, listing, reading, write_driver
from services.api.crud import Resource
from services.api.pages import page_of, page_response
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, body_of, query_of, raise_if_invalid, workspace_of
from services.api.schemas.jobs import JobRecord
from services.api.schemas.pipelines import StageRecord, StageRemovalQuery
from shared.models import PipelineStage
from shared.pipelines import pipeline_management
from shared.pipelines.pipeline_fields import StageFields, outcome_errors
from shared.pipelines.pipeline_reads import find_pipeline, find_stage
from shared.pipelines.stage_removal import remove_stage
from shared.platform.web.openapi import query_params, request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

STAGE_RESOURCE = Resource(PipelineStage, StageRecord)


@requires_scope("read:pipelines")
@responds(StageRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List a pipeline's stages by position."""
    page, workspace, pipeline = page_of(request), workspace_of(request), path_id(request, "pipeline_id")
    order = [PipelineStage.position.asc(), PipelineStage.id.asc()]
    async with listing(request) as connection:
        await find_pipeline(await driver_connection(connection), workspace, pipeline)
        of_pipeline = PipelineStage.pipeline_id == pipeline
        stages, total = await STAGE_RESOURCE.read_page(connection, workspace, page, of_pipeline, order=order)
    return json_response(page_response(request, stages, page, total, "position"))


@requires_scope("write:pipelines")
@request_body(StageFields, required=("name",), example={"name": "Demo", "color": "#2f5bea"})
@responds(StageRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create a stage, at its position or at the end."""
    workspace, pipeline, fields = workspace_of(request), path_id(request, "pipeline_id"), await body_of(request)
    stage = await write_driver(
        request, lambda found: pipeline_management.create_stage(found, workspace, pipeline, fields)
    )
    return record_response(request, stage, 201, {"Location": f"/api/v1/pipelines/{pipeline}/stages/{stage['id']}"})


@requires_scope("read:pipelines")
@responds(StageRecord)
async def show(request: web.Request) -> web.Response:
    """Show a stage."""
    async with reading(request) as connection:
        return record_response(request, await find_stage(await driver_connection(connection), *_path_ids(request)))


@requires_scope("write:pipelines")
@request_body(StageFields, example={"position": 1})
@responds(StageRecord)
async def update(request: web.Request) -> web.Response:
    """Change a stage. Moving it to another position moves the others."""
    path = _path_ids(request)
    fields, errors = await body_and_errors(request)
    async with reading(request) as connection:
        stage = await find_stage(await driver_connection(connection), *path)
    raise_if_invalid(outcome_errors(stage, fields) | errors)
    changed = await write_driver(request, lambda found: pipeline_management.update_stage(found, *path, fields))
    return record_response(request, changed)


@requires_scope("write:pipelines")
@query_params(StageRemovalQuery)
@responds(None, status=204, other_statuses=(202, 409), schemas_by_status={202: JobRecord})
async def delete(request: web.Request) -> web.Response:
    """Delete a stage. Its leads go to the stage `to`. Over 1,000 go by a job, whose end deletes the stage.

    Without `to` a stage that holds leads is 409, with their `count`. The moves stand on the timelines of the leads, and
    set off no automation and no webhook.
    """
    path, to, author = _path_ids(request), query_of(request).get("to"), author_of(request)
    job_id = await write_driver(request, lambda found: remove_stage(found, *path, to=to, author=author))
    if job_id is None:
        return web.Response(status=204)
    async with reading(request) as connection:
        job = await JOB_RESOURCE.find(connection, workspace_of(request), job_id)
    return record_response(request, job, 202, {"Location": f"/api/v1/jobs/{job_id}"})


def _path_ids(request: web.Request) -> tuple[int, int, int]:
    """Return the ids of workspace, pipeline and stage."""
    return workspace_of(request), path_id(request, "pipeline_id"), path_id(request, "stage_id")
