"""Each column of the database in which a person could stand has a decision about its erasure."""

from collections import defaultdict

from sqlalchemy import ARRAY, Column, LargeBinary, Text
from sqlalchemy.dialects.postgresql import INET, JSONB

from shared.models import Base
from shared.people.personal_tables import (
    BLANKED_COLUMNS,
    DOCUMENT_COLUMNS,
    IMPERSONAL_COLUMNS,
    PERSONAL_TABLES,
    QUOTING_COLUMNS,
    TABLES_OF_OTHER_AREAS,
)

CONTENT_TYPES = (Text, LargeBinary, JSONB, INET)
MISSING = "say in shared/people/personal_tables.py whether these are about people, and how they are erased"


def holds_content(column: Column[object]) -> bool:
    kind = column.type
    return isinstance(kind.item_type if isinstance(kind, ARRAY) else kind, CONTENT_TYPES)


def decided_columns() -> dict[str, set[str]]:
    decided: dict[str, set[str]] = defaultdict(set)
    for columns in (BLANKED_COLUMNS, QUOTING_COLUMNS, *IMPERSONAL_COLUMNS.values()):
        for table, names in columns.items():
            decided[table] |= set(names)
    return decided


def test_every_column_that_may_quote_a_person_has_a_decision() -> None:
    whole, decided = {table.name for table in PERSONAL_TABLES} | TABLES_OF_OTHER_AREAS.keys(), decided_columns()
    undecided = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        if table.name not in whole
        for column in table.columns
        if holds_content(column) and column.name not in decided[table.name]
    }
    assert not undecided, MISSING


def test_decisions_are_about_columns_that_exist() -> None:
    tables = Base.metadata.tables
    named = decided_columns() | {table.name: {table.column, *table.hidden} for table in PERSONAL_TABLES}
    unknown = {
        f"{table}.{name}"
        for table, names in named.items()
        for name in names
        if table not in tables or name not in tables[table].columns
    }
    assert unknown == set()
    assert TABLES_OF_OTHER_AREAS.keys() <= tables.keys()


def test_documents_among_quoting_columns_are_known() -> None:
    kinds = {
        (name, isinstance(Base.metadata.tables[table].columns[name].type, JSONB))
        for table, names in QUOTING_COLUMNS.items()
        for name in names
    }
    assert {name for name, is_document in kinds if is_document} == DOCUMENT_COLUMNS
    assert not {name for name, is_document in kinds if not is_document} & DOCUMENT_COLUMNS
