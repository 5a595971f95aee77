"""`/api/v1/tags`."""

from typing import Any

from aiohttp import web
from sqlalchemy import BigInteger, ColumnElement, Text, any_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from services.api.context import driver_connection, reading, write_driver
from services.api.crud import Resource, delete_record, list_records, show_record, write_unique
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.tags import TagMergeFields, TagRecord
from shared.leads import tag_management
from shared.leads.tag_management import NAME_TAKEN_ERRORS, TagFields
from shared.leads.tag_merging import forget_alias, merge_tags
from shared.models import LeadCountByField, LeadCountDelta, Tag
from shared.platform.errors import NotFound
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import requires_scope


def _counter_sum(model: Any, is_of_tag: ColumnElement[bool]) -> ColumnElement[Any]:
    counts = select(func.coalesce(func.sum(model.n), 0)).where(model.workspace_id == Tag.workspace_id, is_of_tag)
    return counts.scalar_subquery()


# Counters and the deltas not yet folded into them, in one statement: exact at any moment.
_LEADS_COUNT = cast(
    _counter_sum(
        LeadCountByField, (LeadCountByField.field == "tag_ids") & (LeadCountByField.value == cast(Tag.id, Text))
    )
    + _counter_sum(LeadCountDelta, Tag.id == any_(LeadCountDelta.tag_ids)),
    BigInteger,
)
_ALIAS = aliased(Tag)
_ALIASES = func.array(
    select(_ALIAS.name)
    .where(_ALIAS.workspace_id == Tag.workspace_id, _ALIAS.alias_of == Tag.id)
    .order_by(_ALIAS.id)
    .scalar_subquery()
)
TAG_RESOURCE = Resource(Tag, TagRecord, {"leads_count": _LEADS_COUNT, "aliases": _ALIASES}, only=Tag.alias_of.is_(None))


@requires_scope("read:tags")
@responds(TagRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the tags, newest first."""
    return await list_records(request, TAG_RESOURCE)


@requires_scope("write:tags")
@request_body(TagFields, required=("name",), example={"name": "partner", "color": "#2f5bea"})
@responds(TagRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a tag. Its name is unique in the workspace, regardless of case."""
    fields = await body_of(request)
    tag = await write_unique(
        request, NAME_TAKEN_ERRORS, lambda connection: TAG_RESOURCE.insert(connection, workspace_of(request), fields)
    )
    return created_response(request, tag, "/api/v1/tags")


@requires_scope("read:tags")
@responds(TagRecord)
async def show(request: web.Request) -> web.Response:
    """Show a tag."""
    return await show_record(request, TAG_RESOURCE)


@requires_scope("write:tags")
@request_body(TagFields, example={"color": "#1f9d55"})
@responds(TagRecord)
async def update(request: web.Request) -> web.Response:
    """Change a tag. Renaming it renames it on every lead."""
    id_ = path_id(request)
    fields = await body_of(request)
    tag = await write_unique(
        request,
        NAME_TAKEN_ERRORS,
        lambda connection: TAG_RESOURCE.update(connection, workspace_of(request), id_, fields),
    )
    return record_response(request, tag)


@requires_scope("write:tags")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a tag. It disappears from every lead at once."""
    return await delete_record(request, delete_tag)


@requires_scope("write:tags")
@request_body(TagMergeFields, required=("into",), example={"into": 7})
@responds(TagRecord, other_statuses=(409,))
async def merge(request: web.Request) -> web.Response:
    """Give all leads of a tag another one, once, and return that. The name of the tag stays as another name of it.

    What arrives by that name gets the tag. Over 1,000 leads get it in the background. With `confirm` it is 409 if
    another number of leads has the tag. Timelines stay; no automation runs and no webhook is sent.
    """
    id_, fields, workspace = path_id(request), await body_of(request), workspace_of(request)
    into, confirmed = fields["into"], fields.get("confirm")
    await write_driver(request, lambda found: merge_tags(found, workspace, id_, into, confirmed))
    async with reading(request) as connection:
        return record_response(request, await TAG_RESOURCE.find(connection, workspace, into))


@requires_scope("write:tags")
@responds(None, status=204, other_statuses=(409,))
async def delete_alias(request: web.Request) -> web.Response:
    """Forget another name of a tag: what arrives by it makes a new tag. 409 while a merge is still going on."""
    id_, workspace, name = path_id(request), workspace_of(request), request.match_info["alias"]
    if "\0" in name:
        raise NotFound
    await write_driver(request, lambda found: forget_alias(found, workspace, id_, name))
    return web.Response(status=204)


async def delete_tag(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete the tag and remove it from all leads. Raises NotFound."""
    await tag_management.delete_tag(await driver_connection(connection), workspace_id, id_)
