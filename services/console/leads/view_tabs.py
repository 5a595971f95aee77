"""The saved views above the list of leads: their addresses, their counts, and whether the list has left one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.leads.columns import shown_columns
from services.console.leads.query import LeadListState, api_filters, read_lead_query
from services.console.leads.reads import count_matches
from services.console.leads.saved_views import LeadView
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.platform.db.connections import Connection

MAX_COUNTED_VIEWS = 10  # views whose number is shown: each is a read of counters
UNKEPT_FILTERS = ("search", "email", "phone")  # what is looked for now is no part of a view


@dataclass(frozen=True)
class ViewTab:
    """A saved view as a tab. `count` is None where no counter tells it."""

    id: int
    name: str
    path: str
    count: int | None
    is_current: bool
    is_team: bool


def tabs(
    view: PageView,
    views: Sequence[LeadView],
    counts: Mapping[int, int | None],
    current: LeadView | None,
) -> list[ViewTab]:
    """Return the tabs, each with the number of its leads as far as it is known."""
    return [
        ViewTab(one.id, one.name, view_path(view, one), counts.get(one.id), one is current, one.is_team)
        for one in views
    ]


def view_state(view: PageView, saved: LeadView) -> LeadListState:
    """Return the list that a view keeps, as far as the reader may use it."""
    return read_lead_query(saved.query, sees_persons=view.permits(Permission.SEE_PERSONS))


def view_path(view: PageView, saved: LeadView) -> str:
    """Return the address of a view: all that it keeps, but for its columns, and its number."""
    return view.path("leads", view=saved.id, **view_state(view, saved).values)


def kept_query(state: LeadListState) -> dict[str, str]:
    """Return what a view keeps of a list: filters and order, but not what is searched for."""
    return state.without(*UNKEPT_FILTERS).values


def has_changed(saved: LeadView, state: LeadListState, columns: Sequence[str]) -> bool:
    """Return whether the list differs from the view that it came from."""
    is_same = kept_query(state) == kept_query(read_lead_query(saved.query))
    return not is_same or tuple(columns) != shown_columns(saved.columns or columns)


def may_change(view: PageView, saved: LeadView) -> bool:
    """Return whether the reader may change a view: one's own, or the team's with the right to set things up."""
    return saved.account_id == view.account.account_id or (saved.is_team and view.permits(Permission.SET_UP))


async def count_views(view: PageView, connection: Connection, views: Sequence[LeadView]) -> dict[int, int | None]:
    """Return how many leads each view holds, for the first views alone."""
    return {one.id: await _count_view(view, connection, view_state(view, one)) for one in views[:MAX_COUNTED_VIEWS]}


async def count_all(connection: Connection, workspace_id: int) -> int:
    """Return how many leads the workspace has."""
    return await count_matches(connection, workspace_id, {}) or 0


async def _count_view(view: PageView, connection: Connection, state: LeadListState) -> int | None:
    asked: dict[str, Any] = api_filters(state.filters, view.workspace.user_id, view.formatting.now)
    return await count_matches(connection, view.workspace.workspace_id, asked)
