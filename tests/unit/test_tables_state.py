"""Which tables this version runs on."""

import click
import pytest

from cli.schema import RESTORING_VERSION, TablesState, head_version

pytestmark = pytest.mark.unit


def test_a_restore_that_was_cut_short_is_no_newer_version() -> None:
    """Its number begins like that of a migration, and the tables behind it say which versions run on them."""
    state = TablesState(RESTORING_VERSION, head_version())
    assert not state.is_newer
    assert not state.is_older


def test_newer_tables_are_refused_unless_this_version_is_one_of_theirs() -> None:
    newer = f"r{int(head_version()[1:]) + 1:04}"
    assert TablesState(newer, head_version()).is_newer
    TablesState(newer, head_version()).refuse_too_new()
    with pytest.raises(click.ClickException, match=newer):
        TablesState(newer, newer).refuse_too_new()
