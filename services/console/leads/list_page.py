"""Leads: the list of them, by filters, an order and columns that stand in the address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiohttp import web

from services.console.leads import view_tabs
from services.console.leads.columns import offered_columns, shown_columns
from services.console.leads.filter_chips import filter_chips, filter_form_values
from services.console.leads.query import (
    DEFAULT_SORT,
    LeadListState,
    api_filters,
    position_text,
    query_text,
    read_columns,
    read_filter_form,
    read_lead_query,
    read_position,
)
from services.console.leads.reads import (
    PAGE_SIZE,
    LeadPage,
    ListNames,
    ListSuggestions,
    PagePlace,
    count_newer,
    position_of,
    read_lead_page,
    read_list_names,
    read_suggestions,
    resolve_list,
)
from services.console.leads.rows import (
    MAX_LISTED_TAGS,
    column_headings,
    column_label,
    lead_line,
    name_heading,
    row_menus,
)
from services.console.leads.saved_views import LeadView, ListSettings, list_views, read_deleted_view, read_settings
from services.console.leads.tag_hues import read_tag_hues
from services.console.leads.words import status_words
from services.console.web.access import workspace_page
from services.console.web.filter_form import FORM_MARK
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.web.rendering import page_response
from shared.auth.roles import Permission
from shared.lead_list.expensive_queries import ExpensiveQuery, expensive_slot
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID

NEW_ROWS_EVENT = "new-rows"
ALL_LEADS = "all"  # the view that has no filters: the list that opens with another one leads there by it
MAX_ROW_NUMBER = 10**9


@dataclass(frozen=True)
class ShownList:
    """What the page was asked for and what it found."""

    state: LeadListState
    page: LeadPage
    names: ListNames
    suggestions: ListSuggestions
    views: Sequence[LeadView]
    settings: ListSettings
    view_counts: dict[int, int | None]
    whole: int
    deleted_view: LeadView | None = None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a page of the list."""
    query = view.request.query
    if FORM_MARK in query:
        view.redirect(view.path("leads", **read_filter_form(query, view.zone)))
    state = list_state(view)
    if state.unreadable:
        _leave_out(view, state)
    if not query:
        await _open_default_view(view)
    place = PagePlace(
        read_position(state.sort, query.get("older", "")), read_position(state.sort, query.get("newer", ""))
    )
    shown_list = await _read_shown_list(view, state, place)
    if (place.newer and not shown_list.page.has_newer) or (place.older and not shown_list.page.rows):
        view.redirect(view.path("leads", **_kept(view), **state.values))
    shown = _shown(view, shown_list, is_first=not (place.older or place.newer))
    if view.request.headers.get("HX-Request"):  # the page's script, whose rows are old
        return page_response(view.render_text("leads/_table.html", **shown), view.nonce)
    return await view.render("leads/list.html", **shown)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Tell the page how many leads are newer than its first row."""
    state, first = list_state(view), read_position(DEFAULT_SORT, view.request.query.get("first", ""))
    if state.unreadable or first is None:
        raise NotFound
    workspace_id, filter_values = view.workspace.workspace_id, _api_filters(view, state)

    async def read() -> int:
        async with view.console.reading() as connection:
            filters, _ = await resolve_list(connection, workspace_id, filter_values)
            return await count_newer(connection, filters, first.value) if filters else 0

    topic = ("leads", first, orjson.dumps(state.values), filter_values.get("assigned_user_id"))
    return await stream_snapshots(view, topic, read, _render_count, event=NEW_ROWS_EVENT)


def list_state(view: PageView) -> LeadListState:
    """Return the list that an address asks for."""
    return read_lead_query(view.request.query, sees_persons=view.permits(Permission.SEE_PERSONS))


async def read_list_page(
    view: PageView, state: LeadListState, place: PagePlace | None = None, size: int = PAGE_SIZE
) -> LeadPage:
    """Return a page of a list. A filter that names what is not there is left out of the address.

    A list that is expensive waits for its turn. Raises ServiceUnavailable if none comes.
    """
    try:
        return await _try_list_page(view, state, place, size, expensive=False)
    except ExpensiveQuery:
        return await _try_list_page(view, state, place, size, expensive=True)


async def _try_list_page(
    view: PageView, state: LeadListState, place: PagePlace | None, size: int, *, expensive: bool
) -> LeadPage:
    workspace_id = view.workspace.workspace_id
    async with (
        expensive_slot(view.console.expensive_lists, workspace_id, expensive=expensive),
        view.console.reading() as connection,
    ):
        filters, unknown = await resolve_list(connection, workspace_id, _api_filters(view, state))
        if unknown:
            _leave_out(view, state, unknown)
        if filters is None:
            return LeadPage()
        return await read_lead_page(connection, filters, state.sort, place, expensive=expensive, size=size)


async def _read_shown_list(view: PageView, state: LeadListState, place: PagePlace) -> ShownList:
    page = await read_list_page(view, state, place)
    workspace_id, account_id = view.workspace.workspace_id, view.account.account_id
    async with view.console.reading() as connection:
        names = await read_list_names(connection, workspace_id)
        suggestions = await read_suggestions(connection, workspace_id)
        shown_tags = {tag for record in page.rows for tag in record["tags"][:MAX_LISTED_TAGS]}
        hues = await read_tag_hues(connection, workspace_id, shown_tags.union(suggestions.tags))
        views = await list_views(connection, workspace_id, account_id)
        settings = await read_settings(connection, workspace_id, account_id)
        counts = await view_tabs.count_views(view, connection, views)
        whole = page.total if not state.filters else await view_tabs.count_all(connection, workspace_id)
        deleted = None
        if deleted_id := _asked_id(view, "deleted"):
            deleted = await read_deleted_view(connection, workspace_id, deleted_id, account_id)
    names = replace(names, tag_hues=hues)
    return ShownList(state, page, names, suggestions, views, settings, counts, whole, deleted)


async def _open_default_view(view: PageView) -> None:
    """Lead from the bare address to the view that the reader's list opens with."""
    workspace_id, account_id = view.workspace.workspace_id, view.account.account_id
    async with view.console.reading() as connection:
        settings = await read_settings(connection, workspace_id, account_id)
        if settings.default_view_id is None:
            return
        views = await list_views(connection, workspace_id, account_id)
    chosen = next((one for one in views if one.id == settings.default_view_id), None)
    if chosen:
        view.redirect(view_tabs.view_path(view, chosen))


def _leave_out(view: PageView, state: LeadListState, names: Sequence[str] = ()) -> None:
    """Lead to the same list without filters that cannot be used."""
    sentence = view.translate("A filter of the address could not be used, and was left out.")
    renamed = {"created_after": "created_within"} if "created_within" in state.filters else {}
    dropped = (*names, *(renamed[name] for name in names if name in renamed))
    view.redirect(view.path("leads", **_kept(view), **state.without(*dropped).values), sentence)


def _api_filters(view: PageView, state: LeadListState) -> dict[str, Any]:
    return api_filters(state.filters, view.workspace.user_id, view.formatting.now)


def _kept(view: PageView) -> dict[str, str]:
    """Return what an address keeps beside filters and order: the view, and columns of its own."""
    return {name: view.request.query[name] for name in ("view", "columns") if view.request.query.get(name)}


def _asked_id(view: PageView, name: str) -> int | None:
    text = view.request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID else None


def _render_count(view: PageView, count: int) -> str:
    text = view.translate_count("%(n)s new lead", "%(n)s new leads", count)
    return orjson.dumps({"count": count, "text": text}).decode()


def _shown(view: PageView, shown_list: ShownList, *, is_first: bool) -> dict[str, Any]:
    state, page = shown_list.state, shown_list.page
    current = next((one for one in shown_list.views if one.id == _asked_id(view, "view")), None)
    asked = read_columns(view.request.query.get("columns", ""))
    columns = shown_columns(asked, current.columns if current else None, shown_list.settings.columns)
    return {
        "state": state,
        "page": page,
        "lines": [lead_line(view, record, shown_list.names, columns, query_text(state.values)) for record in page.rows],
        "picks": view.permits(Permission.BULK_LEADS),
        "changes_rows": view.permits(Permission.CHANGE_LEADS),
        "menus": row_menus(shown_list.names, shown_list.suggestions),
        "columns": columns,
        "headings": column_headings(view, state, columns, _kept(view)),
        "name_heading": name_heading(view, state, _kept(view)),
        "column_label": lambda name: column_label(view, name),
        "columns_next": view.path("leads", **{"view": current.id} if current else {}, **state.values),
        "offered": offered_columns(columns, shown_list.suggestions.custom_keys),
        "names": shown_list.names,
        "suggestions": shown_list.suggestions,
        "statuses": list(status_words(view).items()),
        "chips": filter_chips(view, state, shown_list.names),
        "form_values": filter_form_values(view, state),
        "settings": shown_list.settings,
        "deleted_view": shown_list.deleted_view,
        "whole": shown_list.whole,
        **_shown_views(view, shown_list, current, columns),
        **_shown_paths(view, state, page, is_first=is_first),
    }


def _shown_views(
    view: PageView, shown_list: ShownList, current: LeadView | None, columns: Sequence[str]
) -> dict[str, Any]:
    kept_query = view_tabs.kept_query(shown_list.state)
    return {
        "tabs": view_tabs.tabs(view, shown_list.views, shown_list.view_counts, current),
        "current": current,
        "has_changed": current is not None and view_tabs.has_changed(current, shown_list.state, columns),
        "may_change_current": current is not None and view_tabs.may_change(view, current),
        "kept_query": kept_query,
        "kept_filters": len(kept_query.keys() - {"sort", "direction"}),
        "all_path": view.path("leads", view=ALL_LEADS),
    }


def _shown_paths(view: PageView, state: LeadListState, page: LeadPage, *, is_first: bool) -> dict[str, Any]:
    """Return the number of the first row, and the addresses of other pages of the list."""
    first_row = 1 if is_first else min(_asked_id(view, "row") or 1, MAX_ROW_NUMBER)
    return {
        "is_first": is_first,
        "first_row": first_row,
        "first_path": view.path("leads", **_kept(view), **state.values),
        "older_path": _place_path(view, state, "older", page, first_row) if page.has_older else None,
        "newer_path": None if is_first else _place_path(view, state, "newer", page, first_row),
        "live_path": _live_path(view, state, page) if is_first else None,
        "bulk_query": state.filters,
        "export_query": {name: _spelled(value) for name, value in _api_filters(view, state).items()},
    }


def _place_path(view: PageView, state: LeadListState, side: str, page: LeadPage, first_row: int) -> str | None:
    if not page.rows:
        return None
    is_older = side == "older"
    edge = position_of(state.sort, page.rows[-1 if is_older else 0])
    row = first_row + len(page.rows) if is_older else max(first_row - PAGE_SIZE, 1)
    return view.path("leads", **_kept(view), **state.values, **{side: position_text(state.sort, edge)}, row=row)


def _live_path(view: PageView, state: LeadListState, page: LeadPage) -> str | None:
    """Return the stream of the number of newer leads; None where it would not come first, or costs a search."""
    if state.sort != DEFAULT_SORT or not page.rows or {"search", "utm_source", "utm_campaign"} & state.filters.keys():
        return None
    first = position_text(DEFAULT_SORT, position_of(DEFAULT_SORT, page.rows[0]))
    return view.path("leads/live", **state.filters, first=first)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
