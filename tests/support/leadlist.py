"""Reading lists as the API does, without HTTP, and what they should hold by a plain model of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared.lead_list.counts import estimate_count
from shared.lead_list.read_page import read_counted_page, read_cursor_page
from shared.lead_list.resolve_filters import resolve_filters
from shared.lead_list.sorts import LeadSort
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

Row = dict[str, Any]
TEXTS = ("first_name", "last_name", "email")

INSERT = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, phone, source, status, lead_score, starred,
                   pipeline_id, pipeline_stage_id, assigned_user_id, tag_ids, created_at, updated_at)
SELECT workspace_id, coalesce(id, nextval('lead_ids')), first_name, last_name, email, phone, source,
       coalesce(status, 'new'), coalesce(lead_score, 0), coalesce(starred, false),
       pipeline_id, pipeline_stage_id, assigned_user_id, coalesce(tag_ids, '{}'), coalesce(created_at, now()),
       coalesce(updated_at, now())
FROM jsonb_to_recordset(%s) AS l (
    workspace_id bigint, id bigint, first_name text, last_name text, email text, phone text, source text, status text,
    lead_score bigint, starred boolean, pipeline_id bigint, pipeline_stage_id bigint, assigned_user_id bigint,
    tag_ids bigint[], created_at timestamptz, updated_at timestamptz)
"""


async def page(
    connection: Connection, workspace: int, query: Mapping[str, Any], *, size: int = 15, number: int = 1
) -> tuple[list[int], int]:
    """The ids of a page and the total."""
    errors: FieldErrors = {}
    filters = await resolve_filters(connection, workspace, dict(query), errors)
    assert not errors
    if filters is None:
        return [], 0
    return await read_counted_page(connection, filters, _sort(query), size, (number - 1) * size, expensive=True)


async def walk(connection: Connection, workspace: int, query: Mapping[str, Any], *, size: int = 15) -> list[int]:
    """The ids that a whole walk meets."""
    errors: FieldErrors = {}
    filters = await resolve_filters(connection, workspace, dict(query), errors)
    assert not errors
    assert filters is not None
    met: list[int] = []
    after: CursorPosition | None = None
    while True:
        total = await estimate_count(connection, filters)
        ids, after = await read_cursor_page(connection, filters, _sort(query), total, size, after, expensive=True)
        met += ids
        if after is None:
            return met


def _sort(query: Mapping[str, Any]) -> LeadSort:
    return LeadSort(query.get("sort", "created_at"), query.get("direction", "desc") == "desc")


def expected(rows: list[Row], query: Mapping[str, Any], tags: Mapping[str, int]) -> list[int]:
    """The ids that the list should hold, in order."""
    fits = [
        row for row in rows if all(FILTERS[name](row, value, tags) for name, value in query.items() if name in FILTERS)
    ]
    sort = query.get("sort", "created_at")
    ordered = sorted(fits, key=lambda row: (_key(row, sort), row["id"]), reverse=query.get("direction") != "asc")
    return [row["id"] for row in ordered]


def _key(row: Row, sort: str) -> Any:
    value = row[sort]
    return (not value, (value or "").lower()) if sort in TEXTS else value


def _is(column: str) -> Callable[[Row, Any, Mapping[str, int]], bool]:
    return lambda row, value, _: row[column] == value


def _found(row: Row, term: str, _: Mapping[str, int]) -> bool:
    """Of terms that are no phone's."""
    names = " ".join(name for name in (row["first_name"], row["last_name"]) if name is not None)
    return any(term.lower() in (text or "").lower() for text in (names, row["email"], row["phone"]))


def _tagged(row: Row, name: str, tags: Mapping[str, int]) -> bool:
    ids = {tag.lower(): id_ for tag, id_ in tags.items()}
    return ids.get(name.lower()) in row["tag_ids"]


def _after(column: str) -> Callable[[Row, datetime, Mapping[str, int]], bool]:
    return lambda row, value, _: row[column] > value


def _before(column: str) -> Callable[[Row, datetime, Mapping[str, int]], bool]:
    return lambda row, value, _: row[column] < value


FILTERS: dict[str, Callable[[Row, Any, Mapping[str, int]], bool]] = {
    **{name: _is(name) for name in ("source", "status", "pipeline_id", "assigned_user_id", "starred")},
    "stage_id": _is("pipeline_stage_id"),
    "tag": _tagged,
    "search": _found,
    "created_after": _after("created_at"),
    "created_before": _before("created_at"),
    "updated_after": _after("updated_at"),
    "updated_before": _before("updated_at"),
}
