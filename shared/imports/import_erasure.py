"""Forget people in imports: in the cells that a report keeps, and in files that nobody has run yet."""

from collections.abc import Collection, Iterable
from typing import Final

from shared.platform.db.connections import Connection

# The pattern is of the whole row, and costs a tenth of looking at each cell: a file whose columns were guessed wrong
# leaves up to a million such rows. `CASE` keeps the order.
BLANK_ROWS_SQL: Final = """
UPDATE import_rows r SET cells = NULL, reasons = ARRAY['erased']
WHERE r.workspace_id = %(workspace)s AND r.cells IS NOT NULL
  AND (r.lead_id = ANY(%(leads)s) OR CASE WHEN lower(array_to_string(r.cells, ' ')) ~ %(pattern)s THEN EXISTS (
      SELECT FROM unnest(r.cells) AS cell
      CROSS JOIN LATERAL (SELECT lower(cell) AS text, regexp_replace(cell, '\\D', '', 'g') AS digits OFFSET 0) AS spelt
      CROSS JOIN unnest(%(contacts)s::text[]) AS held
      WHERE strpos(spelt.text, held) > 0 OR length(held) > 6 AND strpos(spelt.digits, held) > 0) END)
"""
MIN_DIGITS: Final = 7  # of a number that is found in any spelling
NO_MATCH: Final = "^$a"  # a pattern that no text matches
# Dry runs that have not ended are cancelled. What a real import still has to read is met by ingest, and blanked there.
DROP_DRY_RUNS_SQL: Final = """
WITH waiting AS (
    UPDATE imports SET has_file = false WHERE workspace_id = %(workspace)s AND has_file AND is_dry_run
    RETURNING workspace_id, id
), cancelled AS (
    UPDATE jobs j SET state = 'cancelled', finished_at = now() FROM waiting w
    WHERE j.workspace_id = w.workspace_id AND j.id = w.id AND j.state IN ('queued', 'running', 'paused')
)
DELETE FROM import_chunks c USING waiting w WHERE c.workspace_id = w.workspace_id AND c.import_id = w.id
"""
FORGET_TRACES_SQL: Final = (
    # What was left out of a row may be quoted there.
    """UPDATE import_rows SET reasons = ARRAY['erased']
       WHERE workspace_id = %(workspace)s AND lead_id = ANY(%(leads)s) AND reasons IS NOT NULL""",
    "DELETE FROM import_preview_keys WHERE workspace_id = %(workspace)s AND value = ANY(%(contacts)s)",
    """DELETE FROM import_preview_leads l WHERE workspace_id = %(workspace)s AND EXISTS (
           SELECT FROM unnest(%(contacts)s::text[]) AS held WHERE strpos(lower(l.state::text), held) > 0)""",
)
# Files whose columns nobody confirmed: the engine ends them, and deletes their files.
GIVE_UP_SQL: Final = """
UPDATE jobs j SET state = 'cancelled', finished_at = now() FROM imports i
WHERE j.workspace_id = i.workspace_id AND j.id = i.id AND j.state = 'paused' AND i.is_dry_run AND NOT i.is_settled
  AND i.accepted_at < now() - make_interval(days => %s)
"""
EXPIRE_FILES_SQL: Final = """
WITH old AS (
    UPDATE imports SET has_file = false
    WHERE has_file AND is_settled AND accepted_at < now() - make_interval(days => %s) RETURNING workspace_id, id
)
DELETE FROM import_chunks c USING old WHERE c.workspace_id = old.workspace_id AND c.import_id = old.id
"""
EXPIRE_ROWS_SQL: Final = """
DELETE FROM import_rows WHERE ctid = ANY (ARRAY(
    SELECT r.ctid FROM imports i JOIN import_rows r ON r.workspace_id = i.workspace_id AND r.import_id = i.id
    WHERE i.is_settled AND i.accepted_at < now() - make_interval(days => %s) LIMIT 10000))
"""
EXPIRE_IMPORTS_SQL: Final = """
DELETE FROM imports WHERE is_settled AND accepted_at < now() - make_interval(days => %s)
"""
WAITING_FILE_DAYS: Final = 1  # that the file of a dry run is kept


async def forget_in_imports(
    connection: Connection, workspace_id: int, contacts: Collection[str], lead_ids: Iterable[int]
) -> int:
    """Blank the cells of rows that hold one of the contacts or made one of the leads; return how many.

    `contacts` are emails and phones as identities hold them. Files of dry runs go whole, since rows in them cannot be
    told apart without reading all of them: whoever wants to run one sends it again.
    """
    held = sorted({form for contact in contacts for form in (contact.lower(), contact.lower().lstrip("+"))} - {""})
    pattern = "|".join(map(_contact_pattern, held)) or NO_MATCH
    values = {"workspace": workspace_id, "leads": list(lead_ids), "contacts": held, "pattern": pattern}
    blanked = (await connection.execute(BLANK_ROWS_SQL, values)).rowcount
    for statement in FORGET_TRACES_SQL:
        await connection.execute(statement, values)
    await connection.execute(DROP_DRY_RUNS_SQL, values)
    return blanked


def _contact_pattern(contact: str) -> str:
    """Return the regular expression of PostgreSQL for a contact in lower case. A number may have anything in between.

    Source: https://www.postgresql.org/docs/current/functions-matching.html#POSIX-SYNTAX-DETAILS
    """
    if contact.isascii() and contact.isdigit() and len(contact) >= MIN_DIGITS:
        return r"\D*".join(contact)
    return "".join(f"\\{char}" if char.isascii() and not char.isalnum() else char for char in contact)


async def expire_imports(connection: Connection, keep_days: int) -> None:
    """Delete imports with their reports after `keep_days`, and files of dry runs after a day."""
    for statement in (GIVE_UP_SQL, EXPIRE_FILES_SQL):
        await connection.execute(statement, (min(WAITING_FILE_DAYS, keep_days),))
    while (await connection.execute(EXPIRE_ROWS_SQL, (keep_days,))).rowcount:
        pass
    await connection.execute(EXPIRE_IMPORTS_SQL, (keep_days,))
