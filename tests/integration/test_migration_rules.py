"""New migrations run while services work: nobody waits for a table that is scanned, and no older version breaks."""

from pathlib import Path

import pytest

from tests.support.database import Databases
from tests.support.migration_lint import SentSql, broken_rules, sent_sql, wrong_declarations
from tests.support.next_version import MigrationsOfTest

pytestmark = pytest.mark.integration

LAST_FREE_MIGRATION = "r0032"  # those up to it came with the first version, before the rules

LOCKING = {
    "CREATE INDEX ix_tags_color ON tags (color)": "require-concurrent-index-creation",
    "DROP INDEX uq_tags_workspace_id_name": "require-concurrent-index-deletion",
    "ALTER TABLE tags ADD COLUMN noted timestamptz DEFAULT clock_timestamp()": "adding-field-with-default",
    "ALTER TABLE tags ADD COLUMN low text GENERATED ALWAYS AS (lower(name)) STORED": "adding-field-with-default",
    "ALTER TABLE tags ALTER COLUMN color SET NOT NULL": "adding-not-nullable-field",
    "ALTER TABLE tags ALTER COLUMN color TYPE varchar(9)": "changing-column-type",
    "ALTER TABLE tags ADD CONSTRAINT ck_tags_id CHECK (id > 0)": "constraint-missing-not-valid",
    "ALTER TABLE tags ADD CONSTRAINT uq_tags_id UNIQUE (id)": "disallowed-unique-constraint",
}
BREAKING = {
    "ALTER TABLE tags DROP COLUMN color": "ban-drop-column",
    "ALTER TABLE tags RENAME COLUMN color TO paint": "renaming-column",
    "ALTER TABLE tags RENAME TO labels": "renaming-table",
    "DROP TABLE tags": "ban-drop-table",
    "ALTER TABLE tags ADD COLUMN place integer NOT NULL": "adding-required-field",
}
ALLOWED = """
op.execute("ALTER TABLE tags ADD COLUMN place integer DEFAULT 0 NOT NULL")
op.execute("ALTER TABLE tags ADD COLUMN noted timestamptz DEFAULT now()")
op.execute("CREATE TABLE shelves (id bigint PRIMARY KEY, name text)")
op.execute("CREATE INDEX ix_shelves_name ON shelves (name)")
op.execute("ALTER TABLE tags ADD CONSTRAINT ck_tags_color CHECK (color IS NOT NULL) NOT VALID")
"""
ALLOWED_ONLINE = """
create_index_concurrently("ix_tags_place", "tags", ["workspace_id", "place"])
backfill_rows("tags", "place = 1", "place IS NULL")
with outside_transaction():
    op.execute("ALTER TABLE tags VALIDATE CONSTRAINT ck_tags_color")
"""


def test_new_migrations_keep_the_rules(databases: Databases, tmp_path: Path) -> None:
    with databases.clone("template1") as url:
        broken = {sent.number: broken_rules(sent, tmp_path) for sent in sent_sql(url, LAST_FREE_MIGRATION)}
    assert not any(broken.values()), broken
    assert wrong_declarations(LAST_FREE_MIGRATION) == []


@pytest.mark.parametrize(("statement", "rule"), [*LOCKING.items(), *BREAKING.items()])
def test_a_statement_that_stops_others_is_refused_in_an_expand(statement: str, rule: str, tmp_path: Path) -> None:
    expand = SentSql("r0099", "expand", f"BEGIN;\n{statement};\nCOMMIT;")
    assert rule in broken_rules(expand, tmp_path)


@pytest.mark.parametrize("statement", BREAKING)
def test_a_contract_may_drop_and_rename(statement: str, tmp_path: Path) -> None:
    assert broken_rules(SentSql("r0099", "contract", f"BEGIN;\n{statement};\nCOMMIT;"), tmp_path) == set()


def test_a_contract_stops_nobody_either(tmp_path: Path) -> None:
    for statement, rule in LOCKING.items():
        assert rule in broken_rules(SentSql("r0099", "contract", f"BEGIN;\n{statement};\nCOMMIT;"), tmp_path)


def test_what_expands_do_is_allowed(databases: Databases, tmp_path: Path, migrations_of_test: MigrationsOfTest) -> None:
    first = migrations_of_test.before
    migrations_of_test.write(ALLOWED)
    migrations_of_test.write(ALLOWED_ONLINE)
    with databases.clone("template1") as url:
        sent = sent_sql(url, first)
    assert [broken_rules(each, tmp_path) for each in sent] == [set(), set()]
    assert "CONCURRENTLY" in sent[1].text
    assert wrong_declarations(first) == []


def test_declarations_are_checked(migrations_of_test: MigrationsOfTest) -> None:
    first = migrations_of_test.before
    numbers = [
        migrations_of_test.write("pass", declared)
        for declared in ("", 'kind = "swap"', 'kind = "contract"', 'kind = "expand"\nruns_from = "r0001"')
    ]
    assert sorted(line.partition(":")[0] for line in wrong_declarations(first)) == numbers
