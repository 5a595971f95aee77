"""The report of an import: each row with what became of it, as pages and as a file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson

from shared.imports.column_mapping import CUSTOM_PREFIX
from shared.imports.tag_cells import tags_text
from shared.leads.submission import KEPT_ENDING
from shared.platform.db.connections import Connection
from shared.platform.ids import numbered_uuid7
from shared.platform.spreadsheet_cells import csv_text

RowState = Literal["created", "merged", "unchanged", "invalid"]
# Rows in a state, those with a lead that lacks something that was sent, and those whose lead keeps a contact as given.
RowChoice = Literal[RowState, "warned", "kept"]
ReportRow = dict[str, Any]

REPORT_PAGE_ROWS: Final = 500
READ_ROWS_SQL: Final = f"""
SELECT r.row, r.state, r.lead_id, r.reasons, r.cells FROM import_rows r
WHERE r.workspace_id = %(workspace)s AND r.import_id = %(id)s AND r.row > %(after)s
  AND (%(state)s::text IS NULL OR r.state = %(state)s
       OR r.state <> 'invalid' AND CASE %(state)s
           WHEN 'kept' THEN EXISTS (SELECT FROM unnest(r.reasons) AS t WHERE t LIKE '%%{KEPT_ENDING}')
           WHEN 'warned' THEN EXISTS (SELECT FROM unnest(r.reasons) AS t WHERE t NOT LIKE '%%{KEPT_ENDING}') END)
ORDER BY r.row LIMIT %(limit)s OFFSET %(offset)s
"""
# Invalid rows have their cells, and so an index of their own.
READ_SHOWN_SQL: Final = READ_ROWS_SQL.replace("ORDER BY", "AND r.cells IS NOT NULL ORDER BY")


PAYLOADS_SQL: Final = """
SELECT s.id, s.payload FROM unnest(%s::uuid[]) AS w(id)
JOIN submissions s ON s.workspace_id = %s AND s.id = w.id AND s.received_at = %s
"""


async def read_rows(
    connection: Connection,
    workspace_id: int,
    import_row: dict[str, Any],
    state: RowChoice | None = None,
    *,
    limit: int = REPORT_PAGE_ROWS,
    offset: int = 0,
    after: int = 0,
    only_shown: bool = False,
) -> list[ReportRow]:
    """Return rows in their order: `row, state, lead_id, submission_id, reasons, values`.

    `values` maps columns to cells: those that were kept, otherwise what their submission has. It is null where neither
    is there any more. `only_shown` leaves out rows whose cells are not kept.
    """
    values = {"workspace": workspace_id, "id": import_row["id"], "state": state, "after": after}
    statement = READ_SHOWN_SQL if only_shown else READ_ROWS_SQL
    rows = await (await connection.execute(statement, {**values, "limit": limit, "offset": offset})).fetchall()
    report = [_report_row(workspace_id, import_row, *row) for row in rows]
    await _add_values(connection, workspace_id, import_row, report)
    return report


async def _add_values(
    connection: Connection, workspace_id: int, import_row: dict[str, Any], report: Sequence[ReportRow]
) -> None:
    """Add the values of rows that became leads, from their submissions."""
    rows = {row["submission_id"]: row for row in report if row["submission_id"] and row["values"] is None}
    if not rows:
        return
    values = (list(rows), workspace_id, import_row["accepted_at"])
    for id_, payload in await (await connection.execute(PAYLOADS_SQL, values)).fetchall():
        lead = orjson.loads(bytes(payload)) if payload else None
        if isinstance(lead, dict):
            rows[str(id_)]["values"] = cells_of_lead(import_row["columns"], import_row["mapping"], lead)


def cells_of_lead(columns: Sequence[str], mapping: Mapping[str, str | None], lead: Mapping[str, Any]) -> dict[str, str]:
    """Return what a lead was made of, by column. Columns that were not used are missing."""
    custom = lead.get("custom_fields") or {}
    lead_values = {
        **lead,
        "full_name": " ".join(filter(None, (lead.get("first_name"), lead.get("last_name")))),
        "tags": tags_text(lead.get("tags") or []),
        **{f"{CUSTOM_PREFIX}{key}": value for key, value in custom.items()},
    }
    cells = {column: lead_values.get(target) for column in columns if (target := mapping.get(column))}
    return {
        column: value if isinstance(value, str) else orjson.dumps(value).decode()
        for column, value in cells.items()
        if value not in (None, "", {})
    }


def _report_row(
    workspace_id: int,
    import_row: dict[str, Any],
    number: int,
    state: str,
    lead_id: int | None,
    reasons: list[str] | None,
    cells: list[str] | None,
) -> ReportRow:
    ms = round(import_row["accepted_at"].timestamp() * 1000)
    has_submission = not import_row["dry_run"] and lead_id is not None and state != "invalid"
    series = f"import\0{workspace_id}\0{import_row['id']}"
    return {
        "row": number,
        "state": state,
        "lead_id": lead_id,
        "submission_id": numbered_uuid7(ms, series, number) if has_submission else None,
        "reasons": reasons or [],
        "values": None if cells is None else _named_cells(import_row["columns"], cells),
    }


def _named_cells(columns: list[str], cells: list[str]) -> dict[str, str]:
    """Return cells by column. A cell without a column is named by its number."""
    names = [*columns, *(f"cell {number}" for number in range(len(columns) + 1, len(cells) + 1))]
    return dict(zip(names, cells, strict=False))


async def report_csv_pieces(
    import_row: dict[str, Any], read_page: Callable[[int], Awaitable[Sequence[ReportRow]]]
) -> AsyncIterator[bytes]:
    """Yield a report as CSV: the columns of the file, and the row's number, state, lead and reasons.

    `read_page` returns the next rows behind a number, `REPORT_PAGE_ROWS` at most.
    """
    columns = import_row["columns"]
    yield csv_text([[*columns, "row", "row_state", "lead_id", "reasons"]]).encode()
    after = 0
    while rows := await read_page(after):
        yield csv_text(_csv_cells(columns, row) for row in rows).encode()
        if len(rows) < REPORT_PAGE_ROWS:
            return
        after = rows[-1]["row"]


def _csv_cells(columns: Sequence[str], row: ReportRow) -> list[Any]:
    values = row["values"] or {}
    return [
        *(values.get(column) for column in columns),
        *(row["row"], row["state"], row["lead_id"], " ".join(row["reasons"])),
    ]
