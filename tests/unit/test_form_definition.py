"""What a form may be: messages by field, all at once; defaults; settings merged one by one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.forms.definition import complete_settings, merge_settings
from shared.forms.field_definition import complete_fields, find_contradictions
from shared.forms.form_validation import FormSent
from shared.platform.validation.schema import FieldsSchema

pytestmark = pytest.mark.unit

SHAPE = FieldsSchema(FormSent, required=("name",))
FIELD = {"key": "a", "label": "A", "type": "text"}


def errors_of(body: dict[str, Any]) -> set[str]:
    """The fields that are refused."""
    return SHAPE.validate_fields(body)[1].keys() | find_contradictions(body.get("fields")).keys()


def field(**members: Any) -> dict[str, Any]:
    return {"name": "F", "fields": [{**FIELD, **members}]}


@pytest.mark.parametrize(
    ("kind", "operator", "value", "told"),
    [
        ("radio", "equals", "MORE", ""),
        ("radio", "equals", "many", "many"),
        ("select", "not_equals", 5, "5"),
        ("radio", "in", ["few", "many", "lots"], "many, lots"),
        ("radio", "contains", "mor", ""),
        ("multiselect", "contains", "mor", "mor"),
        ("checkbox", "not_contains", "more", ""),
        ("radio", "greater_than", "many", ""),
        ("radio", "is_empty", None, ""),
        ("text", "equals", "many", ""),
    ],
)
def test_a_condition_asks_for_what_its_question_offers(kind: str, operator: str, value: Any, told: str) -> None:
    condition = {"any": [{"not": {"field": "seats", "operator": operator, "value": value}}]}
    options = {} if kind == "text" else {"options": ["few", "more"]}
    fields = [{"key": "seats", "type": kind, **options}, {"key": "why", "type": "text", "show_if": condition}]
    errors = find_contradictions(fields)
    sentence = f"The fields.1.show_if field asks for what seats does not offer: {told}."
    assert errors == ({"fields.1.show_if": [sentence]} if told else {})


def settings(**members: Any) -> dict[str, Any]:
    return {"name": "F", "settings": members}


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, {"name"}),
        ({"name": ""}, {"name"}),
        ({"name": "F", "fields": {}}, {"fields"}),
        ({"name": "F", "fields": [1]}, {"fields.0"}),
        ({"name": "F", "fields": [{}]}, {"fields.0.key", "fields.0.type"}),
        ({"name": "F", "settings": []}, {"settings"}),
        ({"name": "F", "is_active": "yes"}, {"is_active"}),
        (field(type="colour"), {"fields.0.type"}),
        (field(key="a b"), {"fields.0.key"}),
        (field(key="_a"), {"fields.0.key"}),
        (field(key="a[]"), {"fields.0.key"}),
        (field(key=""), {"fields.0.key"}),
        (field(key="é"), {"fields.0.key"}),
        (field(required="yes"), {"fields.0.required"}),
        (field(label="x" * 256), {"fields.0.label"}),
        (field(label="a\0b"), {"fields.0.label"}),
        (field(type="select"), {"fields.0.options"}),
        (field(type="radio", options=[]), {"fields.0.options"}),
        (field(type="multiselect", options=None), {"fields.0.options"}),
        (field(type="select", options=["a", "a"]), {"fields.0.options"}),
        (field(type="select", options=["a", " "]), {"fields.0.options.1"}),
        (field(type="select", options=["a", 1]), {"fields.0.options.1"}),
        (field(type="select", options="a"), {"fields.0.options"}),
        (field(maps_to="lead_score"), {"fields.0.maps_to"}),
        (field(maps_to="pipeline_id"), {"fields.0.maps_to"}),
        (field(maps_to="custom_fields"), {"fields.0.maps_to"}),
        (field(maps_to="custom_fields."), {"fields.0.maps_to"}),
        (field(maps_to="custom_fields." + "x" * 101), {"fields.0.maps_to"}),
        (field(type="consent", maps_to="first_name"), {"fields.0.maps_to"}),
        (field(type="checkbox", maps_to="email"), {"fields.0.maps_to"}),
        (field(type="file", maps_to="notes"), {"fields.0.maps_to"}),
        (settings(redirect_url="javascript:alert(1)"), {"settings.redirect_url"}),
        (settings(redirect_url="//evil.example"), {"settings.redirect_url"}),
        (settings(redirect_url="/\\evil.example"), {"settings.redirect_url"}),
        (settings(redirect_url="https://user@evil.example/"), {"settings.redirect_url"}),
        (settings(redirect_url="data:text/html,x"), {"settings.redirect_url"}),
        (settings(allowed_origins=["https://a.example/path"]), {"settings.allowed_origins.0"}),
        (settings(allowed_origins=["https://a.example", "*"]), {"settings.allowed_origins.1"}),
        (settings(notify_emails=["a@example.com", "nobody"]), {"settings.notify_emails.1"}),
        (settings(merge_policy="whatever"), {"settings.merge_policy"}),
        (settings(language="Klingon!"), {"settings.language"}),
        (settings(pipeline_id="1"), {"settings.pipeline_id"}),
        (
            settings(pipeline_stage_id=0, assigned_user_id=-1),
            {"settings.pipeline_stage_id", "settings.assigned_user_id"},
        ),
        (settings(tags="vip"), {"settings.tags"}),
        (settings(tags=[""]), {"settings.tags.0"}),
    ],
)
def test_a_bad_definition_is_refused_by_field(body: dict[str, Any], refused: set[str]) -> None:
    assert errors_of(body) == refused


def test_all_errors_of_a_form_are_reported_together() -> None:
    fields = [FIELD, {**FIELD, "type": "select"}, {"key": "b", "type": "?", "maps_to": "email"}]
    fields.append({"key": "c", "type": "text", "maps_to": "email"})
    body = {"fields": fields, "settings": {"language": "?", "tags": [1]}}
    assert errors_of(body) == {
        *("name", "settings.language", "settings.tags.0"),
        *("fields.1.key", "fields.1.options", "fields.2.type", "fields.3.maps_to"),
    }


@pytest.mark.parametrize(
    "target", ["email", "full_name", "status", "custom_fields.size", "custom_fields.a.b", None, " "]
)
def test_form_field_maps_to_known_lead_fields(target: str | None) -> None:
    assert not errors_of(field(maps_to=target))


@pytest.mark.parametrize("url", ["/thanks", "/", "https://example.com/a?b=c#d", "HTTP://example.com", None, ""])
def test_where_a_visitor_may_be_sent(url: str | None) -> None:
    assert not errors_of(settings(redirect_url=url))


@pytest.mark.parametrize(
    "origin", ["https://a.example", "http://localhost:3000", "https://[::1]:8", "HTTPS://A.example"]
)
def test_allowed_origins_are_normalised(origin: str) -> None:
    sent, errors = SHAPE.validate_fields(settings(allowed_origins=[origin]))
    assert (errors, sent["settings"]["allowed_origins"]) == ({}, [origin.lower()])


def test_notes_and_tags_may_come_from_several_fields() -> None:
    fields = [
        {"key": key, "type": "text", "maps_to": to} for key, to in zip("abcd", ("notes", "tags") * 2, strict=True)
    ]
    assert not errors_of({"name": "F", "fields": fields})


def test_unknown_members_are_ignored_and_missing_ones_have_defaults() -> None:
    body = {"name": "F", "public_id": "x", "fields": [{"key": "a", "type": "text", "x": 1}], "settings": {"y": 2}}
    sent, errors = SHAPE.validate_fields(body)
    assert (errors, sent["settings"]) == ({}, {})
    assert complete_fields(sent["fields"]) == [
        {
            **{"key": "a", "label": "a", "type": "text", "required": False, "options": []},
            **dict.fromkeys(("maps_to", "placeholder", "help", "show_if", "consent_text")),
            **{"step": 1, "prefill": False, "accept": [], "max_size_mb": 10},
        }
    ]
    shown = complete_settings({})
    assert (shown["tags"], shown["source"], shown["allowed_origins"]) == ([], None, [])


STORED = st.dictionaries(st.sampled_from(["source", "language", "tags"]), st.text(min_size=1))
SENT = st.dictionaries(st.sampled_from(["source", "language", "tags"]), st.none() | st.text(min_size=1))


@given(STORED, SENT)
def test_form_settings_are_merged_key_by_key(stored: dict[str, Any], sent: dict[str, Any]) -> None:
    merged = merge_settings(stored, sent)
    for name in ("source", "language", "tags"):
        assert merged.get(name) == (sent[name] if name in sent else stored.get(name))
    assert None not in merged.values()
    assert merge_settings(stored, None) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "type", "options"]), inner),
)


@given(JSON, JSON)
def test_arbitrary_form_definitions_never_crash_validation(fields: Any, settings: Any) -> None:
    errors_of({"name": "F", "fields": fields, "settings": settings})
    errors_of({"name": "F", "fields": [{**FIELD, "options": fields, "type": settings}]})
