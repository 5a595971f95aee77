"""`/api/v1/pipelines/{pipeline_id}/stages`."""

from aiohttp import web

from services.api import board
from services.api.board import PIPELINES, STAGES
from services.api.pages import page_of, paged
from services.api.requests import body_and_errors, body_of, check, workspace_of
from services.api.shapes.pipelines import StageFields, StageRecord
from services.api.state import listing, reading, writing
from shared.models import PipelineStage
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in


@needs("read:pipelines")
@gives(StageRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List a pipeline's stages by position."""
    page, workspace, pipeline = page_of(request), workspace_of(request), id_in(request, "pipeline_id")
    order = [PipelineStage.position.asc(), PipelineStage.id.asc()]
    async with listing(request) as connection:
        await PIPELINES.find(connection, workspace, pipeline)
        of_pipeline = PipelineStage.pipeline_id == pipeline
        stages, total = await STAGES.page(connection, workspace, page, of_pipeline, order=order)
    return answer(paged(request, stages, page, total, "position"))


@needs("write:pipelines")
@takes(StageFields, required=("name",), example={"name": "Demo", "color": "#2f5bea"})
@gives(StageRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a stage, at its position or at the end."""
    pipeline, fields = id_in(request, "pipeline_id"), await body_of(request)
    made = await writing(
        request, lambda connection: board.create_stage(connection, workspace_of(request), pipeline, fields)
    )
    return answer({"data": made}, 201, {"Location": f"/api/v1/pipelines/{pipeline}/stages/{made['id']}"})


@needs("read:pipelines")
@gives(StageRecord)
async def show(request: web.Request) -> web.Response:
    """Show a stage."""
    async with reading(request) as connection:
        return answer({"data": await board.find_stage(connection, *_path(request))})


@needs("write:pipelines")
@takes(StageFields, example={"position": 1})
@gives(StageRecord)
async def update(request: web.Request) -> web.Response:
    """Change a stage. Moving it to another position moves the others."""
    path = _path(request)
    fields, errors = await body_and_errors(request)
    async with reading(request) as connection:
        stage = await board.find_stage(connection, *path)
    check(board.outcome_errors(stage, fields) | errors)
    changed = await writing(request, lambda connection: board.update_stage(connection, *path, fields))
    return answer({"data": changed})


@needs("write:pipelines")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a stage. Its leads stay in the pipeline with no stage."""
    path = _path(request)
    await writing(request, lambda connection: board.delete_stage(connection, *path))
    return web.Response(status=204)


def _path(request: web.Request) -> tuple[int, int, int]:
    """Return the ids of workspace, pipeline and stage."""
    return workspace_of(request), id_in(request, "pipeline_id"), id_in(request, "stage_id")
