"""The facts that one entry of the timeline means."""

from typing import Any

import pytest

from shared.leads.lead_events import changed_fields, event_facts

pytestmark = pytest.mark.unit


def told(type: str, **data: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(fact.type, fact.data) for fact in event_facts(type, data)]


def test_a_lead_that_came_by_a_form_with_two_tags_and_a_user() -> None:
    data = {"source": "web", "channel": "form:4", "submission_id": "s", "form_id": 4, "user_id": 9}
    assert told("lead.created", **data, tags_added=["a", "b"], warnings=["x"]) == [
        ("lead.created", {"source": "web", "channel": "form:4", "submission_id": "s"}),
        ("lead.assigned", {"from": None, "to": 9}),
        ("tag.added", {"tag": "a"}),
        ("tag.added", {"tag": "b"}),
        ("form.submitted", {"form_id": 4}),
    ]


def test_a_duplicate_that_changes_nothing_is_no_update() -> None:
    assert told("lead.duplicate", matched_on=["email"], policy="keep", changes={}) == [
        ("lead.duplicate", {"matched_on": ["email"]})
    ]


def test_a_duplicate_that_changes_something_is_an_update_too() -> None:
    change = {"company": {"from": None, "to": "X"}}
    assert told("lead.duplicate", matched_on=["phone"], changes=change, notes_added=True, tags_added=["a"]) == [
        ("lead.duplicate", {"matched_on": ["phone"]}),
        ("lead.updated", {"fields": ["company", "notes", "tags"], "changes": change}),
        ("tag.added", {"tag": "a"}),
    ]


def test_an_update_of_everything() -> None:
    change = {
        "custom_fields.a": {"from": 1, "to": None},
        "pipeline_stage_id": {"from": 1, "to": None},
        "assigned_user_id": {"from": None, "to": 3},
        "lead_score": {"from": 0, "to": 5},
    }
    assert told("lead.updated", by={"kind": "api", "id": 1}, changes=change, tags_removed=["z"]) == [
        ("lead.updated", {"fields": [*change, "tags"], "changes": change}),
        ("lead.stage_changed", {"from": 1, "to": None}),
        ("lead.assigned", {"from": None, "to": 3}),
        ("lead.score_changed", {"from": 0, "to": 5}),
    ]


def test_to_be_unassigned_is_not_to_be_assigned() -> None:
    kinds = [kind for kind, _ in told("lead.updated", changes={"assigned_user_id": {"from": 3, "to": None}})]
    assert kinds == ["lead.updated"]


def test_a_deleted_lead_brings_its_last_record() -> None:
    lead = {"id": 1, "email": "a@example.com"}
    assert told("lead.deleted", by={"kind": "api", "id": 1}, lead=lead) == [("lead.deleted", {"lead": lead})]


def test_unrelated_timeline_entries_make_no_event() -> None:
    assert told("delivery.sent", tags_added=["a"]) == []


def test_tags_are_a_field_that_changes() -> None:
    assert changed_fields({"tags_removed": ["a"]}) == ["tags"]
