"""Filling a form in: every value checked by its field's type, and turned into a lead that could have been posted."""

import string
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.form_values import fill_form
from services.gateway.uploaded_files import UploadedFile
from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import MAPPABLE_LEAD_FIELDS, FieldType, complete_fields
from shared.leads.full_name import split_name
from shared.leads.inbound import validate_object
from shared.platform.validation.schema import InvalidFields

pytestmark = pytest.mark.unit

TYPES = get_args(FieldType)


def form(*fields: dict[str, Any], **settings: Any) -> FormDefinition:
    return FormDefinition(1, 1, True, complete_fields(list(fields)), complete_settings(settings))


def of(kind: str, **members: Any) -> FormDefinition:
    """A form with one field `a` of that type, mapped to a custom field `a`."""
    return form({"key": "a", "type": kind, "maps_to": "custom_fields.a", **members})


def value_of(filled: FormDefinition, sent: Any, *, encoded: bool = False) -> Any:
    """What a lead's custom field `a` becomes; None: nothing."""
    return fill_form(filled, {"a": sent}, encoded=encoded).lead.get("custom_fields", {}).get("a")


def refusal(filled: FormDefinition, sent: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidFields) as refused:
        fill_form(filled, {"a": sent})
    return refused.value.errors


OPTIONS = ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("kind", "sent", "read"),
    [
        ("text", " Ada ", "Ada"),
        ("textarea", "x" * 10_000, "x" * 10_000),
        ("email", "Ada@Example.com", "Ada@Example.com"),
        ("phone", "call me", "call me"),
        ("number", 3, 3),
        ("number", 2.5, 2.5),
        ("number", " -10 ", -10),
        ("number", "1.50", 1.5),
        ("number", "1e2", 100.0),
        ("number", " -0.5E+1 ", -5.0),
        ("number", "+2.5e-1", 0.25),
        ("number", "-.5", -0.5),
        ("number", "١٢", 12),
        ("date", "2026-03-28", "2026-03-28"),
        ("url", "https://example.com/?a=b", "https://example.com/?a=b"),
        ("select", "red", "red"),
        ("radio", " blue ", "blue"),
        ("multiselect", ["red", "blue", "red"], ["red", "blue"]),
        ("multiselect", "green", ["green"]),
        ("checkbox", ["green"], ["green"]),
        ("hidden", "campaign", "campaign"),
        ("file", "https://example.com/cv.pdf", "https://example.com/cv.pdf"),
        ("file", UploadedFile("cv.pdf", 10, "application/pdf"), "cv.pdf"),
    ],
)
def test_a_value_is_read_by_its_type(kind: str, sent: Any, read: Any) -> None:
    assert value_of(of(kind, options=OPTIONS), sent) == read


@pytest.mark.parametrize("kind", ["checkbox", "consent"])
def test_checkbox_values_become_booleans(kind: str) -> None:
    for sent in (True, "true", "on", "1", "YES"):
        assert value_of(of(kind), sent) is True
        assert value_of(of(kind, required=True), sent) is True
    for sent in (False, "false", "off", "0", "no"):
        assert value_of(of(kind), sent) is False
        assert "accepted" in refusal(of(kind, required=True), sent)["a"][0]
    assert "required" in refusal(of(kind, required=True), None)["a"][0]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        *[(kind, {"b": 1}) for kind in TYPES],
        *[(kind, ["x", ["y"]]) for kind in TYPES],
        *[(kind, 2**70) for kind in TYPES],
        *[(kind, "a\0b") for kind in TYPES],
        *[(kind, "\ud800") for kind in TYPES],
        *[(kind, "x" * 20_000) for kind in TYPES],
        ("text", 5),
        ("text", True),
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("phone", "1" * 65),
        ("number", "ten"),
        ("number", True),
        ("number", "1e400"),
        ("number", "-1e400"),
        ("number", f"1e{'9' * 300}"),
        ("number", f"1e{'0' * 301}"),
        ("number", "e2"),
        ("number", "1e"),
        ("number", "1e2.5"),
        ("number", "."),
        ("number", "5."),
        ("number", "0x10"),
        ("number", "1_000"),
        ("number", float("nan")),
        ("number", "9" * 20),
        ("number", 10**309),
        ("number", -(10**400)),
        ("date", "28.03.2026"),
        ("date", "2026-02-30"),
        ("url", "javascript:alert(1)"),
        ("select", "pink"),
        ("radio", "RED"),
        ("multiselect", ["red", "pink"]),
        ("checkbox", "pink"),
        ("consent", "maybe"),
        ("consent", 1),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, sent: Any) -> None:
    errors = refusal(of(kind, options=OPTIONS), sent)
    assert errors
    assert all(name.partition(".")[0] == "a" for name in errors)


@pytest.mark.parametrize("sent", [None, "", "  ", [], [""], [None, " "]])
@pytest.mark.parametrize("kind", TYPES)
def test_blank_is_not_filled_in(kind: str, sent: Any) -> None:
    assert value_of(of(kind, options=OPTIONS), sent) is None
    assert list(refusal(of(kind, options=OPTIONS, required=True), sent)) == ["a"]


def test_form_values_report_all_errors_and_ignore_unknown_keys() -> None:
    both = form(
        {"key": "a", "type": "text", "required": True}, {"key": "b", "type": "email"}, {"key": "c", "type": "number"}
    )
    with pytest.raises(InvalidFields) as refused:
        fill_form(both, {"b": "x", "c": "y", "unknown": "\0"})
    assert refused.value.errors.keys() == {"a", "b", "c"}
    assert fill_form(both, {"a": "x", "unknown": {"deep": 1}}).values == {"a": "x"}


def test_a_web_form_sends_a_box_twice() -> None:
    assert value_of(of("checkbox"), ["0", "1"], encoded=True) is True
    assert value_of(of("text"), ["first", "last"], encoded=True) == "last"
    assert value_of(of("multiselect", options=OPTIONS), ["red", "blue"], encoded=True) == ["red", "blue"]


def test_the_values_are_kept_as_they_were_sent() -> None:
    filled = form({"key": "a", "type": "consent"}, {"key": "b", "type": "text"}, {"key": "c", "type": "file"})
    sent = {"a": "on", "b": None, "c": UploadedFile("a.txt", 3, "text/plain", "00", "7")}
    kept = {"id": "7", "name": "a.txt", "size": 3, "type": "text/plain"}
    assert fill_form(filled, sent).values == {**sent, "c": kept}


def test_a_lead_out_of_a_form() -> None:
    filled = form(
        {"key": "name", "type": "text", "maps_to": "full_name"},
        {"key": "mail", "type": "email", "maps_to": "email"},
        {"key": "about", "type": "textarea", "maps_to": "notes"},
        {"key": "more", "type": "multiselect", "options": OPTIONS, "maps_to": "notes"},
        {"key": "topics", "type": "checkbox", "options": OPTIONS, "maps_to": "tags"},
        {"key": "budget", "type": "number", "maps_to": "custom_fields.budget"},
        {"key": "kept", "type": "text"},
        **{"source": "landing", "tags": ["web"], "pipeline_id": 3, "pipeline_stage_id": 4, "assigned_user_id": 5},
    )
    sent = {"name": "Ada King Lovelace", "mail": "ada@example.com", "about": "Hi", "more": ["red", "blue"]}
    lead = fill_form(filled, {**sent, "topics": "green", "budget": "10", "kept": "x"}).lead
    assert lead == {
        **{"first_name": "Ada", "last_name": "King Lovelace", "email": "ada@example.com", "notes": "Hi\n\nred, blue"},
        **{"tags": ["green", "web"], "custom_fields": {"budget": 10}, "source": "landing"},
        **{"pipeline_id": 3, "pipeline_stage_id": 4, "assigned_user_id": 5},
    }


def test_the_source_is_the_mapped_one_else_the_settings_else_form() -> None:
    mapped = {"key": "a", "type": "hidden", "maps_to": "source"}
    assert fill_form(form(mapped, source="s"), {"a": "utm"}).lead["source"] == "utm"
    assert fill_form(form(mapped, source="s"), {"a": ""}).lead["source"] == "s"
    assert fill_form(form(mapped), {}).lead == {"source": "form"}


def test_form_value_too_long_for_its_lead_field_is_refused() -> None:
    assert "255" in refusal(of("text", maps_to="first_name"), "x" * 256)["a"][0]
    assert "email" in refusal(of("text", maps_to="email"), "nobody")["a"][0]
    choices = [letter * 100 for letter in "abc"]
    assert refusal(of("multiselect", options=choices, maps_to="company"), choices)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("  Ludwig   van Beethoven ", "Ludwig", "van Beethoven"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("van Beethoven, Ludwig", "Ludwig", "van Beethoven"),
        ("Ada Lovelace, PhD", "Ada", "Lovelace, PhD"),
        ("Martin King, Jr.", "Martin", "King, Jr."),
        ("Ada,", "Ada,", ""),
        ("سارة محمد", "سارة", "محمد"),
        ("Cher", "Cher", ""),
    ],
)
def test_names_are_split(name: str, first: str, last: str) -> None:
    assert split_name(name) == (first, last)


@given(st.text())
def test_no_word_of_a_name_is_lost(name: str) -> None:
    words = sorted(" ".join(split_name(name)).replace(",", " ").split())
    assert words == sorted(name.replace(",", " ").split())


SENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.sampled_from(OPTIONS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=3), inner),
    max_leaves=6,
)


@given(st.sampled_from(TYPES), st.sampled_from([*MAPPABLE_LEAD_FIELDS, "full_name", "custom_fields.x"]), SENT)
def test_accepted_form_values_make_a_valid_lead(kind: str, target: str, sent: Any) -> None:
    filled = of(kind, options=OPTIONS, maps_to=target)
    try:
        values, lead = fill_form(filled, {"a": sent})
    except InvalidFields:
        return
    orjson.dumps(values)
    assert validate_object({"email": "a@example.com", **lead})
