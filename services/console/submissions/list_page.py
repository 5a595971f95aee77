"""Submissions: everything that came in, by filters that stand in the address."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import web

from services.console.submissions.query import (
    SubmissionFilters,
    as_submission_id,
    filter_values,
    position_text,
    read_filter_form,
    read_filters,
    read_position,
)
from services.console.submissions.reads import (
    LAST_ID,
    PAGE_SIZE,
    NewRowCount,
    SubmissionPage,
    read_submission_page,
    search_submission_page,
)
from services.console.submissions.words import state_words, submission_line
from services.console.web.access import workspace_page
from services.console.web.filter_form import FORM_MARK, LOCAL_FORMAT, FilterChip
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.intake.submission_search import SubmissionPosition
from shared.jobs.job_kinds import JobKind
from shared.jobs.job_targets import count_targets
from shared.platform.errors import NotFound

NEW_ROWS_EVENT = "new-rows"
FIRST_ID = uuid.UUID(int=0)
SELECTION_KINDS = ("replay", "release", "reject")
PICKED_STATES = {"replay": "dead", "release": "quarantined"}  # of the rows that can be ticked
SUGGESTED_CHANNELS = ("inbound", "form", "webhook", "import")


@dataclass(frozen=True)
class RowPicks:
    """Which rows can be ticked, what is done with them, and how many match in all; None after a search."""

    kind: JobKind
    state: str
    total: int | None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a page of the list."""
    query = view.request.query
    if FORM_MARK in query:
        view.redirect(view.path("submissions", **read_filter_form(query, view.zone, view.formatting.now)))
    filters, unreadable = permitted_filters(view)
    if unreadable:
        said = view.translate("A filter of the address could not be used, and was left out.")
        view.redirect(view.path("submissions", **filter_values(filters)), said)
    older, newer = read_position(query.get("older", "")), read_position(query.get("newer", ""))
    page = await _read_page(view, filters, older, newer)
    if newer and page.ahead == 0:  # nothing is newer than this page: it is the first one
        view.redirect(view.path("submissions", **filter_values(filters)))
    picks = await _read_picks(view, filters, page)
    names = await view.console.read_channel_names(view.workspace.workspace_id)
    return await view.render(
        "submissions/list.html",
        picks=picks,
        channel_names=names,
        **_shown(view, filters, page, names, is_first=not older and not newer),
    )


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Tell the page how many submissions are newer than its first row."""
    filters, unreadable = permitted_filters(view)
    first = read_position(view.request.query.get("first", ""))
    if unreadable or first is None:
        raise NotFound
    count = NewRowCount(view.workspace.workspace_id, filters, first)

    async def read() -> NewRowCount:
        async with view.console.reading() as connection:
            return await count.read(connection)

    topic = ("submissions", first, orjson.dumps(filter_values(filters)))
    return await stream_snapshots(view, topic, read, _render_count, event=NEW_ROWS_EVENT)


@workspace_page(Permission.STEER_QUEUES)
async def selected(view: PageView) -> web.StreamResponse:
    """Lead from the ticked rows to the confirmation of what is to be done with them."""
    ids = [as_submission_id(text) for text in view.request.query.getall("ids", [])[:PAGE_SIZE]]
    chosen = ",".join(str(id_) for id_ in ids if id_)
    if not chosen:
        view.redirect(view.path("submissions"), view.translate("Tick the submissions first."))
    kind = view.request.query.get("kind", "")
    view.redirect(view.path("jobs/confirm", kind=kind if kind in SELECTION_KINDS else "replay", ids=chosen))


def permitted_filters(view: PageView) -> tuple[SubmissionFilters, list[str]]:
    """Return the filters of the address, and the names of those that cannot be used.

    Whoever may not see persons may search by id alone: a text found in a payload tells of its person.
    """
    filters, unreadable = read_filters(view.request.query)
    if "search" in filters and not view.permits(Permission.SEE_PERSONS) and not as_submission_id(filters["search"]):
        del filters["search"]
        unreadable.append("search")
    return filters, unreadable


def search_note(view: PageView, page: SubmissionPage) -> str:
    """Return how far a search has looked, as a sentence."""
    if page.is_direct:
        return view.translate("Found by its id; payloads were not searched for it.")
    if page.searched_until:
        until = view.formatting.full_time(page.searched_until)
        return view.translate("Searched back to %(time)s; older ones were not looked at.", time=until)
    return "" if page.has_older else view.translate("Searched to the end.")


async def _read_page(
    view: PageView, filters: SubmissionFilters, older: SubmissionPosition | None, newer: SubmissionPosition | None
) -> SubmissionPage:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        if "search" in filters:
            return await search_submission_page(connection, workspace_id, filters, older_than=older)
        return await read_submission_page(connection, workspace_id, filters, older_than=older, newer_than=newer)


async def _read_picks(view: PageView, filters: SubmissionFilters, page: SubmissionPage) -> RowPicks | None:
    """Return what can be done with rows of the page, None if nothing can: replay dead ones, release held ones."""
    kind: JobKind = "release" if filters.get("state") == "quarantined" else "replay"
    state = PICKED_STATES[kind]
    if not view.permits(Permission.STEER_QUEUES) or not any(row["state"] == state for row in page.rows):
        return None
    if "search" in filters or filters.get("state") == state:
        return RowPicks(kind, state, page.total)
    async with view.console.reading() as connection:
        return RowPicks(kind, state, await count_targets(connection, kind, view.workspace.workspace_id, filters))


def _render_count(view: PageView, count: NewRowCount) -> str:
    text = view.translate_count("%(n)s new submission", "%(n)s new submissions", count.n)
    if count.is_full:
        text = view.translate("Many new submissions, %(n)s or more", n=view.formatting.number(count.n))
    return orjson.dumps({"count": count.n, "text": text}).decode()


def _shown(
    view: PageView, filters: SubmissionFilters, page: SubmissionPage, names: Mapping[str, str], *, is_first: bool
) -> dict[str, Any]:
    values = filter_values(filters)
    older = page.last if page.has_older else None
    if page.searched_until:
        older = page.searched_until, LAST_ID
    is_search = "search" in filters
    return {
        "page": page,
        "lines": [submission_line(view, record) for record in page.rows],
        "is_first": is_first,
        "is_search": is_search,
        "search_note": search_note(view, page) if is_search else "",
        "values": values,
        "chips": _filter_chips(view, filters, names),
        "form_values": _form_values(view, filters),
        "channels": SUGGESTED_CHANNELS,
        "state_titles": state_words(view),
        "list_query": query_text(values),
        "older_path": older and view.path("submissions", **values, older=position_text(older)),
        "newer_path": None if is_first or is_search else _newer_path(view, values, page),
        "first_path": view.path("submissions", **values),
        "live_path": _live_path(view, values, page) if is_first and filters.get("state") != "accepted" else None,
    }


def query_text(values: dict[str, str]) -> str:
    """Return filters as the query of an address, with its question mark; empty without filters."""
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    return f"?{pairs}" if pairs else ""


def _newer_path(view: PageView, values: dict[str, str], page: SubmissionPage) -> str:
    if not page.first:
        return view.path("submissions", **values)
    return view.path("submissions", **values, newer=position_text(page.first))


def _live_path(view: PageView, values: dict[str, str], page: SubmissionPage) -> str:
    first = page.first or (view.formatting.now, FIRST_ID)
    return view.path("submissions/live", **values, first=position_text(first))


def _form_values(view: PageView, filters: SubmissionFilters) -> dict[str, str]:
    values = filter_values(filters)
    for field, name in (("from", "received_after"), ("to", "received_before")):
        if name in filters:
            values[field] = filters[name].astimezone(view.zone).strftime(LOCAL_FORMAT)
    return values


def _filter_chips(view: PageView, filters: SubmissionFilters, names: Mapping[str, str]) -> list[FilterChip]:
    """Return the filters that are set. A channel is called by the name of its form or source, where that is known."""
    values = filter_values(filters)
    labels = {
        "search": view.translate("Contains"),
        "state": view.translate("State"),
        "channel": view.translate("Channel"),
        "source": view.translate("Source"),
        "lead_id": view.translate("Lead"),
        "cause": view.translate("Cause"),
        "received_after": view.translate("Received after"),
        "received_before": view.translate("Received before"),
        "rejected": view.translate("Marked as spam"),
        "is_duplicate": view.translate("Joined a lead that was there"),
    }
    return [
        FilterChip(
            labels[name],
            _chip_text(view, name, filters[name], names),
            view.path("submissions", **{other: value for other, value in values.items() if other != name}),
            is_foreign=name in ("search", "channel", "source"),
        )
        for name in filters
        if name in labels
    ]


def _chip_text(view: PageView, name: str, value: Any, names: Mapping[str, str]) -> str:
    if name == "state":
        return state_words(view)[value]
    if name == "channel":
        return names.get(value, value)
    if name in ("rejected", "is_duplicate"):
        return view.translate("yes") if value else view.translate("no")
    if name in ("received_after", "received_before"):
        return view.formatting.clock(value)
    return f"#{value}" if name in ("lead_id", "cause") else str(value)
