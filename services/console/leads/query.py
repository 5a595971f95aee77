"""The list of leads in an address: its filters, its order, its columns and the places of its pages. Pure.

An address has the filters of the API, and two of its own: `created_within` is a span that ends now, and an
`assigned_user_id` of `me` is the reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from urllib.parse import quote

from shared.lead_list.list_query import LeadListQuery
from shared.lead_list.sorts import SORT_COLUMNS, TIME_SORTS, LeadSort
from shared.platform.cursors import CursorPosition
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import INT64_LIMIT

MAX_FILTER_LENGTH = 300  # characters
MAX_POSITION_LENGTH = 60  # characters of a place in the list
MAX_SHOWN_COLUMNS = 40
MAX_COLUMN_LENGTH = 120  # characters of a column's name
EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
ONE_MICROSECOND = timedelta(microseconds=1)
# A span begins at a whole five minutes, which have a counter.
RECENT_SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
SPAN_STEP = timedelta(minutes=5)
OWN_USER: Final = "me"
DEFAULT_SORT = LeadSort("created_at", descending=True)
PERSONAL_FILTERS = ("search", "email", "phone")
PERSONAL_SORTS = ("first_name", "last_name", "email")
TIME_FILTERS = ("created_after", "created_before", "updated_after", "updated_before")
LOCAL_TIME_FIELDS = {name.replace("after", "from").replace("before", "to"): name for name in TIME_FILTERS}

_SCHEMA = FieldsSchema(LeadListQuery)
FILTER_NAMES = (
    *("search", "status", "pipeline_id", "stage_id", "assigned_user_id", "tag", "source", "starred", "created_within"),
    *TIME_FILTERS,
    *("email", "phone", "unreadable", "utm_source", "utm_campaign"),
)


@dataclass(frozen=True)
class LeadListState:
    """What an address says of the list: filters as they are written there, the order, and what could not be read."""

    filters: dict[str, str] = field(default_factory=dict)
    sort: LeadSort = DEFAULT_SORT
    unreadable: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """The filters and, if it is not the usual one, the order, as an address spells them."""
        return self.filters | sort_values(self.sort)

    def without(self, *names: str) -> "LeadListState":
        """Return the same list without some filters."""
        left = {name: text for name, text in self.filters.items() if name not in names}
        return LeadListState(left, self.sort, self.unreadable)

    def sorted_by(self, sort: LeadSort) -> "LeadListState":
        """Return the same leads in another order."""
        return LeadListState(self.filters, sort)


def read_lead_query(query: Mapping[str, str], *, sees_persons: bool = True) -> LeadListState:
    """Return what an address says. Whoever may not see persons neither searches nor orders by what they may not see."""
    filters, unreadable = {}, []
    for name in FILTER_NAMES:
        text = query.get(name, "").strip()
        if not text:
            continue
        if _is_readable(name, text) and (sees_persons or name not in PERSONAL_FILTERS):
            filters[name] = text
        else:
            unreadable.append(name)
    return LeadListState(filters, _read_sort(query, sees_persons), tuple(unreadable))


def api_filters(filters: Mapping[str, str], user_id: int, now: datetime) -> dict[str, Any]:
    """Return filters of an address as the list of the API takes them. `user_id` is the reader's in the workspace."""
    known_filters = {name: text for name, text in filters.items() if name in _SCHEMA.fields.__annotations__}
    if known_filters.get("assigned_user_id") == OWN_USER:
        known_filters["assigned_user_id"] = str(user_id)
    parsed, _ = _SCHEMA.validate_fields(known_filters)
    if "created_within" in filters:
        start = now - RECENT_SPANS[filters["created_within"]]
        start -= (start - EPOCH_START) % SPAN_STEP
        parsed["created_after"] = max(parsed.get("created_after") or start, start)
    return {name: value for name, value in parsed.items() if value is not None}


def sort_values(sort: LeadSort) -> dict[str, str]:
    """Return an order as an address spells it; nothing for the usual one."""
    if sort == DEFAULT_SORT:
        return {}
    return {"sort": sort.name, "direction": "desc" if sort.descending else "asc"}


def query_text(values: Mapping[str, str]) -> str:
    """Return values as the query of an address, with its question mark; empty without values."""
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    return f"?{pairs}" if pairs else ""


def read_filter_form(query: Mapping[str, str], zone: tzinfo) -> dict[str, str]:
    """Return what the filter form sent as an address says it: local times become UTC, empty fields fall away."""
    names = (*FILTER_NAMES, "sort", "direction", "view")
    chosen = {name: query[name].strip() for name in names if query.get(name, "").strip()}
    for sent, name in LOCAL_TIME_FIELDS.items():
        try:
            local = datetime.fromisoformat(query.get(sent, "")[:40]).replace(tzinfo=zone)
            chosen[name] = local.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError):
            continue
    return chosen


def read_columns(text: str) -> tuple[str, ...]:
    """Return the columns that an address or a form names, each once."""
    named = (name.strip()[:MAX_COLUMN_LENGTH] for name in text.split(",")[:MAX_SHOWN_COLUMNS])
    return tuple(dict.fromkeys(name for name in named if name))


def position_text(sort: LeadSort, position: CursorPosition) -> str:
    """Return a place in the list for an address: the value by which it is sorted, and the lead's id.

    Names and emails are left out of addresses: such a place is looked up by the id.
    """
    value = position.value
    if isinstance(value, datetime):
        value = (value - EPOCH_START) // ONE_MICROSECOND
    return f"{value if sort.name not in PERSONAL_SORTS else ''}.{position.id}"


def read_position(sort: LeadSort, text: str) -> CursorPosition | None:
    """Return the place that such a text means, None if it means none. Its value is None if it has to be looked up."""
    value, _, id_ = text[:MAX_POSITION_LENGTH].rpartition(".")
    if not (id_.isascii() and id_.isdigit() and 0 < int(id_) < INT64_LIMIT):
        return None
    if sort.name in PERSONAL_SORTS:
        return None if value else CursorPosition(None, int(id_))
    try:
        number = int(value)
        return CursorPosition(
            EPOCH_START + timedelta(microseconds=number) if sort.name in TIME_SORTS else number, int(id_)
        )
    except (ValueError, OverflowError):
        return None


def _is_readable(name: str, text: str) -> bool:
    if len(text) > MAX_FILTER_LENGTH:
        return False
    if name == "created_within":
        return text in RECENT_SPANS
    if name == "assigned_user_id" and text == OWN_USER:
        return True
    return not _SCHEMA.validate_fields({name: text})[1]


def _read_sort(query: Mapping[str, str], sees_persons: bool) -> LeadSort:
    name = query.get("sort", "")
    if name not in SORT_COLUMNS or (name in PERSONAL_SORTS and not sees_persons):
        return DEFAULT_SORT
    return LeadSort(name, query.get("direction", "desc") != "asc")
