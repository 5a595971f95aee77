"""Which automations an event sets off: by what their triggers narrow, whatever they are filed under."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.automations.event_subscribers import WorkspaceRules, match_events
from services.workers.automations.types import ActiveAutomation
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import ActiveSubscription

NOW = datetime(2026, 3, 27, tzinfo=UTC)


def automation(id_: int, trigger: dict[str, Any]) -> ActiveAutomation:
    return ActiveAutomation(id_, 1, "a", trigger, [], None)


def event(type_: str, chain: tuple[int, ...] = (), **data: Any) -> OutboxEvent:
    return OutboxEvent(9, 1, type_, 5, 7, NOW, data, chain)


def set_off(trigger: dict[str, Any], *events: OutboxEvent) -> int:
    rules = WorkspaceRules.from_active([automation(1, trigger)])
    return len(match_events(events, {1: rules}).runs)


CREATED = event("lead.created", source="Web", form_id=3, tags_added=["VIP"], user_id=4)
MOVED = event("lead.updated", changes={"pipeline_stage_id": {"from": 1, "to": 2}, "email": {"from": None, "to": "x"}})
UNSTAGED = event("lead.updated", changes={"pipeline_stage_id": {"from": 2, "to": None}})
DUPLICATE = event("lead.duplicate", changes={"custom_fields.a": {"from": 1, "to": 2}})


@pytest.mark.parametrize(
    ("trigger", "by"),
    [
        ({"type": "lead_created"}, [CREATED]),
        ({"type": "lead_created", "sources": []}, [CREATED]),
        ({"type": "lead_created", "sources": ["app", "web"]}, [CREATED]),
        ({"type": "lead_created", "sources": ["app"]}, []),
        ({"type": "tag_added", "tag": "vip"}, [CREATED]),
        ({"type": "tag_added", "tag": "vi"}, []),
        ({"type": "form_submitted"}, [CREATED]),
        ({"type": "form_submitted", "form_id": 3}, [CREATED]),
        ({"type": "form_submitted", "form_id": 4}, []),
        ({"type": "lead_assigned"}, [CREATED]),
        ({"type": "lead_updated"}, [MOVED, UNSTAGED, DUPLICATE]),
        ({"type": "lead_updated", "fields": ["email", "phone"]}, [MOVED]),
        ({"type": "lead_updated", "fields": ["custom_fields.a"]}, [DUPLICATE]),
        ({"type": "lead_stage_changed"}, [MOVED, UNSTAGED]),
        ({"type": "lead_stage_changed", "to_stage_id": 2}, [MOVED]),
        ({"type": "lead_stage_changed", "from_stage_id": 2}, [UNSTAGED]),
        ({"type": "lead_stage_changed", "from_stage_id": 1, "to_stage_id": 3}, []),
        ({"type": "duplicate_received"}, [DUPLICATE]),
        ({"type": "manual"}, []),
        ({"type": "no_activity", "minutes": 5}, []),
    ],
    ids=str,
)
def test_events_set_off_matching_triggers_only(trigger: dict[str, Any], by: list[OutboxEvent]) -> None:
    assert [one for one in (CREATED, MOVED, UNSTAGED, DUPLICATE) if set_off(trigger, one)] == by


@given(before=st.integers(-5, 5), after=st.integers(-5, 5), thresholds=st.lists(st.integers(-5, 5), max_size=8))
def test_a_score_crosses_what_lies_between(before: int, after: int, thresholds: list[int]) -> None:
    """A score is above a threshold once it has come up to it; one that stays on its side crosses nothing."""
    triggers: list[dict[str, Any]] = [
        {"type": "lead_score_crossed", "threshold": threshold, "direction": direction}
        for threshold in thresholds
        for direction in ("above", "below", None)
    ]
    rules = WorkspaceRules.from_active([automation(number, trigger) for number, trigger in enumerate(triggers)])
    changed = event("lead.updated", changes={"lead_score": {"from": before, "to": after}})
    expected = [
        number
        for number, trigger in enumerate(triggers)
        if (before >= trigger["threshold"]) != (after >= trigger["threshold"])
        and trigger["direction"] in (None, "above" if after > before else "below")
    ]
    assert [run.automation.id for run in match_events([changed], {1: rules}).runs] == expected


def test_event_starts_one_run_however_many_fields_match() -> None:
    assert set_off({"type": "lead_updated", "fields": ["email", "pipeline_stage_id"]}, MOVED) == 1


def test_chains_come_to_an_end() -> None:
    rules = {1: WorkspaceRules.from_active([automation(1, {"type": "lead_created"})])}
    for chain, stopped in (((), False), ((2, 3, 4, 5), False), ((1,), True), ((2, 1), True), ((2, 3, 4, 5, 6), True)):
        (run,) = match_events([event("lead.created", chain)], rules).runs
        assert (run.stopped is not None) == stopped


def test_changes_by_automations_do_not_restart_inactivity_timers() -> None:
    rules = {1: WorkspaceRules.from_active([automation(1, {"type": "no_activity", "minutes": 5})])}
    for by, broken in (({"kind": "api"}, 1), (None, 1), ({"kind": "automation"}, 0), ({"kind": "scoring"}, 0)):
        changed = event("lead.updated", by=by, changes={"email": {"from": None, "to": "x"}})
        assert len(match_events([changed], rules).inactivity) == broken


def test_subscribers_hear_what_they_asked_for() -> None:
    subscriptions = [ActiveSubscription(1, frozenset(["*"])), ActiveSubscription(2, frozenset(["tag.added"]))]
    rules = {1: WorkspaceRules.from_active([], subscriptions=subscriptions)}
    told = [(fact.type, one.id) for _, fact, one in match_events([CREATED], rules).webhooks]
    assert told == [
        ("lead.created", 1),
        ("lead.assigned", 1),
        ("tag.added", 1),
        ("tag.added", 2),
        ("form.submitted", 1),
    ]
    scored = event("lead.updated", changes={"lead_score": {"from": 0, "to": 1}})
    assert [fact.type for _, fact, _ in match_events([scored], rules).webhooks] == ["lead.updated"]
