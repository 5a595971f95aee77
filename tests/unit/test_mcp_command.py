"""The command `mcp` before it serves: what it says of a missing key, a bad one, and missing packages."""

import importlib.util
from importlib.machinery import ModuleSpec

import pytest
from click.testing import CliRunner, Result

from cli.main import command_line

pytestmark = pytest.mark.unit


def run(*words: str, key: str = "") -> Result:
    return CliRunner(env={"LEADHUB_KEY": key, "LEADHUB_URL": ""}).invoke(command_line, ["mcp", *words])


def test_a_key_is_needed_over_stdio() -> None:
    found = run()
    assert (found.exit_code, "LEADHUB_KEY" in found.output) == (2, True)


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    assert "no key has" in str(run(key="lh_a\nb").exception)


@pytest.mark.parametrize("words", [("--port", "0"), ("--writes", "yes"), ("--write-budget", "-1"), ("--url", "x")])
def test_wrong_options_are_refused(words: tuple[str, ...]) -> None:
    assert run(*words, key="lh_x").exit_code == 2


def test_it_says_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def find_others(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "mcp" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_others)
    assert "install -r requirements-mcp.lock" in str(run(key="lh_x").exception)
