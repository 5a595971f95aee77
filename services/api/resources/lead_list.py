"""`GET /api/v1/leads`: filtered, sorted and searched, by page number or by cursor."""

from typing import Any, NamedTuple

from aiohttp import web

from services.api.context import CIPHER_KEY, EXPENSIVE_LIST_LIMITER, driver_connection, listing
from services.api.pages import PageRequest, cursor_response, page_response, read_cursor, read_numbers
from services.api.request_parsing import query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.leads import LeadRecord
from shared.lead_list.bounded_search import read_bounded_page
from shared.lead_list.counts import estimate_count, is_expensive_count
from shared.lead_list.expensive_queries import ExpensiveQuery, expensive_slot
from shared.lead_list.filters import LeadFilters
from shared.lead_list.list_query import LeadListQuery
from shared.lead_list.read_page import read_cursor_page
from shared.lead_list.resolve_filters import resolve_filters
from shared.lead_list.search_backlog import is_search_behind
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson, read_leads
from shared.platform.cursors import CursorPosition, CursorSigner
from shared.platform.db.connections import Connection, snapshot
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope


class LeadListRequest(NamedTuple):
    """A parsed request, and the errors found so far, before the database is asked.

    `signer` is set for a page by cursor, `after` from the second page on.
    """

    query: dict[str, Any]
    sort: LeadSort
    page: PageRequest
    signer: CursorSigner | None
    after: CursorPosition | None
    errors: FieldErrors


@requires_scope("read:leads")
@query_params(LeadListQuery)
@responds(LeadRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the leads that fit all filters, newest first unless asked otherwise.

    A `search` counts up to 5,000 leads. If more match, `meta.total_is_lower_bound` is true, and `links.last` is null:
    follow `links.next`, or walk with `cursor=`. Some seconds after many leads came, a search may miss the latest: then
    `meta.search_is_behind` is true.
    """
    list_request = _parse_request(request)
    try:
        return json_response(await _list_leads(request, list_request, expensive=False))
    except ExpensiveQuery:
        return json_response(await _list_leads(request, list_request, expensive=True))


def _parse_request(request: web.Request) -> LeadListRequest:
    errors: FieldErrors = {}
    query = query_and_errors(request, errors)
    page = read_numbers(request.query, errors)
    sort = LeadSort(query.get("sort", "created_at"), query.get("direction", "desc") == "desc")
    signer, after = _read_cursor(request, query, sort, errors)
    return LeadListRequest(query, sort, page, signer, after, errors)


def _read_cursor(
    request: web.Request, query: Any, sort: LeadSort, errors: FieldErrors
) -> tuple[CursorSigner | None, CursorPosition | None]:
    if "cursor" not in request.query:
        return None, None
    secret = request.app[CIPHER_KEY].signing_key()
    narrowed = {name: value for name, value in query.items() if name not in ("sort", "direction")}
    signer = CursorSigner(secret, workspace_of(request), narrowed, *sort)
    return signer, read_cursor(request.query, signer, errors)


async def _list_leads(request: web.Request, list_request: LeadListRequest, *, expensive: bool) -> dict[str, Any]:
    """Return the list. Raises ValidationFailed with all errors, and ExpensiveQuery if the list must wait for a slot."""
    async with (
        expensive_slot(request.app[EXPENSIVE_LIST_LIMITER], workspace_of(request), expensive=expensive),
        listing(request) as connection,
    ):
        return await _list_response(request, await driver_connection(connection), list_request, expensive=expensive)


async def _list_response(
    request: web.Request, connection: Connection, list_request: LeadListRequest, *, expensive: bool
) -> dict[str, Any]:
    errors = dict(list_request.errors)
    filters = await resolve_filters(connection, workspace_of(request), list_request.query, errors)
    raise_if_invalid(errors)
    if list_request.signer:
        more_meta = await _search_meta(connection, filters)
        leads, position = await _read_cursor_step(connection, filters, list_request, expensive=expensive)
        return cursor_response(
            request,
            leads,
            list_request.page,
            list_request.signer.encode_position(position) if position else None,
            more_meta=more_meta,
        )
    async with snapshot(connection):  # a page counted from the far end needs the total of the same moment
        if filters is None:
            return page_response(request, [], list_request.page, 0)
        sort, page = list_request.sort, list_request.page
        matches = await read_bounded_page(connection, filters, sort, page.size, page.offset, expensive=expensive)
        leads = await _read_records(connection, filters, matches.ids)
        more_meta = await _search_meta(connection, filters)
    return page_response(
        request, leads, page, matches.total, is_lower_bound=matches.is_lower_bound, more_meta=more_meta
    )


async def _search_meta(connection: Connection, filters: LeadFilters | None) -> dict[str, bool]:
    is_behind = filters is not None and await is_search_behind(connection, filters)
    return {"search_is_behind": True} if is_behind else {}


async def _read_cursor_step(
    connection: Connection, filters: LeadFilters | None, list_request: LeadListRequest, *, expensive: bool
) -> tuple[list[LeadJson], CursorPosition | None]:
    if filters is None:
        return [], None
    if is_expensive_count(filters) and not expensive:
        raise ExpensiveQuery
    total = await estimate_count(connection, filters)
    ids, position = await read_cursor_page(
        connection, filters, list_request.sort, total, list_request.page.size, list_request.after, expensive=expensive
    )
    return await _read_records(connection, filters, ids), position


async def _read_records(connection: Connection, filters: LeadFilters, ids: list[int]) -> list[LeadJson]:
    """Return the leads, without those that were deleted since their ids were read."""
    wanted = [(filters.workspace_id, id_) for id_ in ids]
    found = await read_leads(connection, wanted)
    return [found[lead] for lead in wanted if lead in found]
