"""`/api/v1/pipelines`."""

from aiohttp import web

from services.api.context import driver_connection, listing, reading, write_driver
from services.api.crud import Resource
from services.api.pages import page_of, page_response
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.pipelines import PipelineRecord
from shared.models import Pipeline
from shared.pipelines import pipeline_management
from shared.pipelines.pipeline_fields import NewPipelineFields, PipelineFields
from shared.pipelines.pipeline_reads import find_pipeline, with_stages
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

PIPELINE_RESOURCE = Resource(Pipeline, PipelineRecord)


@requires_scope("read:pipelines")
@responds(PipelineRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the pipelines with their stages, newest first."""
    page, workspace = page_of(request), workspace_of(request)
    async with listing(request) as connection:
        pipelines, total = await PIPELINE_RESOURCE.read_page(connection, workspace, page)
        pipelines = await with_stages(await driver_connection(connection), workspace, pipelines)
    return json_response(page_response(request, pipelines, page, total))


@requires_scope("write:pipelines")
@request_body(
    NewPipelineFields,
    required=("name",),
    example={"name": "Partners", "stages": [{"name": "New"}, {"name": "Won", "is_won": True}]},
)
@responds(PipelineRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create a pipeline, with stages if they are sent. A new default replaces the previous one."""
    fields, workspace = await body_of(request), workspace_of(request)
    made = await write_driver(request, lambda found: pipeline_management.create_pipeline(found, workspace, fields))
    return created_response(request, made, "/api/v1/pipelines")


@requires_scope("read:pipelines")
@responds(PipelineRecord)
async def show(request: web.Request) -> web.Response:
    """Show a pipeline with its stages."""
    async with reading(request) as connection:
        pipeline = await find_pipeline(await driver_connection(connection), workspace_of(request), path_id(request))
    return record_response(request, pipeline)


@requires_scope("write:pipelines")
@request_body(PipelineFields, example={"description": "Leads that partners send us."})
@responds(PipelineRecord, other_statuses=(409,))
async def update(request: web.Request) -> web.Response:
    """Change a pipeline. A new default replaces the previous one; the default cannot be unset."""
    id_, fields, workspace = path_id(request), await body_of(request), workspace_of(request)
    changed = await write_driver(
        request, lambda found: pipeline_management.update_pipeline(found, workspace, id_, fields)
    )
    return record_response(request, changed)


@requires_scope("write:pipelines")
@responds(None, status=204, other_statuses=(409,))
async def delete(request: web.Request) -> web.Response:
    """Delete a pipeline and its stages. The default and a pipeline with leads cannot be deleted."""
    id_, workspace = path_id(request), workspace_of(request)
    await write_driver(request, lambda found: pipeline_management.delete_pipeline(found, workspace, id_))
    return web.Response(status=204)
