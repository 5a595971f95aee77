"""The filters of a list of leads as SQL conditions. Pure.

The conditions are constants. Values from the client are only passed as parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

EXACT = ("source", "status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred")
# No lead is updated before it is created, so that a bound on one time implies one on the other. It saves a walk to the
# end of the list when nothing matches. The margin of a day is more than clocks differ by.
IMPLIED = {
    ("updated_before", "created_at"): "created_at < %(updated_before)s + interval '1 day'",
    ("created_after", "updated_at"): "updated_at > %(created_after)s - interval '1 day'",
}
# Columns of filters with another name.
COLUMNS = {"stage_id": "pipeline_stage_id"}
BOUNDS = {
    "created_after": "created_at > %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at > %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}
UPDATED = "id IN (SELECT u.id FROM lead_updates u WHERE u.workspace_id = %(workspace)s AND {bounds})"
TAGGED = "tag_ids @> ARRAY[%(tag_ids)s::bigint]"
# The same condition on an index, which holds the tags of leads that have few.
TAGGED_AS_WALKED = f"""(few_tags @> ARRAY[%(tag_ids)s::bigint] OR (few_tags IS NULL AND EXISTS (
    SELECT 1 FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id AND l.{TAGGED})))"""  # noqa: S608


@dataclass(frozen=True)
class Filters:
    """The filters of one request.

    `exact` maps columns to values, `bounds` maps names to times, `patterns` maps search patterns to fragments. The
    index is searched for the fragments of a pattern, or for the whole pattern if it has none. `is_small` says that the
    workspace has a small share of all texts.
    """

    workspace_id: int
    exact: dict[str, Any] = field(default_factory=dict)
    tag_id: int | None = None
    bounds: dict[str, datetime] = field(default_factory=dict)
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_small: bool = False

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The parameters of all conditions."""
        found: dict[str, Any] = {"workspace": self.workspace_id, "tag_ids": self.tag_id, **self.exact, **self.bounds}
        for number, (pattern, parts) in enumerate(self.patterns.items()):
            found[f"pattern_{number}"] = pattern
            found |= {f"part_{number}_{place}": part for place, part in enumerate(parts)}
        return found

    @cached_property
    def alike(self) -> dict[str, str]:
        """The conditions that the counters can answer, by column."""
        found = {column: _equals(column) for column in self.exact}
        return found | ({"tag_ids": TAGGED} if self.tag_id is not None else {})

    @cached_property
    def timed(self) -> dict[str, str]:
        """The conditions on times, by name."""
        return {name: BOUNDS[name] for name in self.bounds}

    @property
    def found(self) -> str:
        """The condition on the text that is searched."""
        fits = [_fits(number, len(parts)) for number, parts in enumerate(self.patterns.values())]
        return f"({' OR '.join(fits)})"

    @property
    def hits(self) -> str:
        """A query for the leads whose text matches.

        Only a small workspace is part of the index search: for a large one most of that lookup is wasted. Without the
        cast psycopg sends a smaller integer type, for which the index has no operator.
        """
        workspace = f"workspace_id = %(workspace)s{'::bigint' if self.is_small else ''}"
        return f"SELECT lead_id FROM lead_search WHERE {workspace} AND {self.found}"  # noqa: S608

    def on_leads(self, *, by_update: bool) -> list[str]:
        """Return all conditions on the lead itself. With `by_update` it is found by its last update."""
        bounds = [condition for name, condition in self.timed.items() if not by_update or name.startswith("created")]
        updated = [condition for name, condition in self.timed.items() if by_update and name.startswith("updated")]
        within = [UPDATED.format(bounds=" AND ".join(f"u.{condition}" for condition in updated))] if updated else []
        return [*self.alike.values(), *bounds, *within]

    def bounds_of(self, column: str) -> tuple[datetime | None, datetime | None]:
        kind = column.removesuffix("_at")
        return self.bounds.get(f"{kind}_after"), self.bounds.get(f"{kind}_before")

    def bounded(self) -> set[str]:
        """Return the time columns that have bounds."""
        return {f"{name.partition('_')[0]}_at" for name in self.bounds}


def _fits(number: int, parts: int) -> str:
    """Return the condition for one pattern. `text

    ''` is an expression, so that the index is not searched for the whole pattern.
    """
    pattern = f"lower(upper(%(pattern_{number})s))"
    if not parts:
        return f"text LIKE {pattern}"
    asked = [f"text LIKE %(part_{number}_{place})s" for place in range(parts)]
    return f"({' AND '.join(asked)} AND (text || '') LIKE {pattern})"


def _equals(column: str) -> str:
    if column == "starred":
        return "starred = %(starred)s"
    return f"{column} = %({column})s"


def all_of(*conditions: str) -> str:
    """Join conditions for a WHERE clause, with the workspace first."""
    return " AND ".join(("workspace_id = %(workspace)s", *conditions))
