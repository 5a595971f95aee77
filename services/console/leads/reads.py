"""The list of leads as the console reads it: a page behind a place, exact totals, and the names that ids stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.console.leads.query import PERSONAL_SORTS
from services.console.web.colors import nearest_hue
from shared.lead_list.bounded_search import count_bounded_leads, read_bounded_page
from shared.lead_list.counts import count_leads, needs_row_count
from shared.lead_list.filters import LeadFilters
from shared.lead_list.read_page import read_cursor_page
from shared.lead_list.resolve_filters import resolve_filters
from shared.lead_list.search_backlog import is_search_behind
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson, read_leads
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection, snapshot
from shared.platform.errors import FieldErrors

PAGE_SIZE = 50
MAX_NAMED = 500  # users, stages and pipelines whose names are read
MAX_SUGGESTED = 200  # tags and sources that a field suggests
SAMPLED_LEADS = 200  # newest leads among whose custom fields columns are offered
MAX_CUSTOM_COLUMNS = 60

LIST_NAMES_SQL = f"""
SELECT (SELECT json_object_agg(id, name ORDER BY id) FROM (
           SELECT id, name FROM pipelines WHERE workspace_id = %(workspace)s ORDER BY id LIMIT {MAX_NAMED}) p),
       (SELECT json_object_agg(id, json_build_array(name, pipeline_id, color, position)
                               ORDER BY pipeline_id, position) FROM (
           SELECT id, name, pipeline_id, color, position FROM pipeline_stages WHERE workspace_id = %(workspace)s
           ORDER BY pipeline_id, position LIMIT {MAX_NAMED}) s),
       (SELECT json_object_agg(id, name ORDER BY lower(name), id) FROM (
           SELECT id, name FROM users WHERE workspace_id = %(workspace)s ORDER BY lower(name), id LIMIT {MAX_NAMED}) u),
       ARRAY(SELECT id FROM users WHERE workspace_id = %(workspace)s AND NOT is_active ORDER BY id LIMIT {MAX_NAMED})
"""
SUGGESTIONS_SQL = f"""
SELECT ARRAY(SELECT value FROM lead_counts_by_field
             WHERE workspace_id = %(workspace)s AND field = 'source' AND value <> '' AND n > 0
             ORDER BY n DESC, value LIMIT {MAX_SUGGESTED}),
       ARRAY(SELECT name FROM tags WHERE workspace_id = %(workspace)s AND alias_of IS NULL
             ORDER BY lower(name) LIMIT {MAX_SUGGESTED}),
       ARRAY(SELECT DISTINCT key FROM (
                 SELECT custom_fields FROM leads WHERE workspace_id = %(workspace)s
                 ORDER BY created_at DESC, id DESC LIMIT {SAMPLED_LEADS}) newest,
             jsonb_object_keys(newest.custom_fields) key ORDER BY key LIMIT {MAX_CUSTOM_COLUMNS})
"""


@dataclass(frozen=True)
class StageName:
    """A stage, its pipeline, and what it is coloured by."""

    name: str
    pipeline_id: int
    color: str | None
    position: int

    @property
    def hue(self) -> int:
        """The number of its class, as on the board."""
        return nearest_hue(self.color, self.position)


@dataclass(frozen=True)
class ListNames:
    """What ids of the list stand for, each in the order of a menu. Nobody is assigned to `inactive_users` any more.

    `tag_hues` are numbers of classes by the names of tags, read for those that a page shows.
    """

    pipelines: Mapping[int, str] = field(default_factory=dict)
    stages: Mapping[int, StageName] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    inactive_users: frozenset[int] = frozenset()
    tag_hues: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ListSuggestions:
    """Sources, tags and custom fields that leads of the workspace have."""

    sources: Sequence[str] = ()
    tags: Sequence[str] = ()
    custom_keys: Sequence[str] = ()


@dataclass(frozen=True)
class LeadPage:
    """A page of leads, the number that match, and whether others come before and behind it.

    With `is_lower_bound` more leads match than `total` says. With `is_behind` leads of the last seconds may be missing.
    """

    rows: list[LeadJson] = field(default_factory=list)
    total: int = 0
    is_lower_bound: bool = False
    is_behind: bool = False
    has_newer: bool = False
    has_older: bool = False


@dataclass(frozen=True)
class PagePlace:
    """Where a page begins: behind a lead, or ahead of one. The first page has neither."""

    older: CursorPosition | None = None
    newer: CursorPosition | None = None


async def resolve_list(
    connection: Connection, workspace_id: int, values: Mapping[str, Any]
) -> tuple[LeadFilters | None, list[str]]:
    """Return the filters, None if no lead can match, and the names of filters that name what is not there."""
    errors: FieldErrors = {}
    filters = await resolve_filters(connection, workspace_id, dict(values), errors)
    return filters, list(errors)


async def read_lead_page(
    connection: Connection,
    filters: LeadFilters,
    sort: LeadSort,
    place: PagePlace | None = None,
    *,
    expensive: bool,
    is_exact: bool = False,
    size: int = PAGE_SIZE,
) -> LeadPage:
    """Return a page and the total of the same moment. With `is_exact` a search counts all leads.

    Raises ExpensiveQuery if that is expensive and not allowed.
    """
    async with snapshot(connection):
        is_behind = await is_search_behind(connection, filters)
        if place is None or not (place.older or place.newer):
            matches = await read_bounded_page(
                connection, filters, sort, size, 0, expensive=expensive, is_exact=is_exact
            )
            rows = await read_records(connection, filters.workspace_id, matches.ids)
            has_older = matches.total > len(matches.ids)
            return LeadPage(rows, matches.total, matches.is_lower_bound, is_behind, has_older=has_older)
        counts, is_bound = await count_bounded_leads(connection, filters, expensive=expensive, is_exact=is_exact)
        order = replace_direction(sort) if place.newer else sort
        after = await _looked_up(connection, filters.workspace_id, sort, place.newer or place.older)
        ids, further = await read_cursor_page(connection, filters, order, counts, size, after, expensive=expensive)
        rows = await read_records(connection, filters.workspace_id, ids[::-1] if place.newer else ids)
    has_more = further is not None
    newer, older = (has_more, True) if place.newer else (True, has_more)
    return LeadPage(rows, counts.n, is_bound, is_behind, has_newer=newer, has_older=older)


async def read_records(connection: Connection, workspace_id: int, ids: Sequence[int]) -> list[LeadJson]:
    """Return leads in the order of their ids, without those that are gone."""
    wanted = [(workspace_id, id_) for id_ in ids]
    found = await read_leads(connection, wanted)
    return [found[lead] for lead in wanted if lead in found]


async def count_matches(connection: Connection, workspace_id: int, asked: Mapping[str, Any]) -> int | None:
    """Return how many leads match, None where no counter can tell."""
    filters, unknown = await resolve_list(connection, workspace_id, asked)
    if unknown or filters is None:
        return 0
    return None if needs_row_count(filters) else (await count_leads(connection, filters)).n


async def count_newer(connection: Connection, filters: LeadFilters, first: datetime) -> int:
    """Return how many matching leads were created after a moment."""
    since = max(filters.bounds.get("created_after", first), first)
    newer = replace(filters, bounds={**filters.bounds, "created_after": since})
    return (await count_leads(connection, newer)).n


async def read_list_names(connection: Connection, workspace_id: int) -> ListNames:
    """Return the names of pipelines, stages and users."""
    row = await (await connection.execute(LIST_NAMES_SQL.encode(), {"workspace": workspace_id})).fetchone()
    pipelines, stages, users, inactive = (each or {} for each in row or ({}, {}, {}, ()))
    return ListNames(
        {int(id_): name for id_, name in pipelines.items()},
        {int(id_): StageName(*stage) for id_, stage in stages.items()},
        {int(id_): name for id_, name in users.items()},
        frozenset(inactive),
    )


async def read_suggestions(connection: Connection, workspace_id: int) -> ListSuggestions:
    """Return what fields of the list suggest."""
    row = await (await connection.execute(SUGGESTIONS_SQL.encode(), {"workspace": workspace_id})).fetchone()
    return ListSuggestions(*row) if row else ListSuggestions()


def replace_direction(sort: LeadSort) -> LeadSort:
    """Return the same order, turned round."""
    return LeadSort(sort.name, not sort.descending)


def position_of(sort: LeadSort, record: LeadJson) -> CursorPosition:
    """Return the place of a lead. In an order by names the value is looked up when it is needed."""
    return CursorPosition(None if sort.name in PERSONAL_SORTS else record[sort.name], record["id"])


async def _looked_up(
    connection: Connection, workspace_id: int, sort: LeadSort, place: CursorPosition | None
) -> CursorPosition | None:
    """Return a place with its value. None, which is the first page, if its lead is gone."""
    if place is None or place.value is not None:
        return place
    statement = f"SELECT {sort.column} FROM leads WHERE workspace_id = %s AND id = %s"
    row = await (await connection.execute(statement.encode(), (workspace_id, place.id))).fetchone()
    return CursorPosition(row[0], place.id) if row else None
