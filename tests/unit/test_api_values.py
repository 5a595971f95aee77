"""Values of calls as they are typed: texts, or JSON."""

import click
import pytest
from click.testing import CliRunner

from cli.api_calls import _fields_of
from cli.main import command_line


def test_values_of_a_call_are_texts_or_json() -> None:
    values = ("name=Ada=B", "starred:=true", "custom_fields:={}", "empty=", "a:b=c")
    assert _fields_of(values) == {"name": "Ada=B", "starred": True, "custom_fields": {}, "empty": "", "a:b": "c"}
    for wrong in ("name", "=x", ":=1", "n:=x"):
        with pytest.raises(click.UsageError):
            _fields_of([wrong])


@pytest.mark.parametrize(
    "words",
    [
        ("api", "get", "leads"),
        ("api", "get", "leads", "--key", "x", "--url", "ftp://x"),
        ("api", "post", "leads", "--key", "x", "a=b", "--data", "{}"),
    ],
)
def test_wrong_use_of_a_call_ends_with_2(words: tuple[str, ...]) -> None:
    assert CliRunner(env={"LEADHUB_KEY": "", "LEADHUB_URL": ""}).invoke(command_line, words).exit_code == 2
