"""Rejected rows of an import that somebody mended: a row keeps the lead that came of it."""

from collections.abc import Sequence
from typing import Final

from shared.platform.db.connections import Connection

# A row of a dry run counts for the import that became of it. A lead that was merged stands for the one it went into.
MENDED_ROWS_SQL: Final = """
SELECT r.row, l.id FROM import_rows r
LEFT JOIN lead_redirects d ON d.workspace_id = r.workspace_id AND d.lead_id = r.lead_id
JOIN leads l ON l.workspace_id = r.workspace_id AND l.id = coalesce(d.winner_id, r.lead_id)
WHERE r.workspace_id = %(workspace)s AND r.state = 'invalid' AND r.row = ANY(%(rows)s) AND r.import_id = ANY (ARRAY(
    SELECT i.id FROM imports i WHERE i.workspace_id = %(workspace)s AND (i.id = %(id)s OR i.run_id = %(id)s)))
ORDER BY r.import_id
"""
LOCK_ROW_SQL: Final = """
SELECT FROM import_rows WHERE workspace_id = %(workspace)s AND import_id = %(id)s AND row = %(row)s FOR NO KEY UPDATE
"""
NOTE_MENDED_SQL: Final = """
UPDATE import_rows SET lead_id = %(lead)s
WHERE workspace_id = %(workspace)s AND import_id = %(id)s AND row = %(row)s AND state = 'invalid'
"""


async def read_mended(connection: Connection, workspace_id: int, import_id: int, rows: Sequence[int]) -> dict[int, int]:
    """Return the leads that came of rejected rows, by the number of the row, as far as they are still there."""
    values = {"workspace": workspace_id, "id": import_id, "rows": list(rows)}
    return dict(await (await connection.execute(MENDED_ROWS_SQL, values)).fetchall())


async def lock_row(connection: Connection, workspace_id: int, import_id: int, row: int) -> None:
    """Let nobody else mend a row until the transaction ends."""
    await connection.execute(LOCK_ROW_SQL, {"workspace": workspace_id, "id": import_id, "row": row})


async def note_mended(connection: Connection, workspace_id: int, import_id: int, row: int, lead_id: int) -> None:
    """Note the lead that came of a rejected row."""
    values = {"workspace": workspace_id, "id": import_id, "row": row, "lead": lead_id}
    await connection.execute(NOTE_MENDED_SQL, values)
