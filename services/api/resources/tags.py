"""`/api/v1/tags`."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, any_, func, select
from sqlalchemy.exc import IntegrityError

from services.api.pages import page_of, paged
from services.api.paths import id_in
from services.api.records import Noun, Record
from services.api.requests import body_of, workspace_of
from services.api.shapes.tags import TagFields, TagRecord
from services.api.state import listing, reading, writing
from shared.errors import ValidationFailed
from shared.models import Lead, Tag
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes

_COUNT: ColumnElement[Any] = (
    select(func.count())
    .select_from(Lead)
    .where(Lead.workspace_id == Tag.workspace_id, Tag.id == any_(Lead.tag_ids))
    .scalar_subquery()
)
TAGS = Noun(Tag, TagRecord, {"leads_count": _COUNT})
TAKEN = {"name": ["The name has already been taken."]}


@needs("read:tags")
@gives(TagRecord, listed="pages")
async def index(request: web.Request) -> web.Response:
    """List the tags, newest first."""
    page = page_of(request)
    async with listing(request) as connection:
        tags, total = await TAGS.page(connection, workspace_of(request), page)
    return answer(paged(request, tags, page, total))


@needs("write:tags")
@takes(TagFields, required=("name",))
@gives(TagRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Make a tag. Its name is unique in the workspace, in any case."""
    fields = await body_of(request)
    tag = await _write(request, lambda connection: TAGS.insert(connection, workspace_of(request), fields))
    return answer({"data": tag}, 201, {"Location": f"/api/v1/tags/{tag['id']}"})


@needs("read:tags")
@gives(TagRecord)
async def show(request: web.Request) -> web.Response:
    """Show a tag."""
    async with reading(request) as connection:
        return answer({"data": await TAGS.find(connection, workspace_of(request), id_in(request))})


@needs("write:tags")
@takes(TagFields)
@gives(TagRecord)
async def update(request: web.Request) -> web.Response:
    """Change a tag. Renaming it renames it on every lead."""
    id_ = id_in(request)
    fields = await body_of(request)
    tag = await _write(request, lambda connection: TAGS.update(connection, workspace_of(request), id_, fields))
    return answer({"data": tag})


@needs("write:tags")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a tag. It disappears from every lead at once."""
    id_ = id_in(request)
    await writing(request, lambda connection: TAGS.delete(connection, workspace_of(request), id_))
    return web.Response(status=204)


async def _write(request: web.Request, work: Any) -> Record:
    try:
        return await writing(request, work)
    except IntegrityError as error:
        raise ValidationFailed(TAKEN) from error
