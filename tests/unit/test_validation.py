"""What counts as an address that a request can go to."""

import pytest

from shared.integrations.paths import InvalidPath, compiled
from shared.validation import is_url

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text", ["https://example.com", "HTTP://Example.com:8080/a?b#c", "http://[::1]:80/", "https://bücher.example/"]
)
def test_an_address(text: str) -> None:
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
def test_no_address(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize("path", ["$[?@.a==1e999]", "$[1e9991_000", "$[", "$[?"])
def test_a_path_of_any_text_is_one_or_none(path: str) -> None:
    with pytest.raises(InvalidPath):
        compiled(path)
