"""The neighbours of a lead in the list it was opened from: in its order, within the filters in the address."""

from typing import NamedTuple

from services.console.leads.query import LeadListState, api_filters
from services.console.leads.reads import position_of, replace_direction, resolve_list
from services.console.web.page_view import PageView
from shared.lead_list.counts import estimate_count
from shared.lead_list.filters import LeadFilters
from shared.lead_list.read_page import read_cursor_page
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection, with_deadline

SEARCH_SECONDS = 1.0  # after which a page has no links to its neighbours


class LeadNeighbours(NamedTuple):
    """The ids of the leads before and after one in its list."""

    previous: int | None = None
    next: int | None = None


async def find_lead_neighbours(view: PageView, state: LeadListState, record: LeadJson) -> LeadNeighbours:
    """Return the neighbours of a lead. None of them if the search takes too long, or if the lead is no part of a list.

    A lead that has left the list meanwhile has those between which it would stand.
    """
    try:
        return await with_deadline(SEARCH_SECONDS, _find_both(view, state, record))
    except TimeoutError:
        return LeadNeighbours()


async def _find_both(view: PageView, state: LeadListState, record: LeadJson) -> LeadNeighbours:
    asked = api_filters(state.filters, view.workspace.user_id, view.formatting.now)
    async with view.console.reading() as connection:
        filters, unknown = await resolve_list(connection, view.workspace.workspace_id, asked)
        if filters is None or unknown or filters.lead_id is not None:
            return LeadNeighbours()
        place = await _placed(connection, filters.workspace_id, state.sort, record)
        previous = await _next_id(connection, filters, replace_direction(state.sort), place)
        return LeadNeighbours(previous, await _next_id(connection, filters, state.sort, place))


async def _placed(connection: Connection, workspace_id: int, sort: LeadSort, record: LeadJson) -> CursorPosition:
    place = position_of(sort, record)
    if place.value is not None:
        return place
    statement = f"SELECT {sort.column} FROM leads WHERE workspace_id = %s AND id = %s"
    row = await (await connection.execute(statement.encode(), (workspace_id, place.id))).fetchone()
    return CursorPosition(row[0] if row else "", place.id)


async def _next_id(connection: Connection, filters: LeadFilters, sort: LeadSort, place: CursorPosition) -> int | None:
    total = await estimate_count(connection, filters)
    ids, _ = await read_cursor_page(connection, filters, sort, total, 1, place, expensive=True)
    return ids[0] if ids else None
