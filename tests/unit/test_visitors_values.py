"""What comes with a visitor's post: fields that are shown, problems by code, where the visitor came from."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.form_values import InvalidForm, fill_form, shown_fields
from services.gateway.public_forms.post_answers import shown_values, with_submission_id
from services.gateway.public_forms.spam_judgement import counted_address
from services.gateway.public_forms.visit_attribution import read_touches
from services.gateway.public_forms.visitor_text import storable_text
from services.gateway.uploaded_files import UploadedFile
from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import complete_fields

pytestmark = pytest.mark.unit

FORM = FormDefinition(
    1,
    1,
    True,
    complete_fields(
        [
            {"key": "a", "type": "checkbox"},
            {
                "key": "b",
                "type": "text",
                "required": True,
                "show_if": {"field": "a", "operator": "equals", "value": True},
            },
            {
                "key": "c",
                "type": "number",
                "required": True,
                "show_if": {"field": "b", "operator": "contains", "value": "x"},
            },
        ]
    ),
    complete_settings({}),
)


def shown(sent: dict[str, Any], *, encoded: bool = True) -> str:
    return "".join(field["key"] for field in shown_fields(FORM, sent, encoded=encoded))


@pytest.mark.parametrize(
    ("sent", "keys", "wrong"),
    [
        ({}, "a", set()),
        ({"a": "on"}, "ab", {"b"}),
        ({"a": ["off", "1"], "b": " X "}, "abc", {"c"}),
        ({"b": "x", "c": "1"}, "a", set()),
    ],
)
def test_fields_are_shown_by_the_values_before_them(sent: dict[str, Any], keys: str, wrong: set[str]) -> None:
    assert shown(sent) == keys
    if not wrong:
        assert fill_form(FORM, sent, encoded=True).values.keys() <= set(keys)
        return
    with pytest.raises(InvalidForm) as refused:
        fill_form(FORM, sent, encoded=True)
    assert refused.value.errors.keys() == refused.value.problems.keys() == wrong


def test_problems_have_codes_for_pages() -> None:
    with pytest.raises(InvalidForm) as refused:
        fill_form(FORM, {"a": "on", "b": "x" * 1001}, encoded=True)
    assert {key: one.code for key, one in refused.value.problems.items()} == {"b": "too_long", "c": "required"}
    assert refused.value.problems["b"].params == {"max": 1000}
    with pytest.raises(InvalidForm) as refused:
        fill_form(FORM, {"a": "on", "b": "x", "c": "many"}, encoded=True)
    assert refused.value.problems["c"].code == "number"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["first", "last", "page_url", "consent", "browser_ids", "utm_source", "click_ids", "at"])


@given(
    st.text(max_size=200) | st.dictionaries(NAMES, JSON_VALUES | st.dictionaries(NAMES, JSON_VALUES)).map(json.dumps)
)
def test_any_attribution_can_be_stored(sent: str) -> None:
    touches = read_touches(storable_text(sent), "https://a.example/?utm_source=x", "", {"agree": True})
    for touch in (touches.attribution, touches.first_touch):
        text = json.dumps(touch, ensure_ascii=False)
        assert "\\u0000" not in text
        text.encode()
    assert touches.attribution["consent"]["agree"] is True


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        (None, ""),
        ("nonsense", ""),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("fe80::1%eth0", ""),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_addresses_are_counted_by_household(address: str | None, counted: str) -> None:
    assert counted_address(address) == counted


def test_redirects_carry_the_submission_once() -> None:
    assert with_submission_id("/thanks", "s") == "/thanks?submission_id=s"
    assert with_submission_id("https://a.example/x?b=%26&submission_id=o#t", "s") == (
        "https://a.example/x?b=%26&submission_id=s#t"
    )


def test_values_are_shown_again_but_for_files() -> None:
    sent = {"a": "x", "b": ["y", UploadedFile("f", 1, "t")], "c": True, "d": {"deep": 1}, "e": 1.5}
    assert shown_values(sent) == {"a": "x", "b": ["y"], "c": "true", "e": "1.5"}
