"""What counts as an address that a request can go to, as a path, and as an id in a query."""

import pytest
from typing_extensions import TypedDict

from shared.integrations.json_paths import InvalidPath, compile_path
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import QueryId, is_single_line, is_url

pytestmark = pytest.mark.unit


class Asked(TypedDict, total=False):
    lead_id: QueryId


@pytest.mark.parametrize(
    "text", ["https://example.com", "HTTP://Example.com:8080/a?b#c", "http://[::1]:80/", "https://bücher.example/"]
)
def test_http_urls_are_accepted(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://[",
        "http://[::1",
        "https://ex℀mple.com/x",
        "http://a:99999/",
        "http://a:b/",
        "http://:80/",
        "http://a:0/",
    ],
)
def test_other_texts_are_no_urls(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize("path", ["$[?@.a==1e999]", "$[1e9991_000", "$[", "$[?"])
def test_invalid_json_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        compile_path(path)


@pytest.mark.parametrize(("text", "id_"), [("7", 7), ("0" * 30 + "7", 7), (str(2**53 - 1), 2**53 - 1)])
def test_an_id_in_a_query(text: str, id_: int) -> None:
    assert FieldsSchema(Asked).validate_fields({"lead_id": text}) == ({"lead_id": id_}, {})


@pytest.mark.parametrize("text", ["0", "000", "-1", "1.0", "٣", str(2**63), "0" * 19 + "1" + "9" * 25, "9" * 5000])
def test_no_id_in_a_query(text: str) -> None:
    assert FieldsSchema(Asked).validate_fields({"lead_id": text}) == (
        {},
        {"lead_id": ["The lead_id field must be a positive integer."]},
    )


@pytest.mark.parametrize("name", ["Ada", "علی\u200cرضا", "नमस्\u200dते", "👩\u200d👧"])
def test_joiners_belong_to_names(name: str) -> None:
    assert is_single_line(name)


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "\u202eabc", "a\u2028b", "\ufeff"])
def test_what_breaks_or_turns_a_line_does_not(name: str) -> None:
    assert not is_single_line(name)
