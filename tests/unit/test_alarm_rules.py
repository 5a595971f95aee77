"""Alarms are raised after their condition held, and cleared after all was well for two minutes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.alarms.alarm_rules import (
    ALARM_RULES,
    AlarmTracker,
    GrowthWindow,
    InstallationState,
)
from shared.operations.alarm_thresholds import CLEAR_AFTER_SECONDS, GROWTH_WINDOW_SECONDS

pytestmark = pytest.mark.unit

WELL = InstallationState(
    is_postgresql_up=True,
    unaccounted=0,
    oldest_waiting_seconds=9.9,
    workers=1,
    dead_growth=0,
    spooled=0,
    disk_used_ratio=0.9,
    differing_settings=0,
)
BAD = {
    "postgresql_away": replace(WELL, is_postgresql_up=False),
    "unaccounted": replace(WELL, unaccounted=-1),
    "oldest_waiting": replace(WELL, oldest_waiting_seconds=10.1),
    "no_workers": replace(WELL, workers=0),
    "dead_letters": replace(WELL, dead_growth=1),
    "spooling": replace(WELL, spooled=1),
    "disk": replace(WELL, disk_used_ratio=0.91),
    "differing": replace(WELL, differing_settings=1),
}
UNKNOWN = InstallationState(is_postgresql_up=False)


def changes(tracker: AlarmTracker, state: InstallationState, now: float) -> list[tuple[str, bool]]:
    return [(change.rule.code, change.is_raised) for change in tracker.observe(state, now)]


def test_every_rule_is_tested_here() -> None:
    assert {rule.code for rule in ALARM_RULES} == set(BAD)


@pytest.mark.parametrize("rule", ALARM_RULES, ids=lambda rule: rule.code)
def test_rule_raises_its_alarm_alone_after_its_time_and_clears_it_after_two_minutes(rule) -> None:  # type: ignore[no-untyped-def]
    tracker, hold = AlarmTracker(), rule.hold_seconds
    assert changes(tracker, WELL, 0) == []
    if hold:
        assert changes(tracker, BAD[rule.code], 1) == []
        assert changes(tracker, BAD[rule.code], 1 + hold - 0.1) == []
    assert changes(tracker, BAD[rule.code], 1 + hold) == [(rule.code, True)]
    assert changes(tracker, BAD[rule.code], 1000) == []
    assert changes(tracker, WELL, 2000) == []
    assert changes(tracker, WELL, 2000 + CLEAR_AFTER_SECONDS) == [(rule.code, False)]
    assert changes(tracker, WELL, 3000) == []


def test_a_condition_that_flutters_neither_raises_nor_clears() -> None:
    tracker = AlarmTracker()
    fluttering = [changes(tracker, BAD["no_workers"] if now % 2 else WELL, now * 15.0) for now in range(40)]
    assert fluttering == [[]] * 40
    tracker.adopt_ringing(["no_workers"])
    fluttering = [changes(tracker, BAD["no_workers"] if now % 2 else WELL, now * 15.0) for now in range(40, 80)]
    assert fluttering == [[]] * 40


def test_an_unknown_value_neither_raises_nor_clears() -> None:
    tracker = AlarmTracker()
    tracker.adopt_ringing(["no_workers", "an alarm of another version"])
    assert changes(tracker, UNKNOWN, 0) == []
    assert changes(tracker, UNKNOWN, 1000) == [("postgresql_away", True)]


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([*BAD.values(), WELL, UNKNOWN])), max_size=60))
def test_an_alarm_is_raised_and_cleared_in_turn(steps: list[tuple[float, InstallationState]]) -> None:
    tracker, now, ringing = AlarmTracker(), 0.0, set[str]()
    for seconds, state in steps:
        now += seconds
        for code, is_raised in changes(tracker, state, now):
            assert is_raised == (code not in ringing)
            ringing ^= {code}


def test_growth_is_of_the_last_quarter_of_an_hour() -> None:
    window = GrowthWindow()
    assert [window.measure_growth(value, now) for value, now in ((5, 0), (5, 60), (7, 120))] == [0, 0, 2]
    assert window.measure_growth(7, 60 + GROWTH_WINDOW_SECONDS) == 2
    assert window.measure_growth(7, 121 + GROWTH_WINDOW_SECONDS) == 0
    assert window.measure_growth(3, 122 + GROWTH_WINDOW_SECONDS) == 0, "some were replayed"
