"""The points that scoring rules give a lead. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.automations.conditions import condition_matches


class ActiveScoringRule(NamedTuple):
    """A scoring rule: points for a lead while the condition matches it."""

    condition: Mapping[str, Any]
    points: int


def points_for(rules: Sequence[ActiveScoringRule], lead: Mapping[str, Any]) -> int:
    """Return the points that the rules give a lead, which is given as the API shows it."""
    return sum(rule.points for rule in rules if condition_matches(rule.condition, lead))
