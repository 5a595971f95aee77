"""What a list of leads is narrowed by, as conditions of a query. Pure.

Conditions are constants; what a client sent goes only into their parameters.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

EXACT = ("source", "status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred")
# What a bound on one time says of the other, since no lead is updated before it is created: it keeps a walk from the
# end of the list where nothing fits. A day is more than clocks differ by.
IMPLIED = {
    ("updated_before", "created_at"): "created_at < %(updated_before)s + interval '1 day'",
    ("created_after", "updated_at"): "updated_at > %(created_after)s - interval '1 day'",
}
# A filter's name where it is not its column's.
COLUMNS = {"stage_id": "pipeline_stage_id"}
BOUNDS = {
    "created_after": "created_at > %(created_after)s",
    "created_before": "created_at < %(created_before)s",
    "updated_after": "updated_at > %(updated_after)s",
    "updated_before": "updated_at < %(updated_before)s",
}
UPDATED = "id IN (SELECT u.id FROM lead_updates u WHERE u.workspace_id = %(workspace)s AND {bounds})"
TAGGED = "tag_ids @> ARRAY[%(tag_ids)s::bigint]"
# As an index tells it, which carries the tags of leads that have few.
TAGGED_AS_WALKED = f"""(few_tags @> ARRAY[%(tag_ids)s::bigint] OR (few_tags IS NULL AND EXISTS (
    SELECT 1 FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id AND l.{TAGGED})))"""  # noqa: S608


@dataclass(frozen=True)
class Filters:
    """`exact` holds columns and the value that they must have, `bounds` times by name, `patterns` what is searched."""

    workspace_id: int
    exact: dict[str, Any] = field(default_factory=dict)
    tag_id: int | None = None
    bounds: dict[str, datetime] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Of all conditions."""
        searched = {f"pattern_{number}": pattern for number, pattern in enumerate(self.patterns)}
        return {"workspace": self.workspace_id, "tag_ids": self.tag_id, **self.exact, **self.bounds, **searched}

    @cached_property
    def alike(self) -> dict[str, str]:
        """Conditions that the totals can tell, by column."""
        found = {column: _equals(column) for column in self.exact}
        return found | ({"tag_ids": TAGGED} if self.tag_id is not None else {})

    @cached_property
    def timed(self) -> dict[str, str]:
        """Conditions on times, by name."""
        return {name: BOUNDS[name] for name in self.bounds}

    @property
    def found(self) -> str:
        """The condition on a text to search."""
        fits = [f"text LIKE lower(upper(%(pattern_{number})s))" for number in range(len(self.patterns))]
        return f"({' OR '.join(fits)})"

    def on_leads(self, *, by_update: bool) -> list[str]:
        """All conditions on the lead itself; where `by_update`, it is found by when it was updated."""
        bounds = [condition for name, condition in self.timed.items() if not by_update or name.startswith("created")]
        updated = [condition for name, condition in self.timed.items() if by_update and name.startswith("updated")]
        within = [UPDATED.format(bounds=" AND ".join(f"u.{condition}" for condition in updated))] if updated else []
        return [*self.alike.values(), *bounds, *within]

    def bounds_of(self, column: str) -> tuple[datetime | None, datetime | None]:
        kind = column.removesuffix("_at")
        return self.bounds.get(f"{kind}_after"), self.bounds.get(f"{kind}_before")

    def bounded(self) -> set[str]:
        """The columns that are bounded."""
        return {f"{name.partition('_')[0]}_at" for name in self.bounds}


def _equals(column: str) -> str:
    if column == "starred":
        return "starred = %(starred)s"
    return f"{column} = %({column})s"


def all_of(*conditions: str) -> str:
    """The conditions of a WHERE, on the workspace first."""
    return " AND ".join(("workspace_id = %(workspace)s", *conditions))
