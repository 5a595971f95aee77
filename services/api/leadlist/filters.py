"""What a list of leads is narrowed by, as conditions of a query. Pure.

Conditions are constants; what a client sent goes only into their parameters.
"""

from collections.abc import Mapping, Sequence
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
    """`exact` holds columns and the value that they must have, `bounds` times by name, `patterns` what is searched.

    Each pattern has the parts that the index is asked for; without parts it is asked for all of the pattern. `is_small`
    is a workspace that has a small share of all texts.
    """

    workspace_id: int
    exact: dict[str, Any] = field(default_factory=dict)
    tag_id: int | None = None
    bounds: dict[str, datetime] = field(default_factory=dict)
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_small: bool = False

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Of all conditions."""
        found: dict[str, Any] = {"workspace": self.workspace_id, "tag_ids": self.tag_id, **self.exact, **self.bounds}
        for number, (pattern, parts) in enumerate(self.patterns.items()):
            found[f"pattern_{number}"] = pattern
            found |= {f"part_{number}_{place}": part for place, part in enumerate(parts)}
        return found

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
        fits = [_fits(number, len(parts)) for number, parts in enumerate(self.patterns.values())]
        return f"({' OR '.join(fits)})"

    @property
    def hits(self) -> str:
        """A query of the leads whose text fits.

        The index is asked for a small workspace alone: the larger one is, the more of it is read in vain. Of an id that
        is not said to be a bigint psycopg makes a smaller number, for which the index has no operator.
        """
        workspace = f"workspace_id = %(workspace)s{'::bigint' if self.is_small else ''}"
        return f"SELECT lead_id FROM lead_search WHERE {workspace} AND {self.found}"  # noqa: S608

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


def _fits(number: int, parts: int) -> str:
    """One pattern. The text as an expression (`|| ''`) is compared with all of it, and no index is asked for that."""
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
    """The conditions of a WHERE, on the workspace first."""
    return " AND ".join(("workspace_id = %(workspace)s", *conditions))
