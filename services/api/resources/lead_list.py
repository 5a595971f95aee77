"""`GET /api/v1/leads`: filtered, sorted and searched, by page number or by cursor."""

from typing import Any, NamedTuple

from aiohttp import web

from services.api.cursors import Position, Signer
from services.api.leadlist.asked import find_filters
from services.api.leadlist.filters import Filters
from services.api.leadlist.limits import Dear, turn
from services.api.leadlist.lists import read_counted, read_step
from services.api.leadlist.sorts import Sort
from services.api.leadlist.totals import estimate, is_read
from services.api.pages import Page, paged, read_cursor, read_numbers, walked
from services.api.requests import check, query_and_errors, workspace_of
from services.api.shapes.lead_list import LeadQuery
from services.api.shapes.leads import LeadRecord
from services.api.state import DEAR_LISTS, VAULT, listing, raw, snapshot
from shared.db import Connection
from shared.errors import Fields
from shared.leads.records import Record, read_leads
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import asks, gives


class Asked(NamedTuple):
    """A parsed request, and the errors found so far, before the database is asked.

    `signer` is set for a page by cursor, `after` from the second page on.
    """

    query: dict[str, Any]
    sort: Sort
    page: Page
    signer: Signer | None
    after: Position | None
    errors: Fields


@needs("read:leads")
@asks(LeadQuery)
@gives(LeadRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the leads that fit all filters, newest first unless asked otherwise."""
    asked = _asked(request)
    try:
        return answer(await _listed(request, asked, dear=False))
    except Dear:
        return answer(await _listed(request, asked, dear=True))


def _asked(request: web.Request) -> Asked:
    errors: Fields = {}
    query = query_and_errors(request, errors)
    page = read_numbers(request.query, errors)
    sort = Sort(query.get("sort", "created_at"), query.get("direction", "desc") == "desc")
    signer, after = _walk(request, query, sort, errors)
    return Asked(query, sort, page, signer, after, errors)


def _walk(request: web.Request, query: Any, sort: Sort, errors: Fields) -> tuple[Signer | None, Position | None]:
    if "cursor" not in request.query:
        return None, None
    secret = request.app[VAULT].signing_key()
    narrowed = {name: value for name, value in query.items() if name not in ("sort", "direction")}
    signer = Signer(secret, workspace_of(request), narrowed, *sort)
    return signer, read_cursor(request.query, signer, errors)


async def _listed(request: web.Request, asked: Asked, *, dear: bool) -> dict[str, Any]:
    """Return the list. Raises ValidationFailed with all errors, and Dear if the list must wait for a slot."""
    async with turn(request.app[DEAR_LISTS], workspace_of(request), dear=dear), listing(request) as connection:
        return await _answered(request, await raw(connection), asked, dear=dear)


async def _answered(request: web.Request, connection: Connection, asked: Asked, *, dear: bool) -> dict[str, Any]:
    errors = dict(asked.errors)
    filters = await find_filters(connection, workspace_of(request), asked.query, errors)
    check(errors)
    if filters and is_read(filters) and not dear:
        raise Dear
    if asked.signer:
        leads, position = await _step(connection, filters, asked, dear=dear)
        return walked(request, leads, asked.page, asked.signer.write(position) if position else None)
    async with snapshot(connection):  # a page counted from the far end needs the total of the same moment
        leads, total = await _page(connection, filters, asked, dear=dear)
    return paged(request, leads, asked.page, total)


async def _page(
    connection: Connection, filters: Filters | None, asked: Asked, *, dear: bool
) -> tuple[list[Record], int]:
    if filters is None:
        return [], 0
    ids, n = await read_counted(connection, filters, asked.sort, asked.page.size, asked.page.offset, dear=dear)
    return await _records(connection, filters, ids), n


async def _step(
    connection: Connection, filters: Filters | None, asked: Asked, *, dear: bool
) -> tuple[list[Record], Position | None]:
    if filters is None:
        return [], None
    total = await estimate(connection, filters)
    ids, position = await read_step(connection, filters, asked.sort, total, asked.page.size, asked.after, dear=dear)
    return await _records(connection, filters, ids), position


async def _records(connection: Connection, filters: Filters, ids: list[int]) -> list[Record]:
    """Return the leads, without those that were deleted since their ids were read."""
    wanted = [(filters.workspace_id, id_) for id_ in ids]
    found = await read_leads(connection, wanted)
    return [found[lead] for lead in wanted if lead in found]
