"""The inbound lead's JSON: what is read, what is kept, and what each refusal tells the caller."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads import inbound
from shared.leads.inbound import (
    InboundLead,
    InvalidFields,
    MalformedBody,
    iter_array_items,
    parse_json,
    validate_lead,
    validate_object,
)
from shared.leads.submission import KNOWN_FIELDS, PART_KEYS
from shared.platform.validation.schema import escape_unstorable

pytestmark = pytest.mark.unit

LEAD = {"email": "ada@example.com"}


def errors_of(body: bytes | dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidFields) as refusal:
        validate_lead(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert orjson.dumps(refusal.value.errors)
    return refusal.value.errors


def test_keeps_what_was_sent_but_for_the_parts_of_forms_and_webhooks() -> None:
    sent = {
        "email": " Ada@Example.com ",
        "first_name": " Ada ",
        "last_name": None,
        "company": "   ",
        "phone": "call me",
        "status": "no such status",
        "tags": ["vip", " ", "new"],
        "custom_fields": {"budget": 10, "nested": {"a": [1, 2.5, None]}, "blank": ""},
        "pipeline_id": 2**53 - 1,
        "starred": False,
        "id": 7,
        "lead_score": "ignored",
        "unknown": {"x": 1},
        "_form": {"id": 1, "values": {}, "policy": "overwrite"},
        "_source": {"external_id": "telegram:1", "unreadable": "no"},
    }
    assert validate_lead(json.dumps(sent).encode()) == {
        "email": "Ada@Example.com",
        "first_name": "Ada",
        "phone": "call me",
        "status": "no such status",
        "tags": ["vip", "new"],
        "custom_fields": {"budget": 10, "nested": {"a": [1, 2.5, None]}, "blank": ""},
        "pipeline_id": 2**53 - 1,
        "starred": False,
        "id": 7,
        "lead_score": "ignored",
        "unknown": {"x": 1},
    }


def test_an_object_without_members_may_be_written_as_php_does() -> None:
    assert validate_lead(b'{"email": "a@example.com", "custom_fields": []}') == {"email": "a@example.com"}
    assert errors_of({"email": "a@example.com", "first_name": []}).keys() == {"first_name"}


def test_known_fields_are_the_documented_ones() -> None:
    assert {*InboundLead.__annotations__, *PART_KEYS} == KNOWN_FIELDS


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"10", 10),
        *[(sent, sent.decode()) for sent in (b"1" + b"0" * 40, b"-9223372036854775809", b"7" * 5000, b"-1e400")],
    ],
)
def test_a_number_of_any_size_in_an_unknown_field_refuses_no_lead(sent: bytes, kept: object) -> None:
    assert validate_lead(b'{"email": "a@example.com", "n": %b}' % sent)["n"] == kept


@pytest.mark.parametrize("number", [b"1e400", b"-1.5E+999", b"7" * 5000])
def test_a_number_that_nothing_holds_is_json_all_the_same(number: bytes) -> None:
    said = errors_of(b'{"email": "a@example.com", "custom_fields": {"n": %b}}' % number)
    assert said == {"custom_fields.n": ["The custom_fields.n field must be a number of at most 64 bits."]}


@pytest.mark.parametrize("value", [{"": 2**64}, {"": {"": [2**70]}}, [2**64]])
def test_a_number_of_any_size_within_an_unknown_field_is_named(value: Any) -> None:
    for key in ("", "x"):
        assert "at most 64 bits" in str(errors_of({**LEAD, key: value}))
        with pytest.raises(InvalidFields):
            validate_object({**LEAD, key: value})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b'{"email": "a@b.co"',
        b'{"email": "a@b.co"} x',
        b"\xff\xfe",
        b'{"email": "\xc3\x28@b.co"}',
        '{"email": "a@b.co"}'.encode("utf-16"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"email": "a@b.co"}',
        b'{"email": "a@b.co", "custom_fields": {"x": NaN}}',
        b'{"email": "a@b.co", "custom_fields": {"x": -Infinity}}',
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"[" * 100_000,
        b'{"a":' * 40 + b'"\\ud800"' + b"}" * 40,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        validate_lead(body)


@pytest.mark.parametrize(
    ("body", "line", "column", "wrong"),
    [
        (b"", 1, 1, "expecting value"),
        (b'{"email": "ada@example.com", x}', 1, 30, "property name"),
        (b'{\n  "email": "ada@example.com"\n  "tags": []\n}', 3, 3, "',' delimiter"),
        (b"{'email': 'ada@example.com'}", 1, 2, "property name"),
        (b'{"email": "ada@example.com"} x', 1, 30, "extra data"),
        (b'{"email":\n"ada', 2, 1, "unterminated string"),
        (b'{"NaN": "NaN \\" NaN",\n "\\ud800": NaN}', 2, 12, "NaN"),
        (b'{"a": -Infinity}', 1, 7, "-Infinity"),
        ('{"name": "منى", x}'.encode(), 1, 17, "property name"),
    ],
)
def test_invalid_json_is_reported_by_line_and_column(body: bytes, line: int, column: int, wrong: str) -> None:
    with pytest.raises(MalformedBody, match=f"at line {line}, column {column}: .*{wrong}"):
        validate_lead(body)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'[{"a": 1},\n {"a": 1]', "line 2, column 9"),
        (b'[{"a": 1}\n {"a": 1}]', "line 2, column 2"),
        (b'[{"a": 1}', "line 1, column 10"),
        (b'[{"a": 1}] ]', "line 1, column 12"),
        (b"[] x", "line 1, column 4"),
        (b'[{"a": 1}, {"b": NaN}]', "line 1, column 18"),
    ],
)
def test_invalid_json_array_is_reported_by_line_and_column(body: bytes, place: str) -> None:
    with pytest.raises(MalformedBody, match=place):
        list(iter_array_items(body))


def test_a_byte_order_mark_is_named() -> None:
    with pytest.raises(MalformedBody, match="byte order mark"):
        validate_lead(b'\xef\xbb\xbf{"email": "a@b.co"}')


def test_nesting_is_counted_in_levels_not_in_brackets() -> None:
    deep = {"email": "a@b.co", "custom_fields": json.loads('{"a":' * 31 + "1" + "}" * 31)}
    wide = {"email": "a@b.co", "custom_fields": {"rows": [[] for _ in range(200)]}}
    assert validate_lead(json.dumps(deep).encode()) == deep
    assert validate_lead(json.dumps(wide).encode()) == wide
    with pytest.raises(MalformedBody):
        parse_json(b"[" * 33 + b"]" * 33)


@pytest.mark.parametrize("email", [None, "", "  \n"])
def test_email_is_required(email: str | None) -> None:
    expected = {"email": ["The email field is required."]}
    assert errors_of({"email": email}) == errors_of({}) == expected


@pytest.mark.parametrize(
    ("field", "value", "path", "fault"),
    [
        ("email", "ada", "email", "must be a valid email address."),
        ("email", 5, "email", "must be a string."),
        ("email", "a" * 250 + "@b.co", "email", "must not be greater than 254 characters."),
        ("first_name", 5, "first_name", "must be a string."),
        ("phone", 2015550123, "phone", "must be a string."),
        ("phone", "1" * 256, "phone", "must not be greater than 255 characters."),
        ("country", "x" * 101, "country", "must not be greater than 100 characters."),
        ("notes", "x" * 10_001, "notes", "must not be greater than 10000 characters."),
        ("status", "x" * 256, "status", "must not be greater than 255 characters."),
        ("source", ["web"], "source", "must be a string."),
        ("pipeline_id", "5", "pipeline_id", "must be an integer."),
        ("pipeline_id", True, "pipeline_id", "must be an integer."),
        ("pipeline_id", 5.0, "pipeline_id", "must be an integer."),
        ("pipeline_stage_id", 0, "pipeline_stage_id", "must be at least 1."),
        ("assigned_user_id", 10**30, "assigned_user_id", f"must not be greater than {2**53 - 1}."),
        ("starred", 1, "starred", "must be true or false."),
        ("starred", "true", "starred", "must be true or false."),
        ("tags", "vip", "tags", "must be an array."),
        ("tags", ["a"] * 101, "tags", "must not have more than 100 items."),
        ("tags", ["a", "b", 3], "tags.2", "must be a string."),
        ("tags", ["a", "x" * 101], "tags.1", "must not be greater than 100 characters."),
        ("custom_fields", ["a"], "custom_fields", "must be an object."),
        ("custom_fields", {str(i): i for i in range(201)}, "custom_fields", "must not have more than 200 items."),
        ("custom_fields", {"": 1}, "custom_fields", "must have keys of 1 to 100 characters."),
        ("custom_fields", {"k" * 101: 1}, "custom_fields", "must have keys of 1 to 100 characters."),
        ("custom_fields", {"n": 2**64}, "custom_fields.n", "must be a number of at most 64 bits."),
        ("custom_fields", {"n": [-(2**63) - 1]}, "custom_fields.n.0", "must be a number of at most 64 bits."),
    ],
)
def test_lead_error_names_its_field(field: str, value: Any, path: str, fault: str) -> None:
    assert errors_of(LEAD | {field: value}) == {path: [f"The {path} field {fault}"]}


def test_all_errors_of_a_lead_are_reported_together() -> None:
    body = {"first_name": 1, "tags": [1, 2], "pipeline_id": "x", "custom_fields": {"budget": "\ud800"}}
    assert list(errors_of(body)) == ["email", "first_name", "tags.0", "tags.1", "pipeline_id", "custom_fields.budget"]


BAD_TEXT = "field must not contain null characters or lone surrogates."


@pytest.mark.parametrize("bad", ["\x00", "\ud800", "a\udc00b"])
def test_text_that_no_database_keeps_is_refused_wherever_it_stands(bad: str) -> None:
    shown = escape_unstorable(bad)
    cases: list[tuple[dict[str, Any], str]] = [
        (LEAD | {"first_name": bad}, "first_name"),
        ({"email": f"{bad}@example.com"}, "email"),
        (LEAD | {"tags": ["a", bad]}, "tags.1"),
        (LEAD | {"custom_fields": {"a": {"b": [bad]}}}, "custom_fields.a.b.0"),
        (LEAD | {"custom_fields": {f"k{bad}": 1}}, f"custom_fields.k{shown}"),
        (LEAD | {f"k{bad}": 1}, f"k{shown}"),
        (LEAD | {"unknown": bad}, "unknown"),
    ]
    for body, path in cases:
        assert errors_of(body) == {path: [f"The {path} {BAD_TEXT}"]}
        with pytest.raises(InvalidFields):
            validate_object(body)


def test_an_escaped_backslash_before_u0000_is_ordinary_text() -> None:
    assert validate_lead(rb'{"email": "a@b.co", "notes": "\\u0000"}')["notes"] == r"\u0000"


def test_surrogate_pairs_and_large_floats_are_ordinary() -> None:
    fields = {"face": "😀", "big": 1e300, "most": 2**64 - 1, "least": -(2**63)}
    assert validate_lead(json.dumps(LEAD | {"custom_fields": fields}).encode())["custom_fields"] == fields


def test_of_a_name_sent_twice_the_last_one_counts() -> None:
    assert validate_lead(b'{"email": "x", "email": "a@b.co"}') == {"email": "a@b.co"}


def test_the_openapi_schema_comes_from_the_same_model() -> None:
    schema = inbound.INBOUND_LEAD.json_schema()
    assert schema["required"] == ["email"]
    assert schema["properties"]["email"] == {
        "type": "string", "format": "email", "minLength": 1, "maxLength": 254, "title": "Email",
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(sorted(inbound.InboundLead.__annotations__)) | st.text(max_size=5)


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_object_is_kept_storable_or_refused(fields: dict[str, Any]) -> None:
    for body in (fields, LEAD | {"custom_fields": fields}):
        try:
            kept = validate_lead(json.dumps(body).encode())
        except MalformedBody:
            continue
        except InvalidFields as refusal:
            orjson.dumps(refusal.errors)
        else:
            assert validate_object(kept) == kept


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        validate_lead(body)
    except (MalformedBody, InvalidFields):
        return
