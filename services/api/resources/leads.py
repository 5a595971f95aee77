"""`/api/v1/leads`: reading leads and their timelines."""

from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, Select, UnaryExpression, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.pages import paged, read_choice, read_page
from services.api.paths import id_in
from services.api.requests import check
from services.api.state import ENGINE
from shared.errors import Fields, NotFound
from shared.keys import Key
from shared.models import Activity, Lead, Tag
from shared.web.access import KEY, needs
from shared.web.answers import answer

FIELDS = (
    "id first_name last_name email phone company job_title country source status lead_score starred pipeline_id "
    "pipeline_stage_id assigned_user_id notes custom_fields tag_ids possible_duplicate_of created_at updated_at"
).split()
COLUMNS = [getattr(Lead, name) for name in FIELDS]
SORTS = ("created_at", "updated_at", "lead_score", "first_name", "last_name", "email")
TEXTS = ("first_name", "last_name", "email")
DIRECTIONS = ("desc", "asc")


@needs("read:leads")
async def index(request: web.Request) -> web.Response:
    """`GET /leads`: a page, newest first unless asked otherwise."""
    key: Key = request[KEY]
    errors: Fields = {}
    page = read_page(request.query, errors)
    sort = read_choice(request.query, "sort", SORTS, "created_at", errors)
    direction = read_choice(request.query, "direction", DIRECTIONS, "desc", errors)
    source = request.query.get("source")
    if source and "\0" in source:
        errors["source"] = ["The source field must not contain null characters."]
    check(errors)
    where = [Lead.workspace_id == key.workspace_id]
    if source:
        where.append(Lead.source == source)
    query = select(*COLUMNS).where(*where).order_by(*_order(sort, direction)).limit(page.size).offset(page.offset)
    async with request.app[ENGINE].connect() as connection:
        total = (await connection.execute(select(func.count()).select_from(Lead).where(*where))).scalar_one()
        leads = await _read(connection, key.workspace_id, query) if page.offset < total else []
    return answer(paged(request, leads, page, total))


@needs("read:leads")
async def show(request: web.Request) -> web.Response:
    """`GET /leads/{id}`."""
    key: Key = request[KEY]
    query = select(*COLUMNS).where(Lead.workspace_id == key.workspace_id, Lead.id == id_in(request))
    async with request.app[ENGINE].connect() as connection:
        leads = await _read(connection, key.workspace_id, query)
    if not leads:
        raise NotFound
    return answer({"data": leads[0]})


@needs("read:leads")
async def activities(request: web.Request) -> web.Response:
    """`GET /leads/{id}/activities`: the timeline, newest first."""
    key: Key = request[KEY]
    lead_id = id_in(request)
    errors: Fields = {}
    page = read_page(request.query, errors)
    check(errors)
    of_lead = (Activity.workspace_id == key.workspace_id, Activity.lead_id == lead_id)
    entry = select(Activity.id, Activity.lead_id, Activity.type, Activity.data, Activity.created_at)
    query = entry.where(*of_lead).order_by(Activity.id.desc()).limit(page.size).offset(page.offset)
    async with request.app[ENGINE].connect() as connection:
        lead = select(Lead.id).where(Lead.workspace_id == key.workspace_id, Lead.id == lead_id)
        if (await connection.execute(lead)).first() is None:
            raise NotFound
        total = (await connection.execute(select(func.count()).select_from(Activity).where(*of_lead))).scalar_one()
        rows = (await connection.execute(query)).mappings().all() if page.offset < total else []
    return answer(paged(request, [dict(row) for row in rows], page, total))


def _order(sort: str, direction: str) -> list[UnaryExpression[Any]]:
    """Text without case and by code point, empties last ascending; ties end by id."""
    column: ColumnElement[Any] = getattr(Lead, sort)
    if sort in TEXTS:
        column = func.lower(func.nullif(column, "")).collate("C")
    if direction == "asc":
        return [column.asc().nulls_last(), Lead.id.asc()]
    return [column.desc().nulls_first(), Lead.id.desc()]


async def _read(connection: AsyncConnection, workspace_id: int, query: Select[Any]) -> list[dict[str, Any]]:
    leads = [dict(row) for row in (await connection.execute(query)).mappings().all()]
    wanted = {id_ for lead in leads for id_ in lead["tag_ids"]}
    names: dict[int, str] = {}
    if wanted:
        tags = select(Tag.id, Tag.name).where(Tag.workspace_id == workspace_id, Tag.id.in_(wanted))
        names = {row.id: row.name for row in await connection.execute(tags)}
    for lead in leads:
        lead["tags"] = [names[id_] for id_ in lead.pop("tag_ids") if id_ in names]
    return leads
