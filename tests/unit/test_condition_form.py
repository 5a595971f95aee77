"""Conditions in the form of the builder: what is shown and sent back means the same."""

import json
from typing import Any

import pytest

from services.console.automations.draft_conditions import condition_of_root, root_of_condition
from shared.automations.conditions import condition_matches

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "status", "operator": "equals", "value": "new"},
        {"any": [{"field": "tags", "operator": "contains", "value": "a | b"}]},
        {"not": {"all": [{"field": "lead_score", "operator": "greater_than", "value": 5}]}},
        {"not": {"not": {"field": "starred", "operator": "equals", "value": True}}},
        {"all": [{"any": [{"not": {"field": "custom_fields.x", "operator": "in", "value": ["a", "b"]}}]}]},
    ],
    ids=json.dumps,
)
def test_condition_means_the_same_after_the_form(condition: dict[str, Any]) -> None:
    shown = condition_of_root(root_of_condition(condition))
    for lead in (
        {"status": "new", "tags": ["a | b"], "lead_score": 6, "starred": True, "custom_fields": {"x": "b"}},
        {"status": "lost", "tags": [], "lead_score": 5, "starred": False, "custom_fields": {}},
    ):
        assert condition_matches(shown, lead) == condition_matches(condition, lead)
