"""`/api/v1/tags`."""

from typing import Any

from aiohttp import web
from sqlalchemy import BigInteger, ColumnElement, Text, any_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Noun, created_record, delete_record, list_records, show_record, write_unique
from services.api.requests import body_of, workspace_of
from services.api.shapes.tags import TagFields, TagRecord
from services.api.state import raw
from shared.leads import references
from shared.models import LeadCountDelta, LeadMarginal, Tag
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in


def _sum(model: Any, is_of_tag: ColumnElement[bool]) -> ColumnElement[Any]:
    counts = select(func.coalesce(func.sum(model.n), 0)).where(model.workspace_id == Tag.workspace_id, is_of_tag)
    return counts.scalar_subquery()


# Counters and the deltas not yet folded into them, in one statement: exact at any moment.
_COUNT = cast(
    _sum(LeadMarginal, (LeadMarginal.field == "tag_ids") & (LeadMarginal.value == cast(Tag.id, Text)))
    + _sum(LeadCountDelta, Tag.id == any_(LeadCountDelta.tag_ids)),
    BigInteger,
)
TAGS = Noun(Tag, TagRecord, {"leads_count": _COUNT})
TAKEN = {"name": ["The name has already been taken."]}


@needs("read:tags")
@gives(TagRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the tags, newest first."""
    return await list_records(request, TAGS)


@needs("write:tags")
@takes(TagFields, required=("name",), example={"name": "partner", "color": "#2f5bea"})
@gives(TagRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a tag. Its name is unique in the workspace, regardless of case."""
    fields = await body_of(request)
    tag = await write_unique(request, TAKEN, lambda connection: TAGS.insert(connection, workspace_of(request), fields))
    return created_record(tag, "/api/v1/tags")


@needs("read:tags")
@gives(TagRecord)
async def show(request: web.Request) -> web.Response:
    """Show a tag."""
    return await show_record(request, TAGS)


@needs("write:tags")
@takes(TagFields, example={"color": "#1f9d55"})
@gives(TagRecord)
async def update(request: web.Request) -> web.Response:
    """Change a tag. Renaming it renames it on every lead."""
    id_ = id_in(request)
    fields = await body_of(request)
    tag = await write_unique(
        request, TAKEN, lambda connection: TAGS.update(connection, workspace_of(request), id_, fields)
    )
    return answer({"data": tag})


@needs("write:tags")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a tag. It disappears from every lead at once."""
    return await delete_record(request, delete_tag)


async def delete_tag(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete the tag and remove it from all leads. Raises NotFound."""
    await TAGS.find(connection, workspace_id, id_)
    await references.seize(await raw(connection), workspace_id)
    await TAGS.delete(connection, workspace_id, id_)
    await references.clear(await raw(connection), workspace_id, "tag", id_)
