"""What may be saved as an automation, and what is said of what may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from shared.automations.definition import Steps, Trigger, find_references
from shared.automations.webhook_targets import blocked_targets
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema


class Definition(TypedDict, total=False):
    trigger: Trigger
    steps: Steps


SHAPE = FieldsSchema(Definition, required=("trigger", "steps"))
MANUAL = {"type": "manual"}
TAG = {"action": {"type": "add_tag", "tag": "vip"}}

TRIGGERS: list[dict[str, Any]] = [
    {"type": "lead_created"},
    {"type": "lead_created", "sources": []},
    {"type": "lead_created", "sources": ["website"]},
    {"type": "lead_updated", "fields": ["email", "custom_fields.budget", "tags"]},
    {"type": "lead_stage_changed", "from_stage_id": 1, "to_stage_id": None},
    {"type": "lead_assigned"},
    {"type": "tag_added", "tag": "vip"},
    {"type": "lead_score_crossed", "threshold": 50, "direction": "below"},
    {"type": "lead_score_crossed", "threshold": -5},
    {"type": "no_activity", "minutes": 60},
    {"type": "form_submitted", "form_id": 3},
    {"type": "duplicate_received"},
    MANUAL,
]
ACTIONS: list[dict[str, Any]] = [
    {"type": "add_tag", "tag": "vip"},
    {"type": "remove_tag", "tag": "vip"},
    {"type": "set_field", "field": "company", "value": None},
    {"type": "set_field", "field": "custom_fields.seats", "value": 5},
    {"type": "set_status", "status": "qualified"},
    {"type": "move_stage", "stage_id": 1},
    {"type": "assign_user", "user_id": 1},
    {"type": "assign_user", "round_robin": [1, 2]},
    {"type": "adjust_score", "points": -5},
    {"type": "send_webhook", "url": "https://example.com/hook"},
    {"type": "send_webhook", "url": "http://example.com", "secret": "x"},
    {"type": "send_email", "to": "lead", "subject": "Hi {{ first_name }}", "body": "Hello"},
    {"type": "send_email", "to": [1], "subject": "Hi", "body": "{% if company %}{{ company }}{% endif %}"},
    {"type": "send_sms", "integration_id": 1, "body": "Hi"},
    {"type": "notify_slack", "integration_id": 1, "text": "Hi"},
    {"type": "notify_users", "to": "assigned", "text": "Hi"},
    {"type": "notify_users", "to": [1, 2], "text": "Hi"},
    {"type": "create_task", "title": "Call"},
    {"type": "create_task", "title": "Call", "due_in_hours": 2, "user_id": 1},
]
STEPS: list[dict[str, Any]] = [
    {"delay": {"minutes": 1}},
    {"delay": {"days": 365, "business_hours": True}},
    {"condition": {"field": "email", "operator": "is_empty"}},
    {"condition": {"all": [{"not": {"field": "tags", "operator": "in", "value": ["a", 1]}}]}},
    *({"action": action} for action in ACTIONS),
]
BAD_STEPS: list[tuple[Any, str]] = [
    (3, "steps.0"),
    ({}, "steps.0"),
    ({"condition": TAG, "action": {}}, "steps.0.action"),
    ({"delay": {}}, "steps.0.delay.minutes"),
    ({"delay": {"minutes": 0}}, "steps.0.delay.minutes"),
    ({"delay": {"minutes": "5"}}, "steps.0.delay.minutes"),
    ({"delay": {"days": 366}}, "steps.0.delay.days"),
    ({"delay": {"minutes": 1, "hours": 1}}, "steps.0.delay.hours"),
    ({"action": "add_tag"}, "steps.0.action"),
    ({"action": {}}, "steps.0.action.type"),
    ({"action": {"type": "explode"}}, "steps.0.action.type"),
    ({"action": {"type": ["add_tag"]}}, "steps.0.action.type"),
    ({"action": {"type": "add_tag"}}, "steps.0.action.tag"),
    ({"action": {"type": "add_tag", "tag": " "}}, "steps.0.action.tag"),
    ({"action": {"type": "add_tag", "tag": "x", "color": "red"}}, "steps.0.action.color"),
    ({"action": {"type": "set_field", "field": "email", "value": "a@b.c"}}, "steps.0.action.field"),
    ({"action": {"type": "set_field", "field": "custom_fields.", "value": 1}}, "steps.0.action.field"),
    ({"action": {"type": "set_field", "field": "starred", "value": "yes"}}, "steps.0.action.value"),
    ({"action": {"type": "set_field", "field": "first_name", "value": None}}, "steps.0.action.value"),
    ({"action": {"type": "set_field", "field": "custom_fields.x", "value": {}}}, "steps.0.action.value"),
    ({"action": {"type": "set_status", "status": "won"}}, "steps.0.action.status"),
    ({"action": {"type": "assign_user"}}, "steps.0.action.user_id"),
    ({"action": {"type": "assign_user", "round_robin": []}}, "steps.0.action.round_robin"),
    ({"action": {"type": "assign_user", "round_robin": [1, 0]}}, "steps.0.action.round_robin.1"),
    ({"action": {"type": "assign_user", "round_robin": [1], "user_id": 1}}, "steps.0.action.round_robin"),
    ({"action": {"type": "adjust_score", "points": 1.5}}, "steps.0.action.points"),
    ({"action": {"type": "send_webhook", "url": "ftp://example.com"}}, "steps.0.action.url"),
    ({"action": {"type": "send_email", "to": "boss", "subject": "x", "body": "x"}}, "steps.0.action.to"),
    ({"action": {"type": "send_email", "to": [], "subject": "x", "body": "x"}}, "steps.0.action.to"),
    ({"action": {"type": "send_email", "to": "lead", "subject": "{{", "body": "x"}}, "steps.0.action.subject"),
    *(
        ({"action": {"type": "send_email", "to": "lead", "subject": "x", "body": body}}, "steps.0.action.body")
        for body in ("{{ bogus }}", "{{ lead.bogus }}", "{{ lead['bogus'] }}", "{% if id and first_nam %}x{% endif %}")
    ),
    ({"action": {"type": "create_task", "title": "Call {{ name|default('x') }}"}}, "steps.0.action.title"),
    ({"action": {"type": "notify_slack", "integration_id": 1, "text": "{{ lead.name }}"}}, "steps.0.action.text"),
    ({"action": {"type": "notify_users", "to": "lead", "text": "x"}}, "steps.0.action.to"),
    ({"condition": {}}, "steps.0.condition.field"),
    ({"condition": {"field": "shoe", "operator": "equals", "value": 1}}, "steps.0.condition.field"),
    ({"condition": {"field": "email", "operator": "like", "value": 1}}, "steps.0.condition.operator"),
    ({"condition": {"field": "email", "operator": "equals"}}, "steps.0.condition.value"),
    ({"condition": {"field": "email", "operator": "equals", "value": {}}}, "steps.0.condition.value"),
    ({"condition": {"field": "email", "operator": "in", "value": "x"}}, "steps.0.condition.value"),
    ({"condition": {"field": "email", "operator": "in", "value": []}}, "steps.0.condition.value"),
    ({"condition": {"field": "email", "operator": "in", "value": ["a", None]}}, "steps.0.condition.value.1"),
    ({"condition": {"all": []}}, "steps.0.condition.all"),
    ({"condition": {"any": {}}}, "steps.0.condition.any"),
    ({"condition": {"not": []}}, "steps.0.condition.not"),
    ({"condition": {"all": [{"any": [{"field": "x"}]}]}}, "steps.0.condition.all.0.any.0.field"),
]
BAD_TRIGGERS: list[tuple[Any, str]] = [
    ("manual", "trigger"),
    (None, "trigger"),
    ({}, "trigger.type"),
    ({"type": "sunrise"}, "trigger.type"),
    ({"type": "manual", "sources": []}, "trigger.sources"),
    ({"type": "tag_added"}, "trigger.tag"),
    ({"type": "lead_created", "sources": "web"}, "trigger.sources"),
    ({"type": "lead_updated", "fields": ["email", "shoe"]}, "trigger.fields.1"),
    ({"type": "no_activity"}, "trigger.minutes"),
    ({"type": "no_activity", "minutes": 0}, "trigger.minutes"),
    ({"type": "lead_score_crossed"}, "trigger.threshold"),
    ({"type": "lead_score_crossed", "threshold": 1, "direction": "up"}, "trigger.direction"),
    ({"type": "form_submitted", "form_id": "1"}, "trigger.form_id"),
]


def errors(trigger: Any, *steps: Any) -> FieldErrors:
    return SHAPE.validate_fields({"trigger": trigger, "steps": list(steps)})[1]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=str)
def test_every_trigger_may_be_saved(trigger: dict[str, Any]) -> None:
    assert errors(trigger, TAG) == {}


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_every_step_may_be_saved_as_it_is(step: dict[str, Any]) -> None:
    assert SHAPE.validate_fields({"trigger": MANUAL, "steps": [step]}) == ({"trigger": MANUAL, "steps": [step]}, {})


@pytest.mark.parametrize(("step", "field"), BAD_STEPS, ids=str)
def test_a_bad_step_is_refused_by_its_field(step: Any, field: str) -> None:
    assert field in errors(MANUAL, step)


@pytest.mark.parametrize(("trigger", "field"), BAD_TRIGGERS, ids=str)
def test_a_bad_trigger_is_refused_by_its_field(trigger: Any, field: str) -> None:
    assert list(errors(trigger, TAG)) == [field]


def test_all_errors_of_a_definition_are_reported_together() -> None:
    found = errors({"type": "tag_added"}, TAG, *(step for step, _ in BAD_STEPS))
    for index, (_, field) in enumerate(BAD_STEPS, 1):
        assert field.replace("steps.0", f"steps.{index}", 1) in found
    assert "trigger.tag" in found
    assert not any(field.startswith("steps.0") for field in found)


def test_steps_are_one_to_a_hundred() -> None:
    assert list(errors(MANUAL)) == ["steps"]
    assert errors(MANUAL, *[TAG] * 100) == {}
    assert list(errors(MANUAL, *[TAG] * 101)) == ["steps"]


def test_a_condition_is_neither_deep_nor_long_without_end() -> None:
    leaf = {"field": "email", "operator": "is_empty"}
    deep: dict[str, Any] = leaf
    for _ in range(9):
        deep = {"not": deep}
    assert errors(MANUAL, {"condition": deep}) == {}
    assert errors(MANUAL, {"condition": {"not": deep}})
    assert errors(MANUAL, {"condition": {"all": [leaf] * 99}}) == {}
    assert errors(MANUAL, {"condition": {"all": [leaf] * 100}})


def test_references_name_the_field_the_kind_and_the_id() -> None:
    steps = [TAG, {"action": {"type": "assign_user", "round_robin": [7, 8]}}, {"action": {"stage_id": 9, "to": [1]}}, 3]
    found = [(one.field, one.kind, one.id) for one in find_references({"type": "form_submitted", "form_id": 5}, steps)]
    assert found == [
        ("trigger.form_id", "form", 5),
        ("steps.1.action.round_robin.0", "user", 7),
        ("steps.1.action.round_robin.1", "user", 8),
        ("steps.2.action.stage_id", "stage", 9),
        ("steps.2.action.to.0", "user", 1),
    ]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "condition", "action", "delay", "all", "any", "not", "field", "value", "to"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(trigger=json, steps=json)
def test_no_json_is_too_strange_to_be_answered(trigger: Any, steps: Any) -> None:
    SHAPE.validate_fields({"trigger": trigger, "steps": steps})
    list(find_references(trigger, steps))


def test_steps_post_where_the_operator_allows_it() -> None:
    steps = [TAG, {"action": {"type": "send_webhook", "url": "http://127.0.0.1:9/"}}]
    assert list(blocked_targets(steps, "")) == ["steps.1.action.url"]
    assert blocked_targets(steps, "127.0.0.0/8") == {}
    for unchecked in (None, "x", [None], [{"action": 3}], [{"action": {"type": "send_webhook", "url": 4}}]):
        assert blocked_targets(unchecked, "") == {}
