"""Every table of a workspace moves, or its reason to stay is on record; and ids follow wherever they stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.workspace_moves.copied_rows import escape_value, make_maps, unescape_value
from cli.workspace_moves.id_maps import ID_NAMES, DocumentRewriter, IdMap
from cli.workspace_moves.moved_tables import (
    ACCOUNTS_MAP,
    LEFT_BEHIND,
    MOVED_TABLES,
    NUMBERED_TABLES,
    SHIFTED_TABLES,
    WORKSPACE_COLUMNS,
)
from shared.models import Base

pytestmark = pytest.mark.unit
WORKSPACE = 7


def rewriter() -> DocumentRewriter:
    return DocumentRewriter(
        make_maps(
            {
                "users": IdMap({1: 11}, missing=99),
                "pipeline_stages": IdMap({2: 12}, missing=98),
                "forms": IdMap({3: 13}, missing=97),
                "api_keys": IdMap({4: 14}, missing=96),
                "tasks": IdMap(first=10, last=20, distance=100, missing=95),
            }
        ),
        WORKSPACE,
    )


def test_each_table_moves_or_stays_for_a_reason() -> None:
    moved, left = [table.name for table in MOVED_TABLES], [name for names in LEFT_BEHIND.values() for name in names]
    assert sorted(moved + left) == sorted(Base.metadata.tables)


def test_columns_that_the_lists_name_exist() -> None:
    for moved_table in MOVED_TABLES:
        named = {*moved_table.references, *moved_table.documents, *moved_table.channels, *moved_table.left_out}
        assert named <= {column.name for column in moved_table.table.columns}, moved_table.name
        assert {*moved_table.references.values()} <= {*NUMBERED_TABLES, *SHIFTED_TABLES, ACCOUNTS_MAP}
    assert {*WORKSPACE_COLUMNS} <= {column.name for column in Base.metadata.tables["workspaces"].columns}


def test_each_column_with_an_id_of_a_numbered_table_follows() -> None:
    """A column that is called as such an id is, and is not in the lists, was forgotten."""
    for moved_table in MOVED_TABLES:
        tables = {**ID_NAMES, "account_id": ACCOUNTS_MAP}
        ids = {name for name in moved_table.columns if name in tables}
        assert ids <= {*moved_table.references}, moved_table.name


DOCUMENTS: list[tuple[Any, Any]] = [
    (
        {"changes": {"pipeline_stage_id": {"from": 2, "to": 5}}},
        {"changes": {"pipeline_stage_id": {"from": 12, "to": 98}}},
    ),
    ({"by": {"kind": "key", "id": 4, "name": "x"}}, {"by": {"kind": "key", "id": 14, "name": "x"}}),
    ([{"field": "assigned_user_id", "value": [1, "1"]}], [{"field": "assigned_user_id", "value": [11, "11"]}]),
    ({"channel": "form:3", "lead_id": 3}, {"channel": "form:13", "lead_id": 3}),
    ({"custom_fields": {"user_id": 1}}, {"custom_fields": {"user_id": 1}}),
    ({"workspace_id": 1, "user_id": True}, {"workspace_id": WORKSPACE, "user_id": True}),
    ({"task_id": 15, "user_ids": "all"}, {"task_id": 115, "user_ids": "all"}),
]


@pytest.mark.parametrize(("before", "after"), DOCUMENTS)
def test_ids_in_documents_follow(before: Any, after: Any) -> None:
    assert json.loads(rewriter().rewrite_text(json.dumps(before))) == after


def test_numbers_keep_all_their_digits() -> None:
    text = '{"user_id": 1, "budget": 12345678901234567890.12345678901234567890, "n": 98765432109876543210}'
    assert rewriter().rewrite_text(text) == text.replace('"user_id": 1', '"user_id": 11')


@given(st.binary())
def test_values_of_copy_are_written_and_read(value: bytes) -> None:
    assert unescape_value(escape_value(value)) == value
