"""The words and forms of a lead's page: each type of entry has words, and an edit writes only what was changed."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.leads.activity_words import ACTIVITY_LOOKS, MATCHED_WORDS, SKIP_WORDS
from services.console.leads.author_words import AUTHOR_WORDS, NAMELESS_AUTHOR_WORDS
from services.console.leads.edit_form import FORM_FIELDS, make_edit_form, read_lead_edits, value_text
from services.console.leads.logged_words import (
    KIND_WORDS,
    LOGGED_LOOKS,
    LOGGED_SENTENCES,
    NAMELESS_LOOKS,
    OUTCOME_WORDS,
)
from services.console.leads.score_words import RULE_WORDS
from services.console.leads.timeline_reads import TimelinePosition, merge_rows, read_timeline_position
from services.console.leads.words import FIELD_WORDS, STATUS_WORDS
from services.console.submissions.contact_origins import LeadIntake, given_consents, identity_origins
from services.console.web.colors import nearest_hue
from services.console.web.formatting import Formatting
from services.console.web.translations import load_languages
from shared.automations.conditions import ConditionOperator
from shared.leads.edit import ChangeCause, LeadChange, LeadEdit, compare_with_state
from shared.leads.logged_activities import CALL_OUTCOMES, LOGGED_TYPES
from shared.leads.submission import FORM_KEY, SOURCE_KEY

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
# Facts that automations make of entries: they are no entries themselves.
FACTS = {"lead.stage_changed", "lead.assigned", "lead.score_changed"}
DELIVERY_STATES = ("sent", "failed", "cancelled", "suppressed")
CONVERSION_STATES = ("sent", "failed", "skipped")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECORD: dict[str, Any] = {
    **dict.fromkeys(FORM_FIELDS),
    "first_name": "Ada",
    "email": "ada@example.com",
    "status": "new",
    "notes": "one\r\ntwo",
    "pipeline_stage_id": 7,
    "custom_fields": {"seats": 5, "vip": True, "list": [1], "city": "Cork"},
}


def written_types() -> set[str]:
    """Types of entries that code of the product names."""
    found = set()
    for path in [*ROOT.glob("shared/leads/*.py"), *ROOT.glob("services/workers/**/*.py"), *ROOT.glob("shared/**/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = (
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        found |= {text for text in texts if re.fullmatch(r"lead\.[a-z_]+", text)}
    return found - FACTS


def test_each_type_of_entry_has_words() -> None:
    states = {f"delivery.{state}" for state in DELIVERY_STATES} | {f"conversion.{state}" for state in CONVERSION_STATES}
    assert written_types() | states == set(ACTIVITY_LOOKS)
    assert set(LOGGED_TYPES.values()) == set(LOGGED_LOOKS) == set(NAMELESS_LOOKS)
    assert set(LOGGED_TYPES) == set(KIND_WORDS) == set(LOGGED_SENTENCES)
    assert set(CALL_OUTCOMES) == set(OUTCOME_WORDS)
    assert set(RULE_WORDS) == set(get_args(ConditionOperator))


def test_words_of_a_lead_are_translated() -> None:
    tables = (
        *(AUTHOR_WORDS, NAMELESS_AUTHOR_WORDS, MATCHED_WORDS, SKIP_WORDS, FIELD_WORDS, STATUS_WORDS),
        *(KIND_WORDS, NAMELESS_LOOKS, OUTCOME_WORDS, LOGGED_SENTENCES, RULE_WORDS),
    )
    words = {look.sentence for looks in (ACTIVITY_LOOKS, LOGGED_LOOKS) for look in looks.values()}
    words |= {word for table in tables for word in table.values()}
    for language in load_languages().values():
        if language.code != "en":
            assert {word for word in words if language.translations.gettext(word) == word} == set()


def test_an_untouched_form_changes_nothing() -> None:
    form = make_edit_form(RECORD)
    sent = {**form.values, **{f"was.{name}": text for name, text in form.before.items()}}
    assert read_lead_edits(RECORD, sent).set_fields == {}
    # As a browser sends it.
    crlf = {name: text.replace("\n", "\r\n") for name, text in sent.items()}
    assert read_lead_edits(RECORD, crlf).set_fields == {}


def test_an_edit_writes_what_was_changed_and_expects_what_was_shown() -> None:
    sent = {
        **{"company": " Navy ", "was.company": "", "notes": "one\r\ntwo\r\nthree", "was.notes": "one\r\ntwo"},
        **{"pipeline_stage_id": "", "was.pipeline_stage_id": "7", "assigned_user_id": "9", "was.assigned_user_id": ""},
        **{
            "custom_fields.seats": "6",
            "was.custom_fields.seats": "5",
            "custom_fields.city": "",
            "was.custom_fields.city": "Cork",
        },
        **{"custom_fields.vip": "maybe", "was.custom_fields.vip": "true", "new_key": "region", "new_value": "South"},
    }
    change = read_lead_edits(RECORD, sent)
    assert change.errors == {}
    assert change.set_fields == {
        "company": "Navy",
        "notes": "one\ntwo\nthree",
        "pipeline_stage_id": None,
        "assigned_user_id": 9,
        "custom_fields": {"seats": 6, "city": None, "vip": "maybe", "region": "South"},
    }
    assert change.expected == {
        **{"company": None, "notes": "one\r\ntwo", "pipeline_stage_id": 7, "assigned_user_id": None},
        **{"custom_fields.seats": 5, "custom_fields.city": "Cork", "custom_fields.vip": True},
        "custom_fields.region": None,
    }
    outdated = read_lead_edits({**RECORD, "company": "Theirs"}, {"company": "Mine", "was.company": ""})
    assert outdated.expected == {"company": ""}


@given(st.dictionaries(st.sampled_from(FORM_FIELDS), st.text(max_size=40)))
def test_any_text_is_a_value_or_an_error(typed: dict[str, str]) -> None:
    change = read_lead_edits(RECORD, typed)
    assert set(change.set_fields) | {name.partition(".")[0] for name in change.errors} <= {*FORM_FIELDS}


def test_values_are_shown_as_they_are_stored() -> None:
    assert [value_text(value) for value in (None, "", "a\r\nb", 5, True, [1], {"a": "ü"})] == [
        *("", "", "a\nb", "5", "true", "[1]"),
        '{"a":"ü"}',
    ]


def test_identities_name_the_first_that_brought_them() -> None:
    def intake(number: int, **body: Any) -> LeadIntake:
        return LeadIntake(f"id-{number}", NOON + timedelta(hours=number), "inbound", None, body)

    intakes = [intake(1, email="A@Example.com"), intake(2, email="a@example.com", phone="020 911 8842"), intake(3)]
    typed = {"type": "lead.updated", "created_at": NOON, "data": {"changes": {"email": {"to": "b@example.com"}}}}
    held = [("email", "a@example.com"), ("email", "b@example.com"), ("email", "c@x"), ("phone", "+353209118842")]
    found = identity_origins(held, intakes, [typed], country="IE", fold_gmail=False)
    assert [(each.way, each.submission_id) for each in found] == [
        *(("submission", "id-1"), ("typed", ""), ("gone", ""), ("submission", "id-2")),
    ]


def test_identity_that_no_payload_spells_came_with_the_only_submission() -> None:
    """Such as the id of a person at a provider. Nothing is called gone that has just come."""
    came = [LeadIntake(f"id-{number}", NOON, "integration:1", None, {"email": "a@example.com"}) for number in range(2)]
    held = [("external", "meta:1")]
    found = [identity_origins(held, intakes, [], country=None, fold_gmail=False) for intakes in (came[:1], came)]
    assert [(each.way, each.submission_id) for [each] in found] == [("submission", "id-0"), ("", "")]


def test_the_last_answer_to_a_question_for_consent_counts() -> None:
    def intake(hour: int, is_given: bool) -> LeadIntake:
        answer = {"key": "news", "text": "News?", "accepted": is_given, "version": hour}
        return LeadIntake(
            f"id-{hour}", NOON + timedelta(hours=hour), "form:1", None, {FORM_KEY: {"consents": [answer]}}
        )

    provider = {SOURCE_KEY: {"attribution": {"consent": {"Calls?": False}}}}
    found = given_consents([intake(1, True), intake(2, False), LeadIntake("p", NOON, "integration:1", None, provider)])
    assert [(each.text, each.is_given, each.version) for each in found] == [
        ("News?", False, 2),
        ("Calls?", False, None),
    ]
    assert given_consents([LeadIntake("x", NOON, "", None, {FORM_KEY: None, SOURCE_KEY: []})]) == []


def test_entries_and_runs_are_in_one_order() -> None:
    entries = [{"id": 2, "created_at": NOON}, {"id": 1, "created_at": NOON - timedelta(hours=1)}]
    runs = [{"id": 9, "created_at": NOON}]
    assert [(row.row["id"], row.is_run) for row in merge_rows(entries, runs)] == [(2, False), (9, True), (1, False)]


@pytest.mark.parametrize("text", ["", "1", "a.b", "1.2.3", "-1.2", "٣.٤", "1" * 30 + ".1"])
def test_other_texts_mean_the_begin_of_the_timeline(text: str) -> None:
    assert read_timeline_position(text) == TimelinePosition()


def test_positions_are_read_as_they_are_written() -> None:
    assert read_timeline_position(str(TimelinePosition(7, 9))) == TimelinePosition(7, 9)


@given(
    st.one_of(st.none(), st.text(max_size=20), st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)), st.integers(0, 99)
)
def test_every_stage_has_a_hue(color: str | None, position: int) -> None:
    assert 1 <= nearest_hue(color, position) <= 8


def test_colours_become_the_nearest_hue() -> None:
    assert [nearest_hue(color, 1) for color in ("#e5484d", "#2f6fed", "#0a0", "#8b5cf6")] == [1, 6, 4, 7]


def test_a_change_expects_what_somebody_saw() -> None:
    state: dict[str, Any] = {**RECORD, "custom_fields": {"seats": 5}}
    expected = {"email": "ada@example.com", "custom_fields.seats": 4, "custom_fields.new": None, "status": "lost"}
    edit = LeadEdit(LeadChange(1, 2, cause=ChangeCause("user", 3), expected=expected))
    compare_with_state(edit, state)
    assert edit.conflicts == {"custom_fields.seats": 5, "status": "new"}
    assert edit.errors == {
        "custom_fields.seats": ["The custom_fields.seats was changed meanwhile."],
        "status": ["The status was changed meanwhile."],
    }


def test_short_ages_become_dates() -> None:
    shown = Formatting(load_languages()["en"], UTC, NOON)
    ages = (timedelta(minutes=-1), timedelta(minutes=4), timedelta(days=3), timedelta(days=40))
    assert [shown.short_age(NOON - age) for age in ages] == ["now", "4 min", "3 d", "19 Oct"]
