"""Reading the audit log of a workspace, and writing it as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from psycopg.rows import dict_row

from shared.audit.audit_entry import Outcome
from shared.db.connections import Connection

ENTRY_COLUMNS = (
    *("id", "at", "actor_kind", "actor_id", "actor_name", "action", "route", "object_kind", "object_id", "status"),
    *("outcome", "reason", "filter", "count", "before", "after", "address", "request_id"),
)
ENTRY_WHERE_SQL = """
workspace_id IS NOT DISTINCT FROM %(workspace_id)s
AND (%(actor)s::text IS NULL OR %(actor)s IN (actor_kind, concat(actor_kind, ':', actor_id)))
AND (%(action)s::text IS NULL OR action = %(action)s)
AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
AND (%(after)s::timestamptz IS NULL OR at > %(after)s)
AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
"""
COUNT_ENTRIES_SQL = f"SELECT count(*) FROM audit_log WHERE {ENTRY_WHERE_SQL}"  # noqa: S608  # constants only
LIST_ENTRIES_SQL = f"""
SELECT {", ".join(ENTRY_COLUMNS)} FROM audit_log
WHERE {ENTRY_WHERE_SQL} AND (%(after_id)s::bigint IS NULL OR id < %(after_id)s)
ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608  # constants only
MAX_CSV_ENTRIES = 10_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet executes a cell that begins with one of them

EntryDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The entries that meet all given criteria. `actor` is a kind, such as `cli`, or one of its kind: `key:7`."""

    actor: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    after: datetime | None = None
    before: datetime | None = None


async def count_entries(connection: Connection, workspace_id: int | None, which: AuditFilter) -> int:
    """Return the number of entries of a workspace; without one, of the installation."""
    row = await (
        await connection.execute(COUNT_ENTRIES_SQL, {"workspace_id": workspace_id, **asdict(which)})
    ).fetchone()
    return int(row[0]) if row else 0


async def list_entries(
    connection: Connection,
    workspace_id: int | None,
    which: AuditFilter,
    *,
    limit: int,
    offset: int = 0,
    after_id: int | None = None,
) -> list[EntryDict]:
    """Return entries of a workspace, newest first; without a workspace those of the installation."""
    arguments = {
        "workspace_id": workspace_id,
        **asdict(which),
        "limit": limit,
        "offset": offset,
        "after_id": after_id,
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_ENTRIES_SQL, arguments)
        return await cursor.fetchall()


def entries_as_csv(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return entries as CSV with a heading. No cell is executed by a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(ENTRY_COLUMNS)
    for entry in entries:
        writer.writerow([_cell_text(entry[name]) for name in ENTRY_COLUMNS])
    return text.getvalue()


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
