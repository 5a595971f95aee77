"""The filters of a list of leads as SQL conditions. Pure.

The conditions are constants. Values from the client are only passed as parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

CAMPAIGN_COLUMNS = ("utm_source", "utm_campaign")  # of `lead_attributions`
EXACT_COLUMNS = ("source", "status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred")
# No lead is updated before it is created, so that a bound on one time implies one on the other. It saves a walk to the
# end of the list when nothing matches. The margin of a day is more than clocks differ by.
IMPLIED_BOUNDS = {
    ("updated_before", "created_at"): "created_at < %(updated_before)s + interval '1 day'",
    ("created_after", "updated_at"): "updated_at > %(created_after)s - interval '1 day'",
}
# Leads whose contact identifies nobody: an email that cannot be read has a column of its own, a phone has no identity.
UNREADABLE_CONDITIONS = {
    "email": "l.email_as_given IS NOT NULL",
    "phone": """l.phone IS NOT NULL AND NOT EXISTS (SELECT FROM identities i
        WHERE i.workspace_id = l.workspace_id AND i.kind = 'phone' AND i.value = l.phone)""",
}
# Columns of filters with another name.
FILTER_COLUMNS = {"stage_id": "pipeline_stage_id"}
TIME_BOUNDS = {
    "created_after": "created_at > %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at > %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}
LEAD_CONDITION = "id = %(lead_id)s"
UPDATED_CONDITION = "id IN (SELECT u.id FROM lead_updates u WHERE u.workspace_id = %(workspace)s AND {bounds})"
TAG_CONDITION = "tag_ids @> ARRAY[%(tag_ids)s::bigint]"
# The same condition on an index, which holds the tags of leads that have few.
TAG_CONDITION_ON_INDEX = f"""(few_tags @> ARRAY[%(tag_ids)s::bigint] OR (few_tags IS NULL AND EXISTS (
    SELECT 1 FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id AND l.{TAG_CONDITION})))"""


@dataclass(frozen=True)
class LeadFilters:
    """The filters of one request.

    `lead_id` is the only lead that can match, or None if any can. `exact` maps columns to values, `bounds` maps names
    to times, `campaign` maps campaign parameters to values, and `patterns` maps search patterns to fragments. The index
    is searched for the fragments of a pattern, or for the whole pattern if it has none. `is_small` says that the
    workspace has a small share of all texts, `is_indexed` that the index knows parts of the text, and `likely_leads`
    about how many leads the workspace has.
    """

    workspace_id: int
    lead_id: int | None = None
    exact: dict[str, Any] = field(default_factory=dict)
    tag_id: int | None = None
    bounds: dict[str, datetime] = field(default_factory=dict)
    campaign: dict[str, str] = field(default_factory=dict)
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_small: bool = False
    is_indexed: bool = False
    likely_leads: int = 0
    unreadable: str = ""  # the contact that cannot be read: email or phone

    @cached_property
    def sql_parameters(self) -> dict[str, Any]:
        """The parameters of all conditions."""
        parameters: dict[str, Any] = {"workspace": self.workspace_id, "lead_id": self.lead_id, "tag_ids": self.tag_id}
        parameters |= {**self.exact, **self.bounds, **self.campaign}
        for number, (pattern, parts) in enumerate(self.patterns.items()):
            parameters[f"pattern_{number}"] = pattern
            parameters |= {f"part_{number}_{place}": part for place, part in enumerate(parts)}
        return parameters

    @cached_property
    def counted_conditions(self) -> dict[str, str]:
        """The conditions that the counters can answer, by column."""
        found = {column: _equality_condition(column) for column in self.exact}
        return found | ({"tag_ids": TAG_CONDITION} if self.tag_id is not None else {})

    @cached_property
    def time_conditions(self) -> dict[str, str]:
        """The conditions on times, by name."""
        return {name: TIME_BOUNDS[name] for name in self.bounds}

    @property
    def is_searched(self) -> bool:
        """Whether leads are looked for by what no counter knows: text, campaign, or a contact that cannot be read."""
        return bool(self.patterns or self.campaign or self.unreadable)

    @property
    def walked_conditions(self) -> list[str]:
        """The conditions on what is searched for each entry of a walk, looked up one by one: OFFSET 0 sees to it."""
        tables = {
            **({"lead_search": self._held_text_condition} if self.patterns else {}),
            **({"lead_attributions": self._campaign_condition} if self.campaign else {}),
        }
        same = "s.workspace_id = walked.workspace_id AND s.lead_id = walked.id"
        found = [f"EXISTS (SELECT 1 FROM {table} s WHERE {same} AND {fits} OFFSET 0)" for table, fits in tables.items()]
        return [*found, f"walked.id IN ({self._unreadable_query})"] if self.unreadable else found

    @property
    def search_query(self) -> str:
        """A query for the leads whose text, campaign and contacts match."""
        campaign = f"SELECT lead_id FROM lead_attributions WHERE {where_all(self._campaign_condition)}"
        queries = [
            *([self._unreadable_query] if self.unreadable else []),
            *([campaign] if self.campaign else []),
            *([self._text_query] if self.patterns else []),
        ]
        return " AND lead_id IN (".join(queries) + ")" * (len(queries) - 1)

    @property
    def _unreadable_query(self) -> str:
        fits = where_all(UNREADABLE_CONDITIONS[self.unreadable])
        return f"SELECT lead_id FROM (SELECT l.id AS lead_id FROM leads l WHERE {fits}) given WHERE true"

    @property
    def _campaign_condition(self) -> str:
        return " AND ".join(f"{column} = %({column})s" for column in self.campaign)

    @property
    def _text_condition(self) -> str:
        fits = [_pattern_condition(number, len(parts)) for number, parts in enumerate(self.patterns.values())]
        return f"({' OR '.join(fits)})"

    @property
    def _held_text_condition(self) -> str:
        """The condition on a text that has been found by its lead."""
        fits = [f"(text || '') LIKE {_folded_pattern(number)}" for number in range(len(self.patterns))]
        return f"({' OR '.join(fits)})"

    @property
    def _text_query(self) -> str:
        """A query for the leads whose text matches.

        Only a small workspace is part of the index search: for a large one most of that lookup is wasted. Without the
        cast psycopg sends a smaller integer type, for which the index has no operator.
        """
        workspace = f"workspace_id = %(workspace)s{'::bigint' if self.is_small else ''}"
        return f"SELECT lead_id FROM lead_search WHERE {workspace} AND {self._text_condition}"

    def lead_conditions(self, *, by_update: bool) -> list[str]:
        """Return all conditions on the lead itself. With `by_update` it is found by its last update."""
        bounds = [
            condition for name, condition in self.time_conditions.items() if not by_update or name.startswith("created")
        ]
        updated = [
            condition for name, condition in self.time_conditions.items() if by_update and name.startswith("updated")
        ]
        within = (
            [UPDATED_CONDITION.format(bounds=" AND ".join(f"u.{condition}" for condition in updated))]
            if updated
            else []
        )
        one_lead = [] if self.lead_id is None else [LEAD_CONDITION]
        return [*one_lead, *self.counted_conditions.values(), *bounds, *within]

    @property
    def whole_condition(self) -> str:
        """All conditions on rows of `leads`, the search among them."""
        searched = [f"id IN ({self.search_query})"] if self.is_searched else []
        return where_all(*self.lead_conditions(by_update=False), *searched)

    def bounds_of(self, column: str) -> tuple[datetime | None, datetime | None]:
        kind = column.removesuffix("_at")
        return self.bounds.get(f"{kind}_after"), self.bounds.get(f"{kind}_before")

    def bounded_columns(self) -> set[str]:
        """Return the time columns that have bounds."""
        return {f"{name.partition('_')[0]}_at" for name in self.bounds}


def _pattern_condition(number: int, parts: int) -> str:
    """Return the condition for one pattern. `text

    ''` is an expression, so that the index is not searched for the whole pattern.
    """
    pattern = _folded_pattern(number)
    if not parts:
        return f"text LIKE {pattern}"
    asked = [f"text LIKE %(part_{number}_{place})s" for place in range(parts)]
    return f"({' AND '.join(asked)} AND (text || '') LIKE {pattern})"


def _folded_pattern(number: int) -> str:
    return f"lower(upper(%(pattern_{number})s))"


def _equality_condition(column: str) -> str:
    if column == "starred":
        return "starred = %(starred)s"
    return f"{column} = %({column})s"


def where_all(*conditions: str) -> str:
    """Join conditions for a WHERE clause, with the workspace first."""
    return " AND ".join(("workspace_id = %(workspace)s", *conditions))
