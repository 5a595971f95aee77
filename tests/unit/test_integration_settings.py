"""The settings of an integration: where values stand in a sender's document, and what is no such place."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from shared.integrations.json_paths import InvalidPath, compile_path, find_values
from shared.integrations.mapping_settings import IntegrationSettings, complete_integration_settings
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema

pytestmark = pytest.mark.unit

DOCUMENT = {
    "contact": {"email": "ada@example.com", "full name": "Ada", "phones": ["+1 415 555 0100", "+1 415 555 0101"]},
    "answers": [{"key": "budget", "value": 10}, {"key": "size", "value": "big"}],
}


class Body(TypedDict, total=False):
    settings: IntegrationSettings | None


def read(settings: dict[str, Any]) -> tuple[Any, FieldErrors]:
    fields, errors = FieldsSchema(Body).validate_fields({"settings": settings})
    return fields.get("settings"), errors


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.contact.email", ["ada@example.com"]),
        ("$['contact']['full name']", ["Ada"]),
        ("$.contact.phones[0]", ["+1 415 555 0100"]),
        ("$.contact.phones[-1]", ["+1 415 555 0101"]),
        ("$.contact.phones[*]", ["+1 415 555 0100", "+1 415 555 0101"]),
        ("$.answers[?@.key == 'size'].value", ["big"]),
        ("$.nowhere.at.all", []),
        ("$", [DOCUMENT]),
    ],
)
def test_a_path_finds_what_stands_there(path: str, found: list[Any]) -> None:
    assert find_values(path, DOCUMENT) == found


@pytest.mark.parametrize(
    "path",
    [
        "",
        "contact.email",
        "$.",
        "$.a[",
        "$.a b",
        "$..email",
        "$.a[?@.b == $.c].d",
        "$[?match(@.a, '(a+)+$')]",
        "$[?length(@.a) > 1]",
        "$[?@.a =~ /x/]",
        "$" + "[?@" * 80,
    ],
)
def test_invalid_or_expensive_json_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        compile_path(path)


@given(st.text(alphabet="$.[]?@()*'\"=!<>&|,:-a0 \n\\é", max_size=30).map("$".__add__) | st.text())
def test_json_path_compiler_survives_any_text(text: str) -> None:
    with suppress(InvalidPath):
        compile_path(text)


def test_a_path_is_walked_once_however_large_the_document() -> None:
    large = {"a": [{"b": [{"c": n} for n in range(100)]} for _ in range(200)]}
    started = time.process_time()
    assert len(find_values("$.a[?@.b[?@.c == 99]].b[*].c", large)) == 20_000
    assert time.process_time() - started < 5


def test_settings_are_taken_with_paths_to_lead_fields() -> None:
    sent = {
        "source": "partner",
        "tags": ["a", "b"],
        "merge_policy": "keep",
        "mapping": {"email": "$.contact.email", "full_name": "$.n", "custom_fields.budget": "$.answers[0].value"},
        "event_id": "$.id",
        "pipeline_id": None,
        "unknown": 1,
    }
    assert read(sent) == ({name: value for name, value in sent.items() if name != "unknown"}, {})


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"mapping": {"email": "email", "phone": "$.p"}}, {"settings.mapping.email"}),
        (
            {"mapping": {"lead_score": "$.a", "custom_fields.": "$.b"}},
            {"settings.mapping.lead_score", "settings.mapping.custom_fields."},
        ),
        ({"mapping": []}, {"settings.mapping"}),
        ({"mapping": {"email": 5, "xcustom_fields.a": "$.a"}}, {"settings.mapping.email"}),
        ({"event_id": "id", "merge_policy": "mix"}, {"settings.event_id", "settings.merge_policy"}),
        ({"tags": "a", "pipeline_id": 0}, {"settings.tags", "settings.pipeline_id"}),
    ],
)
def test_settings_that_cannot_be_are_refused_by_field(settings: dict[str, Any], fields: set[str]) -> None:
    assert set(read(settings)[1]) == fields


def test_settings_are_shown_with_all_their_members() -> None:
    assert complete_integration_settings({"tags": ["a"]}) == {
        "source": None,
        "tags": ["a"],
        "merge_policy": None,
        "pipeline_id": None,
        "pipeline_stage_id": None,
        "assigned_user_id": None,
        "mapping": {},
        "event_id": None,
        "rate_limit": None,
        "silence_after_minutes": None,
        "accounts": [],
        "conversions": None,
    }
