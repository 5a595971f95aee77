"""`/api/v1/pipelines/{pipeline_id}/stages`."""

from aiohttp import web

from services.api import pipelines
from services.api.context import listing, reading, writing
from services.api.pages import page_of, page_response
from services.api.pipelines import PIPELINE_RESOURCE, STAGE_RESOURCE
from services.api.record_responses import record_response
from services.api.request_parsing import body_and_errors, body_of, raise_if_invalid, workspace_of
from services.api.schemas.pipelines import StageFields, StageRecord
from shared.models import PipelineStage
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope


@requires_scope("read:pipelines")
@responds(StageRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List a pipeline's stages by position."""
    page, workspace, pipeline = page_of(request), workspace_of(request), path_id(request, "pipeline_id")
    order = [PipelineStage.position.asc(), PipelineStage.id.asc()]
    async with listing(request) as connection:
        await PIPELINE_RESOURCE.find(connection, workspace, pipeline)
        of_pipeline = PipelineStage.pipeline_id == pipeline
        stages, total = await STAGE_RESOURCE.read_page(connection, workspace, page, of_pipeline, order=order)
    return json_response(page_response(request, stages, page, total, "position"))


@requires_scope("write:pipelines")
@request_body(StageFields, required=("name",), example={"name": "Demo", "color": "#2f5bea"})
@responds(StageRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a stage, at its position or at the end."""
    pipeline, fields = path_id(request, "pipeline_id"), await body_of(request)
    stage = await writing(
        request, lambda connection: pipelines.create_stage(connection, workspace_of(request), pipeline, fields)
    )
    return record_response(request, stage, 201, {"Location": f"/api/v1/pipelines/{pipeline}/stages/{stage['id']}"})


@requires_scope("read:pipelines")
@responds(StageRecord)
async def show(request: web.Request) -> web.Response:
    """Show a stage."""
    async with reading(request) as connection:
        return record_response(request, await pipelines.find_stage(connection, *_path_ids(request)))


@requires_scope("write:pipelines")
@request_body(StageFields, example={"position": 1})
@responds(StageRecord)
async def update(request: web.Request) -> web.Response:
    """Change a stage. Moving it to another position moves the others."""
    path = _path_ids(request)
    fields, errors = await body_and_errors(request)
    async with reading(request) as connection:
        stage = await pipelines.find_stage(connection, *path)
    raise_if_invalid(pipelines.outcome_errors(stage, fields) | errors)
    changed = await writing(request, lambda connection: pipelines.update_stage(connection, *path, fields))
    return record_response(request, changed)


@requires_scope("write:pipelines")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a stage. Its leads stay in the pipeline with no stage."""
    path = _path_ids(request)
    await writing(request, lambda connection: pipelines.delete_stage(connection, *path))
    return web.Response(status=204)


def _path_ids(request: web.Request) -> tuple[int, int, int]:
    """Return the ids of workspace, pipeline and stage."""
    return workspace_of(request), path_id(request, "pipeline_id"), path_id(request, "stage_id")
