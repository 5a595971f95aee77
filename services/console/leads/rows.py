"""Leads as the list shows them: a line for each, with a cell for each column, and the headings that sort."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.console.leads.columns import CUSTOM_PREFIX, LeadColumn, column_of
from services.console.leads.filter_chips import owner_text
from services.console.leads.query import PERSONAL_SORTS, LeadListState
from services.console.leads.reads import ListNames, ListSuggestions
from services.console.leads.words import lead_name, shown_person_value, status_words
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson

MAX_CELL_LENGTH = 200  # characters of a value that a cell shows
MAX_LISTED_TAGS = 4
PLAIN_FIELDS = (
    *("company", "email", "email_as_given", "phone", "job_title", "country", "first_name", "last_name", "source"),
)
ASCENDING_FIRST = PERSONAL_SORTS  # orders whose first click gives A to Z


@dataclass(frozen=True)
class LeadLine:
    """A lead as the list shows it. `cells` are texts by column; stage, owner, tags, score and times are drawn."""

    id: int
    record: LeadJson
    name: str
    contact: str
    path: str
    cells: Mapping[str, str]
    stage: str
    nearest_hue: int
    owner: str
    tags: Sequence[tuple[str, int]]
    more_tags: int


@dataclass(frozen=True)
class ColumnHeading:
    """The heading of a column. `path` sorts by it; `direction` is set for the column that the list is sorted by."""

    name: str
    label: str
    column: LeadColumn
    path: str = ""
    direction: str = ""


class RowMenus(NamedTuple):
    """What the menus of rows offer: stages as (id, name, hue, pipeline), owners as (id, name), tags as (name, hue)."""

    stages: list[tuple[int, str, int, str]]
    owners: list[tuple[int, str]]
    tags: list[tuple[str, int]]


def row_menus(names: ListNames, suggestions: ListSuggestions) -> RowMenus:
    """Return what the menus of rows offer."""
    stages = [
        (id_, stage.name, stage.hue, names.pipelines.get(stage.pipeline_id, "")) for id_, stage in names.stages.items()
    ]
    owners = [(id_, name) for id_, name in names.users.items() if id_ not in names.inactive_users]
    return RowMenus(stages, owners, [(name, names.tag_hues.get(name, 0)) for name in suggestions.tags])


def lead_line(view: PageView, record: LeadJson, names: ListNames, columns: Sequence[str], list_query: str) -> LeadLine:
    """Return a lead in the reader's words. Its page opens within the list."""
    sees_persons = view.permits(Permission.SEE_PERSONS)
    stage = names.stages.get(record["pipeline_stage_id"] or 0)
    owner_id, tags = record["assigned_user_id"], record["tags"]
    name = lead_name(view, record)
    contact = (record["email"] or record["phone"] or record["email_as_given"] or "") if sees_persons else ""
    return LeadLine(
        record["id"],
        record,
        name,
        contact if contact != name else "",
        view.path(f"leads/{record['id']}") + list_query,
        {column: _cell_text(view, column, record, names) for column in columns},
        stage.name if stage else "",
        stage.hue if stage else 0,
        owner_text(view, names, owner_id) if owner_id else "",
        [(tag, names.tag_hues.get(tag, 0)) for tag in tags[:MAX_LISTED_TAGS]],
        max(len(tags) - MAX_LISTED_TAGS, 0),
    )


def column_headings(
    view: PageView, state: LeadListState, columns: Sequence[str], kept_query: Mapping[str, str]
) -> list[ColumnHeading]:
    """Return the headings of the columns. Those that can be sorted by lead to the list in that order."""
    return [_heading(view, state, name, kept_query) for name in columns]


def name_heading(view: PageView, state: LeadListState, kept: Mapping[str, str]) -> ColumnHeading:
    """Return the heading of the name, by which the list is sorted as by the last name."""
    return _heading(view, state, "last_name", kept)


def column_label(view: PageView, name: str) -> str:
    """Return what a column is called. That of a custom field is called by its key."""
    label = column_of(name).label
    return label if name.startswith(CUSTOM_PREFIX) else view.translate(label)


def _heading(view: PageView, state: LeadListState, name: str, kept_query: Mapping[str, str]) -> ColumnHeading:
    column, label = column_of(name), column_label(view, name)
    if not column.sort or (column.sort in PERSONAL_SORTS and not view.permits(Permission.SEE_PERSONS)):
        return ColumnHeading(name, label, column)
    is_sorted = state.sort.name == column.sort
    descending = not state.sort.descending if is_sorted else column.sort not in ASCENDING_FIRST
    path = view.path("leads", **kept_query, **state.sorted_by(LeadSort(column.sort, descending)).values)
    direction = ("descending" if state.sort.descending else "ascending") if is_sorted else ""
    return ColumnHeading(name, label, column, path, direction)


def _cell_text(view: PageView, column: str, record: LeadJson, names: ListNames) -> str:
    value: Any = None
    if column in PLAIN_FIELDS:
        value = shown_person_value(view, column, record[column])
    elif column.startswith(CUSTOM_PREFIX):
        key = column.removeprefix(CUSTOM_PREFIX)
        value = shown_person_value(view, column, record["custom_fields"].get(key))
    elif column == "status":
        value = status_words(view).get(record["status"], record["status"])
    elif column == "pipeline":
        value = names.pipelines.get(record["pipeline_id"] or 0)
    elif column == "id":
        value = f"#{record['id']}"
    elif column in ("utm_source", "utm_campaign"):
        value = _campaign_value(record, column)
    text = "" if value is None else str(value)
    return text if len(text) <= MAX_CELL_LENGTH else f"{text[: MAX_CELL_LENGTH - 1]}…"


def _campaign_value(record: LeadJson, name: str) -> str | None:
    attribution = record["attribution"] or {}
    value = next(
        (part[name] for part in (attribution.get("last"), attribution.get("first")) if part and part.get(name)), None
    )
    return value if isinstance(value, str) else None
