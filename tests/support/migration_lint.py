"""What a migration may not do while services of the version before work: judged from the SQL that it really sends.

Squawk knows which statements of PostgreSQL lock, scan or rewrite a table that is there.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alembic.command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event

from cli.schema import MIN_POSTGRESQL_MAJOR, alembic_config
from migrations.runner import CONTRACT, EXPAND, KINDS, kind_of

SQUAWK = str(Path(sys.executable).with_name("squawk"))
LOCKING_RULES = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "ban-concurrent-index-creation-in-transaction",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
}
BREAKING_RULES = {"adding-required-field", "ban-drop-column", "ban-drop-table", "renaming-column", "renaming-table"}


PARAMETERS = re.compile(r"%\(\w+\)s")  # psycopg's, which are no SQL


@dataclass
class SentSql:
    """What a migration sent: `text` is a script, with BEGIN and COMMIT where it used a transaction."""

    number: str
    kind: str
    text: str


def sent_sql(url: str, first: str) -> list[SentSql]:
    """Run all migrations on an empty database, and return what those after `first` sent."""
    config, lines, found = alembic_config(url), list[tuple[bool, str]](), list[SentSql]()

    def watch(connection: Connection) -> None:
        event.listen(connection, "after_cursor_execute", note)

    def note(connection: Connection, _cursor: Any, statement: str, *_: object) -> None:
        if "alembic_version" not in statement and not statement.lstrip().upper().startswith("SELECT"):
            is_alone = bool(connection.connection.dbapi_connection.autocommit)  # type: ignore[union-attr]
            lines.append((is_alone, PARAMETERS.sub("NULL", statement.strip().rstrip(";"))))

    def end(number: str, _name: str, kind: str) -> None:
        found.append(SentSql(number, kind, "\n".join(_script_lines(lines))))
        lines.clear()

    alembic.command.upgrade(config, first)
    config.attributes.update(watch=watch, on_migration=end)
    alembic.command.upgrade(config, "head")
    return found


def broken_rules(sent: SentSql, folder: Path) -> set[str]:
    """Return the rules of Squawk that a migration breaks. A contract may drop and rename."""
    script = folder / f"{sent.number}.sql"
    script.write_text(sent.text)
    version = f"--pg-version={MIN_POSTGRESQL_MAJOR}.0"
    done = subprocess.run(
        [SQUAWK, "--reporter=json", version, str(script)], capture_output=True, text=True, check=False
    )
    found = {each["rule_name"] for each in json.loads(done.stdout)}
    assert "syntax-error" not in found, done.stdout
    return found & (LOCKING_RULES if sent.kind == CONTRACT else LOCKING_RULES | BREAKING_RULES)


def wrong_declarations(first: str) -> list[str]:
    """Return what is missing or wrong in the declarations of the migrations after `first`."""
    wrong = []
    for script in ScriptDirectory.from_config(alembic_config("postgresql://")).walk_revisions(first, "head"):
        runs_from = getattr(script.module, "runs_from", "")
        if script.revision == first:
            continue
        if kind_of(script) not in KINDS:
            wrong.append(f"{script.revision}: kind is one of {', '.join(KINDS)}")
        elif kind_of(script) == CONTRACT and not first <= runs_from < script.revision:
            wrong.append(f"{script.revision}: runs_from names the oldest version, by its last migration")
        elif kind_of(script) == EXPAND and runs_from:
            wrong.append(f"{script.revision}: an expand runs from the version before it")
    return wrong


def _script_lines(lines: list[tuple[bool, str]]) -> Iterator[str]:
    is_open = False
    for is_alone, statement in lines:
        if is_open == is_alone:
            yield "COMMIT;" if is_open else "BEGIN;"
            is_open = not is_open
        yield f"{statement};"
    if is_open:
        yield "COMMIT;"
