"""The parts of the form builder: rules as lines, fields that are moved and renamed, what was typed, what is pasted."""

import re
import time
from collections.abc import Collection
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from services.console.forms.draft_fields import (
    change_field,
    delete_field,
    follows_label,
    free_key,
    key_of_label,
    move_field,
    place_above_consent,
)
from services.console.forms.draft_form import changed_draft, field_texts, read_draft, setting_texts
from services.console.forms.show_rules import (
    ShowRule,
    ShowRules,
    asked_questions,
    complete_rules,
    condition_of_rules,
    rename_field,
    rule_line,
    rules_of_condition,
)
from services.console.forms.snippets import (
    EmbedChoices,
    frame_snippet,
    highlight_snippet,
    html_snippet,
    qr_code,
    qr_file,
    script_snippet,
)
from shared.automations.conditions import condition_matches
from shared.form_pages.accent_colors import DEFAULT_ACCENT
from shared.forms.definition import complete_settings, merge_settings
from shared.forms.field_definition import complete_fields
from shared.forms.form_numbers import FormFigures
from shared.forms.form_validation import DraftSent, read_draft_fields
from shared.forms.trial_tokens import is_trial_token, make_trial_token
from shared.platform.validation.schema import FieldsSchema

pytestmark = pytest.mark.unit

ADDRESS = "https://leads.example.com/f/k3v9q2"
SEATS = {"field": "seats", "operator": "equals", "value": "more"}
CONSENT = {"field": "consent", "operator": "is_not_empty"}
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)


def fields_of(*keys: str, **more: Any) -> list[Any]:
    return complete_fields([{"key": key, "type": "text", **more} for key in keys])


def posted(
    fields: list[Any], settings: dict[str, Any], place: int, published_keys: Collection[str] = (), **typed: str
) -> dict[str, Any]:
    """The draft after the builder's form was sent as it was shown, but for what was typed."""
    shown, texts = setting_texts(complete_settings(settings)), field_texts(fields[place])
    rules = texts.pop("rules")
    form = {"name": "Ask", "field": str(place), "rule_group": rules.group}
    form |= {f"f_{name}": "1" if value is True else "" if value is False else value for name, value in texts.items()}
    form |= {f"s_{name}": "1" if value is True else "" if value is False else value for name, value in shown.items()}
    pairs = [*{**form, **typed}.items()]
    for line, rule in enumerate(rules.rules):
        pairs += [("rule_field", rule.field), ("rule_operator", rule.operator), (f"rule_value.{line}", rule.text)]
    sent = read_draft(MultiDict(pairs), list(dict.fromkeys(name for name, _ in pairs)))
    draft = {"name": "Ask", "fields": fields, "settings": settings}
    changed = changed_draft(sent, draft, published_keys)
    return {**changed, "settings": merge_settings(settings, changed["settings"])}


@pytest.mark.parametrize(
    "condition",
    [SEATS, CONSENT, {"all": [SEATS, CONSENT]}, {"any": [SEATS, CONSENT]}, {**SEATS, "operator": "in", "value": ["a"]}],
)
def test_a_condition_survives_its_lines(condition: dict[str, Any]) -> None:
    rules = rules_of_condition(condition)
    assert rules.is_plain
    assert condition_of_rules(rules) == condition


def test_a_nested_condition_has_no_lines() -> None:
    assert not rules_of_condition({"all": [SEATS, {"not": CONSENT}]}).is_plain
    assert not rules_of_condition({"not": SEATS}).is_plain
    assert condition_of_rules(ShowRules(rules=[ShowRule()])) is None


@pytest.mark.parametrize("value", [True, 5, 2.5])
def test_a_value_that_is_no_text_means_the_same_as_its_text(value: Any) -> None:
    condition = {"field": "a", "operator": "equals", "value": value}
    told = condition_of_rules(rules_of_condition(condition))
    assert told is not None
    assert condition_matches(told, {"a": value})


def test_a_line_offers_the_answers_of_the_question_that_it_asks_about() -> None:
    seats = {"key": "seats", "type": "radio", "label": "Seats", "options": ["few", "more"]}
    questions = asked_questions([*complete_fields([seats, {"key": "ok", "type": "consent"}]), *fields_of("name")])
    line = rule_line(ShowRule("seats", "equals", ("MORE",)), questions, str)
    assert [(one.value, one.label, one.is_chosen) for one in line.choices] == [
        ("few", "few", False),
        ("MORE", "more", True),
    ]
    assert "contains" not in line.operators
    gone = rule_line(ShowRule("seats", "in", ("many", "few")), questions, str)
    assert [(one.value, one.is_chosen, one.is_known) for one in gone.choices] == [
        ("many", True, False),
        ("few", True, True),
        ("more", False, True),
    ]
    assert [
        one.label for one in rule_line(ShowRule("ok"), questions, lambda answer: {"true": "ticked"}[answer]).choices
    ] == ["ticked"]
    assert rule_line(ShowRule("name"), questions, str).choices == ()
    assert "contains" in rule_line(ShowRule("seats", "contains", ("mo",)), questions, str).operators


def test_a_line_that_was_not_asked_for_a_value_takes_the_first_answer() -> None:
    questions = asked_questions(complete_fields([{"key": "seats", "type": "select", "options": ["few", "more"]}]))
    asked = [ShowRule("seats"), ShowRule("seats", "in", ("",)), ShowRule("seats", "is_empty"), ShowRule("other")]
    completed = complete_rules(ShowRules(rules=asked), questions)
    assert [rule.values for rule in completed.rules] == [("few",), ("",), (), ()]


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Team size?", "team_size"),
        ("  Größe – Ännchen's  ", "grosse_annchens"),
        ("حجم الفريق", ""),
        ("x" * 60, "x" * 40),
        ("How many people of your company would use it every day", "how_many_people_of_your_company_would"),
    ],
)
def test_a_question_makes_a_key(label: str, key: str) -> None:
    assert key_of_label(label) == key


def test_a_key_follows_its_question_until_it_is_published_or_chosen() -> None:
    fields = fields_of("name", "new_question_2", maps_to="custom_fields.new_question_2")
    fields[1]["label"], fields[0]["label"] = "New question", "Team size"
    fields[0]["show_if"] = {"field": "new_question_2", "operator": "is_not_empty"}
    assert follows_label(fields[1], ())
    changed = posted(fields, {}, 1, f_label="Team size")["fields"]
    assert (changed[1]["key"], changed[1]["maps_to"]) == ("team_size", "custom_fields.team_size")
    assert changed[0]["show_if"]["field"] == "team_size"
    assert posted(fields, {}, 1, f_label="Team", f_key="own")["fields"][1]["key"] == "own"
    in_arabic = posted(fields, {}, 1, f_label="حجم الفريق")["fields"]
    assert in_arabic[1]["key"] == "text"  # no Latin letters: the type stands for the question
    assert posted(in_arabic, {}, 1, f_label="Team size")["fields"][1]["key"] == "team_size"
    assert posted(fields, {}, 0, f_label="Your name")["fields"][0]["key"] == "name"
    kept = posted(fields, {}, 1, published_keys=["new_question_2"], f_label="Team size")["fields"][1]
    assert (kept["key"], kept["maps_to"]) == ("new_question_2", "custom_fields.new_question_2")
    assert posted(fields, {}, 1, published_keys=["team_size"], f_label="Team size")["fields"][1]["key"] == "team_size_2"


def test_a_new_field_goes_above_the_consent_of_the_last_step() -> None:
    consent = {"key": "consent", "type": "consent"}
    hidden = {"key": "partner", "type": "hidden"}
    name, late = {"key": "name", "type": "text"}, {"key": "why", "type": "text", "step": 2}
    assert place_above_consent([]) == 0
    assert place_above_consent([name]) == 1
    assert place_above_consent([name, consent, hidden]) == 1
    assert place_above_consent([consent, name]) == 2
    assert place_above_consent([consent, name, late]) == 3
    assert place_above_consent([{**consent, "step": 2}, name]) == 0


def test_conditions_follow_a_key_that_is_renamed() -> None:
    fields = fields_of("seats", "why")
    fields[1]["show_if"] = {"all": [SEATS, {"not": SEATS}]}
    changed = change_field(fields, 0, {"key": "places"})
    assert changed[1]["show_if"] == {"all": [{**SEATS, "field": "places"}, {"not": {**SEATS, "field": "places"}}]}
    assert rename_field(CONSENT, "seats", "x") == CONSENT
    taken = change_field(fields, 0, {"key": "why"})  # two fields of one key: the condition means the old one still
    assert taken[1]["show_if"] == fields[1]["show_if"]


@given(st.integers(-3, 9), st.integers(-3, 9))
def test_moving_keeps_all_fields(place: int, target: int) -> None:
    fields = fields_of("a", "b", "c", "d")
    moved, found = move_field(fields, place, target)
    assert sorted(field["key"] for field in moved) == ["a", "b", "c", "d"]
    if 0 <= place < 4:
        assert moved[found] == fields[place]
        assert delete_field(moved, found)[1] == fields[place]


def test_a_new_key_is_free() -> None:
    assert free_key("text", fields_of("a")) == "text"
    assert free_key("text", fields_of("text", "text_2")) == "text_3"


def test_sending_what_is_shown_changes_nothing() -> None:
    settings = {
        "title": "Prices",
        "theme": {"accent": "#0b6e99", "mode": "dark"},
        "tags": ["a", "b"],
        "allowed_origins": ["https://a.example"],
        "spam": {"threshold": 0, "proof_of_work": "never"},
        "auto_reply": {"subject": "Hi", "body": "Hello {{ first_name }}"},
        "double_opt_in": True,
        "silence_after_minutes": 90,
        "redirect_url": "/thanks",
    }
    fields = fields_of("a", "b", maps_to="notes", help="how", options=["x", "y"], accept=[".pdf"])
    fields[1] |= {"show_if": {"any": [{"field": "a", "operator": "equals", "value": "x"}]}, "required": True, "step": 2}
    changed = posted(fields, settings, 1)
    assert complete_fields(changed["fields"]) == fields
    assert complete_settings(changed["settings"]) == complete_settings(settings)


def test_what_was_typed_is_what_is_kept() -> None:
    fields = fields_of("a")
    changed = posted(
        fields,
        {},
        0,
        f_options="One\r\n\r\n Two ",
        f_maps_to="custom",
        f_custom="",
        s_tags="x، y,x",
        s_accent=DEFAULT_ACCENT,
        s_place="4:9",
        s_threshold="abc",
    )
    assert changed["fields"][0]["options"] == ["One", "Two"]
    assert changed["fields"][0]["maps_to"] == "custom_fields.a"
    assert changed["settings"]["tags"] == ["x", "y"]
    assert (changed["settings"]["pipeline_id"], changed["settings"]["pipeline_stage_id"]) == (4, 9)
    assert changed["settings"]["theme"]["accent"] is None
    errors = read_draft_fields(changed, FieldsSchema(DraftSent))[1]
    assert list(errors) == ["settings.spam.threshold"]


@given(st.lists(st.tuples(KEYS, KEYS), max_size=5), KEYS)
def test_no_post_breaks_the_reading(pairs: list[tuple[str, str]], text: str) -> None:
    form = MultiDict([*pairs, ("field", text), ("do", text), ("revision", text), ("f_key", text), ("s_title", text)])
    sent = read_draft(form, list(dict.fromkeys(form)))
    changed_draft(sent, {"name": "Ask", "fields": fields_of("a"), "settings": {}})


def test_what_is_held_counts_as_sent() -> None:
    figures, others = FormFigures(), FormFigures(views=3)
    for outcome, n in (("view", 10), ("start", 5), ("submission", 2), ("held", 1), ("unknown", 9)):
        figures.add(outcome, n)
    others.include(figures)
    assert (figures.views, figures.starts, figures.submissions, figures.held) == (10, 5, 3, 1)
    assert (others.views, others.submissions, others.held) == (13, 3, 1)


class TagReader(HTMLParser):
    """The tags of a snippet, as a browser reads them."""

    def __init__(self, snippet: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(snippet)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all_of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_snippets_say_what_was_chosen() -> None:
    inline = TagReader(script_snippet(ADDRESS, "Ask", EmbedChoices()))
    assert inline.all_of("script") == [{"async": None, "src": f"{ADDRESS}/embed.js"}]
    assert inline.all_of("div") == [{"data-leadhub-form": "k3v9q2"}]
    popup = TagReader(script_snippet(ADDRESS, 'A "b" <c>', EmbedChoices("popup", "denied")))
    assert popup.all_of("a") == [{"href": ADDRESS, "data-leadhub-open": "k3v9q2"}]
    assert popup.all_of("script")[0] | {"async": None} == {
        "async": None,
        "src": f"{ADDRESS}/embed.js",
        "data-mode": "popup",
        "data-consent": "denied",
    }
    assert TagReader(frame_snippet(ADDRESS, 'A "b"')).all_of("iframe")[0]["title"] == 'A "b"'


def test_plain_html_has_every_field_and_nothing_of_its_texts() -> None:
    hostile = '"><script>x</script>'
    kinds = ("text", "email", "select", "radio", "multiselect", "checkbox", "consent", "file", "hidden", "textarea")
    options = {kind: [hostile] for kind in ("select", "radio", "multiselect")}
    fields = complete_fields(
        [{"key": f"f_{kind}", "type": kind, "label": hostile, "options": options.get(kind)} for kind in kinds]
    )
    read = TagReader(html_snippet(ADDRESS, fields, hostile, "trap_abc"))
    assert read.all_of("script") == []
    assert read.all_of("form") == [{"action": ADDRESS, "method": "post", "enctype": "multipart/form-data"}]
    names = {attributes["name"] for tag, attributes in read.tags if "name" in attributes}
    assert names == {*(f"f_{kind}" for kind in kinds), "trap_abc"}
    assert read.all_of("input")[1]["type"] == "email"


def test_a_highlighted_snippet_is_the_same_text() -> None:
    snippet = script_snippet(ADDRESS, "A & b", EmbedChoices())
    shown = highlight_snippet(snippet)
    assert (
        re.sub(r"</?span[^>]*>", "", shown)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#34;", '"')
        .replace("&amp;", "&")
        == snippet
    )
    assert '<span class="syntax-string">' in shown


def test_a_qr_code_has_no_style_that_a_policy_forbids() -> None:
    assert "style" not in qr_code(ADDRESS)
    assert qr_file(ADDRESS).startswith(b"<?xml")


def test_a_token_of_a_test_is_for_its_form_and_its_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_trial_token("key", "form-a")
    assert is_trial_token("key", "form-a", token)
    assert not is_trial_token("key", "form-b", token)
    assert not is_trial_token("other", "form-a", token)
    assert not is_trial_token("key", "form-a", "")
    assert not is_trial_token("key", "form-a", "é" * 400)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert not is_trial_token("key", "form-a", token)


def test_a_form_without_a_threshold_has_an_empty_one() -> None:
    settings = setting_texts(complete_settings({}))
    assert (settings["holds_spam"], settings["threshold"]) == (True, "")
    settings = setting_texts(complete_settings({"spam": {"threshold": 0}}))
    assert (settings["holds_spam"], settings["threshold"]) == (False, "")
