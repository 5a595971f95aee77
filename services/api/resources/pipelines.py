"""`/api/v1/pipelines`."""

from aiohttp import web

from services.api import board
from services.api.board import PIPELINES
from services.api.pages import page_of, paged
from services.api.records import created_record, delete_record
from services.api.requests import body_of, workspace_of
from services.api.shapes.pipelines import NewPipelineFields, PipelineFields, PipelineRecord
from services.api.state import listing, reading, writing
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in


@needs("read:pipelines")
@gives(PipelineRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the pipelines with their stages, newest first."""
    page, workspace = page_of(request), workspace_of(request)
    async with listing(request) as connection:
        pipelines, total = await PIPELINES.page(connection, workspace, page)
        pipelines = await board.with_stages(connection, workspace, pipelines)
    return answer(paged(request, pipelines, page, total))


@needs("write:pipelines")
@takes(
    NewPipelineFields,
    required=("name",),
    example={"name": "Partners", "stages": [{"name": "New"}, {"name": "Won", "is_won": True}]},
)
@gives(PipelineRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a pipeline, with stages if they are sent. A new default replaces the previous one."""
    fields = await body_of(request)
    made = await writing(request, lambda connection: board.create_pipeline(connection, workspace_of(request), fields))
    return created_record(made, "/api/v1/pipelines")


@needs("read:pipelines")
@gives(PipelineRecord)
async def show(request: web.Request) -> web.Response:
    """Show a pipeline with its stages."""
    async with reading(request) as connection:
        return answer({"data": await board.find_pipeline(connection, workspace_of(request), id_in(request))})


@needs("write:pipelines")
@takes(PipelineFields, example={"description": "Leads that partners send us."})
@gives(PipelineRecord, other_statuses=(409,))
async def update(request: web.Request) -> web.Response:
    """Change a pipeline. A new default replaces the previous one; the default cannot be unset."""
    id_, fields = id_in(request), await body_of(request)
    changed = await writing(
        request, lambda connection: board.update_pipeline(connection, workspace_of(request), id_, fields)
    )
    return answer({"data": changed})


@needs("write:pipelines")
@gives(None, status=204, other_statuses=(409,))
async def delete(request: web.Request) -> web.Response:
    """Delete a pipeline and its stages. The default and a pipeline with leads cannot be deleted."""
    return await delete_record(request, board.delete_pipeline)
