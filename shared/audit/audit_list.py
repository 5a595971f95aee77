"""Reading the audit log of a workspace, and writing it as CSV."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.audit.audit_entry import Outcome
from shared.platform.db.connections import Connection
from shared.platform.spreadsheet_cells import csv_text

ENTRY_COLUMNS = (
    *("id", "at", "actor_kind", "actor_id", "actor_name", "action", "route", "object_kind", "object_id", "status"),
    *("outcome", "reason", "filter", "count", "before", "after", "address", "request_id"),
)
ENTRY_WHERE_SQL = """
workspace_id IS NOT DISTINCT FROM %(workspace_id)s
AND (%(actor)s::text IS NULL OR %(actor)s IN (actor_kind, concat(actor_kind, ':', actor_id)))
AND (%(action)s::text IS NULL OR action = %(action)s)
AND (%(actions)s::text[] IS NULL OR action = ANY(%(actions)s))
AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
AND (%(after)s::timestamptz IS NULL OR at > %(after)s)
AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
"""
COUNT_ENTRIES_SQL = f"SELECT count(*) FROM audit_log WHERE {ENTRY_WHERE_SQL}"
COUNT_NEWEST_ENTRIES_SQL = f"""
SELECT count(*) FROM (SELECT FROM audit_log WHERE {ENTRY_WHERE_SQL} ORDER BY id DESC LIMIT %(limit)s) newest
"""
LIST_ENTRIES_SQL = f"""
SELECT {", ".join(ENTRY_COLUMNS)} FROM audit_log
WHERE {ENTRY_WHERE_SQL} AND (%(after_id)s::bigint IS NULL OR id < %(after_id)s)
ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
MAX_CSV_ENTRIES = 10_000

EntryDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The entries that meet all given criteria. `actor` is a kind, such as `cli`, or one of its kind: `key:7`."""

    actor: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    after: datetime | None = None
    before: datetime | None = None
    actions: list[str] | None = None  # any of them


async def count_entries(
    connection: Connection, workspace_id: int | None, which: AuditFilter, *, limit: int | None = None
) -> int:
    """Return the number of entries of a workspace; without one, of the installation. With a `limit` it counts so many
    at most."""
    statement = COUNT_ENTRIES_SQL if limit is None else COUNT_NEWEST_ENTRIES_SQL
    values = {"workspace_id": workspace_id, **asdict(which), "limit": limit}
    row = await (await connection.execute(statement, values)).fetchone()
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
    """Return entries as CSV with a heading."""
    return csv_text([ENTRY_COLUMNS, *([entry[name] for name in ENTRY_COLUMNS] for entry in entries)])
