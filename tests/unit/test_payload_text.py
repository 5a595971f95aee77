"""Payloads as text: exact where nothing is hidden, without their secrets everywhere."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.web.payload_text import (
    indented_lines,
    inexact_numbers,
    lines_as_text,
    masked_payload,
    restore_secrets,
    shown_tokens,
    split_lines,
)
from shared.platform.masking import SECRET_MASK

NAMES = st.text(max_size=8).map(lambda name: f"_{name}").filter(lambda name: "e" not in name.lower())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1, 3]))
def test_without_secrets_every_byte_is_shown(value: Any, indent: int | None) -> None:
    payload = json.dumps(value, indent=indent, ensure_ascii=False).encode()
    tokens = shown_tokens(payload, hides_values=False)
    assert lines_as_text(split_lines(tokens)).encode() == masked_payload(payload) == payload
    assert json.loads(lines_as_text(indented_lines(tokens))) == value


@given(VALUES)
def test_hidden_values_leave_only_names(value: Any) -> None:
    hidden = json.loads(lines_as_text(indented_lines(shown_tokens(orjson.dumps(value), hides_values=True))))
    assert set(scalars_of(hidden)) <= {"…"}


def scalars_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [found for each in value.values() for found in scalars_of(each)]
    if isinstance(value, list):
        return [found for each in value for found in scalars_of(each)]
    return [value]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"password": "s3cret", "a": 1}',
        b'{"pass\\u0077ord": "s3cret"}',
        b'{"Authorization": {"deep": ["x", {"y": "s3cret"}]}, "a": "kept"}',
        b"a=kept&api_key=s3cret&b=1",
        b'{"token": "s3cret", not json',
    ],
)
def test_secrets_are_masked(payload: bytes) -> None:
    assert b"s3cret" not in masked_payload(payload)
    assert SECRET_MASK.encode() in masked_payload(payload)


def test_a_mask_that_is_left_alone_stands_for_the_stored_secret() -> None:
    stored = {"token": "s3cret", "list": [{"token": "other"}], "kept": 1}
    edited = {"token": SECRET_MASK, "list": [{"token": SECRET_MASK}, {"token": "new"}], "kept": 2}
    restored = {"token": "s3cret", "list": [{"token": "other"}, {"token": "new"}], "kept": 2}
    assert restore_secrets(edited, stored) == restored


def test_numbers_that_would_lose_digits_are_found() -> None:
    text = '{"a": 18446744073709551615, "b": 1.10, "c": 1e5, "d": 123456789012345678901234, "e": 0.1234567890123456789}'
    assert inexact_numbers(text) == ["123456789012345678901234", "0.1234567890123456789"]
