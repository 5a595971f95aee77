"""The inbound lead as a urlencoded form."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads.form_encoding import read_form
from shared.leads.inbound import InvalidFields, MalformedBody, validate_form

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", {}),
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a=x+y%20z%2B", {"a": "x y z+"}),
        (b"tags=a&tags=b&tags=c", {"tags": ["a", "b", "c"]}),
        (b"tags[]=a", {"tags": ["a"]}),
        (b"tags%5B%5D=a&tags%5B%5D=b", {"tags": ["a", "b"]}),
        (b"tags[0]=a&tags[1]=b", {"tags": ["a", "b"]}),
        (b"custom_fields[budget]=10&custom_fields[a][b]=1", {"custom_fields": {"budget": "10", "a": {"b": "1"}}}),
        (b"f[m][]=x&f[m][]=y", {"f": {"m": ["x", "y"]}}),
        (b"rows[][a]=1&rows[][a]=2", {"rows": [{"a": "1"}, {"a": "2"}]}),
        (b"q[b=1&c]=2", {"q[b": "1", "c]": "2"}),
        (b"name=%D9%85%D9%86%D9%89", {"name": "منى"}),
        ("name=منى".encode(), {"name": "منى"}),
    ],
)
def test_reads_the_bracket_notation(body: bytes, expected: dict[str, Any]) -> None:
    assert read_form(body) == expected


@pytest.mark.parametrize(
    "body", [b"a=%ff", b"%ff=a", b"a=\xff", b"&".join([b"a=1"] * 1001), b"a" + b"[b]" * 32 + b"=1"]
)
def test_a_form_that_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_form(body)


@pytest.mark.parametrize(
    "body",
    [b'{"email":"ada@example.com"}', b'\n{ "email": "a%20b&c=d"', b'[{"email":"a@b.co"}]', b'["a"]', b'[ {"a": 1}'],
)
def test_json_that_is_sent_as_a_form_is_named(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="application/json"):
        read_form(body)


@pytest.mark.parametrize("body", [b"[a]=1", b"[0][email]=a", b"{a}={b}", b"[[a]]=1"])
def test_names_with_brackets_are_no_json(body: bytes) -> None:
    assert read_form(body)


def test_ids_and_flags_come_as_text() -> None:
    form = read_form(
        b"email=Ada%40example.com&first_name=&last_name=+&pipeline_id=5&pipeline_stage_id=+&starred=on"
        b"&source=a&source=b&tags=vip&custom_fields[budget]=10"
    )
    assert validate_form(form) == {
        "email": "Ada@example.com",
        "pipeline_id": 5,
        "starred": True,
        "source": "b",
        "tags": ["vip"],
        "custom_fields": {"budget": "10"},
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"custom_fields[0]=x&custom_fields[1]=y", {"0": "x", "1": "y"}),
        (b"custom_fields[]=x", {"0": "x"}),
        (b"custom_fields[2]=x", {"2": "x"}),
        (b"custom_fields[0][]=x&custom_fields[0][]=y", {"0": ["x", "y"]}),
    ],
)
def test_custom_fields_may_have_numbers_for_keys(body: bytes, fields: dict[str, Any]) -> None:
    assert validate_form(read_form(b"email=a@b.co&" + body))["custom_fields"] == fields


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("1", True), ("On", True), ("false", False), ("0", False)])
def test_form_flags_become_booleans(text: str, flag: bool) -> None:
    assert validate_form({"email": "a@b.co", "starred": text})["starred"] is flag


def test_all_errors_of_a_form_lead_are_reported_together() -> None:
    with pytest.raises(InvalidFields) as refusal:
        validate_form(read_form(b"first_name=a%00&pipeline_id=five&starred=maybe&custom_fields=x"))
    assert refusal.value.errors == {
        "email": ["The email field is required."],
        "first_name": ["The first_name field must not contain null characters or lone surrogates."],
        "pipeline_id": ["The pipeline_id field must be an integer."],
        "starred": ["The starred field must be true or false."],
        "custom_fields": ["The custom_fields field must be an object."],
    }


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1), st.text())
)
def test_reads_what_urlencode_wrote(fields: dict[str, str]) -> None:
    assert read_form(urlencode(fields).encode()) == fields


@given(
    st.lists(
        st.tuples(st.from_regex(r"[abt](\[[ab01]?\]){0,3}", fullmatch=True), st.sampled_from(["", "x", "1"])),
        max_size=12,
    )
)
def test_form_parser_survives_any_mixture_of_brackets(pairs: list[tuple[str, str]]) -> None:
    form = read_form(urlencode(pairs).encode())
    assert set(form) == {name[0] for name, _ in pairs}
    assert validate_form({"email": "a@b.co", "custom_fields": {"form": form}})
