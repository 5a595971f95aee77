"""Read the leads of an export page by page: each page is a short transaction, so that nothing holds a snapshot."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple

import orjson
import psycopg

from shared.lead_export.lead_cells import cells_of, header_of, key_columns
from shared.lead_list.filters import LeadFilters
from shared.lead_list.matching_leads import read_matching_ids
from shared.lead_list.resolve_filters import resolve_filters
from shared.leads.lead_records import LeadJson, read_leads
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.spreadsheet_cells import csv_text

ExportFormat = Literal["csv", "ndjson"]
MEDIA_TYPES: dict[ExportFormat, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
MAX_KEYS = 1_000  # custom fields that are looked for
KEYS_TIMEOUT_SECONDS = 8  # seconds; without an answer by then all custom fields stand in one column

FIND_KEYS_SQL = f"""
SELECT DISTINCT key FROM leads, LATERAL jsonb_object_keys(custom_fields) AS key
WHERE workspace_id = %s AND custom_fields <> '{{}}' LIMIT {MAX_KEYS}
"""

OpenConnection = Callable[[], AbstractAsyncContextManager[Connection]]


class LeadExport(NamedTuple):
    """An export that was asked for: filters of the list (None: no lead can match), and custom fields with a column."""

    format: ExportFormat
    filters: LeadFilters | None
    keys: list[str]

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.format]

    @property
    def file_name(self) -> str:
        return f"leads.{self.format}"


async def prepare_export(
    connection: Connection, workspace_id: int, query: dict[str, Any], format: ExportFormat
) -> LeadExport:
    """Check the filters of an export. Raises ValidationFailed.

    The connection is in autocommit mode, outside of a transaction.
    """
    errors: FieldErrors = {}
    filters = await resolve_filters(connection, workspace_id, query, errors)
    if errors:
        raise ValidationFailed(errors)
    keys = await _find_keys(connection, workspace_id) if format == "csv" and filters else []
    return LeadExport(format, filters, keys)


async def _find_keys(connection: Connection, workspace_id: int) -> list[str]:
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{KEYS_TIMEOUT_SECONDS}s'")
            rows = await (await connection.execute(FIND_KEYS_SQL, (workspace_id,))).fetchall()
    except psycopg.errors.QueryCanceled:
        return []
    return key_columns(row[0] for row in rows)


async def export_pieces(export: LeadExport, open_connection: OpenConnection) -> AsyncIterator[bytes]:
    """Yield the file, in the order of ids. A connection is held for one page at a time."""
    if export.format == "csv":
        yield csv_text([header_of(export.keys)]).encode()
    after: int | None = 0
    while export.filters is not None and after is not None:
        async with open_connection() as connection:
            ids, after = await read_matching_ids(connection, export.filters, after)
            wanted = [(export.filters.workspace_id, id_) for id_ in ids]
            found = await read_leads(connection, wanted)
        leads = [found[lead] for lead in wanted if lead in found]
        if leads:
            yield _encoded(export, leads)


def _encoded(export: LeadExport, leads: list[LeadJson]) -> bytes:
    if export.format == "csv":
        return csv_text(cells_of(lead, export.keys) for lead in leads).encode()
    return b"".join(orjson.dumps(lead, option=orjson.OPT_APPEND_NEWLINE) for lead in leads)
