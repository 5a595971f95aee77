"""The alarms of a workspace: their defaults, changes, and the form that stands for them."""

from typing import Any

import pytest

from services.console.workspace.alarm_forms import alarm_texts, sent_alarms, shown_texts
from shared.operations.alarm_thresholds import DEAD_LETTERS_PERCENT, WAITING_MINUTES
from shared.operations.workspace_alarms import ALARM_CODES, MAX_ALARM_READERS, changed_alarms, complete_alarms
from shared.outbound.alarm_trials import trial_texts
from shared.workspace_changes.workspace_fields import check_fields

DEFAULTS = complete_alarms({})


def test_all_admins_are_told_unless_somebody_chose() -> None:
    assert set(DEFAULTS) == set(ALARM_CODES)
    assert all(alarm["user_ids"] is None for alarm in DEFAULTS.values())
    assert DEFAULTS["dead_letters"]["percent"] == DEAD_LETTERS_PERCENT
    assert DEFAULTS["waiting"]["minutes"] == WAITING_MINUTES
    assert DEFAULTS["source_silent"]["minutes"] is None


def test_what_is_sent_changes_and_null_sets_back() -> None:
    changed = changed_alarms(DEFAULTS, {"waiting": {"user_ids": [9, 7, 9]}, "dead_letters": {"percent": 5}})
    assert changed["waiting"] == {"user_ids": [7, 9], "minutes": WAITING_MINUTES}
    assert changed["dead_letters"] == {"user_ids": None, "percent": 5}
    assert changed_alarms(changed, {"waiting": {"minutes": 3}})["waiting"] == {"user_ids": [7, 9], "minutes": 3}
    assert changed_alarms(changed, {"waiting": None, "dead_letters": {"percent": None}}) == DEFAULTS
    assert changed_alarms(changed, {}) == changed
    assert complete_alarms(changed) == changed


def test_sending_the_form_that_is_shown_changes_nothing() -> None:
    fields = {"waiting": {"user_ids": [7, 9], "minutes": 3}, "held_digest": {"user_ids": []}}
    for alarms in (DEFAULTS, changed_alarms(DEFAULTS, fields)):
        sent, errors = check_fields({"alarms": sent_alarms(alarm_texts(alarms))})
        assert errors == {}
        assert changed_alarms(alarms, sent["alarms"]) == alarms


@pytest.mark.parametrize(
    ("alarms", "field"),
    [
        ({"dead_letters": {"percent": 0}}, "alarms.dead_letters.percent"),
        ({"dead_letters": {"percent": 101}}, "alarms.dead_letters.percent"),
        ({"waiting": {"minutes": "5"}}, "alarms.waiting.minutes"),
        ({"source_silent": {"minutes": -1}}, "alarms.source_silent.minutes"),
        ({"held_digest": {"user_ids": ["1"]}}, "alarms.held_digest.user_ids.0"),
        ({"held_digest": {"user_ids": list(range(1, MAX_ALARM_READERS + 2))}}, "alarms.held_digest.user_ids"),
        ({"held_digest": {"user_ids": "all"}}, "alarms.held_digest.user_ids"),
        ({"held_digest": 7}, "alarms.held_digest"),
    ],
)
def test_hostile_alarms_are_refused_at_their_field(alarms: dict[str, Any], field: str) -> None:
    assert set(check_fields({"alarms": alarms})[1]) == {field}


@pytest.mark.parametrize("code", ALARM_CODES)
def test_a_test_says_that_it_is_one_and_fills_each_text(code: str) -> None:
    for language, mark in (("en", "[Test] "), ("ar", "[تجربة] ")):
        subject, body = trial_texts(code, "Nordlys", language)
        assert subject.startswith(mark)
        assert "{" not in subject + body


def test_alarms_that_were_not_sent_are_shown_as_they_are() -> None:
    alarms = changed_alarms(DEFAULTS, {"waiting": {"user_ids": [7, 9]}, "dead_letters": {"user_ids": [7]}})
    shown = shown_texts({"who_waiting": "chosen", "user_waiting_9": "1", "limit_waiting": "x"}, alarms)
    assert ("user_waiting_7" in shown, shown["limit_waiting"]) == (False, "x")
    assert (shown["who_dead_letters"], shown["user_dead_letters_7"], shown["limit_dead_letters"]) == (
        "chosen",
        "1",
        "10",
    )
