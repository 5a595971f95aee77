"""Replace what quotes an erased person in rows that stay: reasons, filters, notes, tags."""

from collections.abc import Sequence

from shared.people.erasures import ERASED_TEXT
from shared.people.person_scope import needle_pattern
from shared.people.personal_tables import DOCUMENT_COLUMNS, QUOTING_COLUMNS
from shared.platform.db.connections import Connection

UNIQUE_ENDINGS = {"tags": " || ' ' || id"}  # two tags that quote persons must not get one name
REPLACE_SQL = """
UPDATE {table} SET {column} = regexp_replace({column}::text, %(pattern)s, '{text}', 'gi'){rest}
WHERE workspace_id = %(w)s AND {column}::text ~* %(pattern)s
"""


async def replace_quotations(connection: Connection, workspace_id: int, needles: Sequence[str]) -> int:
    """Replace the texts in all columns that may quote them, in any case of letters. Return how many values changed."""
    if not needles:
        return 0
    values, changed = {"w": workspace_id, "pattern": needle_pattern(needles)}, 0
    for table, columns in QUOTING_COLUMNS.items():
        for column in columns:
            rest = "::jsonb" if column in DOCUMENT_COLUMNS else UNIQUE_ENDINGS.get(table, "")
            statement = REPLACE_SQL.format(table=table, column=column, text=ERASED_TEXT, rest=rest)
            changed += (await connection.execute(statement, values)).rowcount
    return changed
