"""Read the next rows of an import's file: leads go to the journal, in the transaction that notes how far it came."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from services.workers.imports.import_claims import ClaimedImport
from services.workers.imports.imported_rows import RowMapper, clean_text
from shared.imports.csv_records import CsvRecord, read_records
from shared.imports.import_storage import CHUNK_BYTES, read_file_part
from shared.imports.text_encoding import decode_text, text_size
from shared.intake.journal import Lane, NewJournalRow, append_row, chunk_by_size
from shared.leads.submission import PHONE_COUNTRY_KEY, POLICY_KEY, QUIET_KEY
from shared.platform.db.connections import Connection, as_json
from shared.platform.ids import numbered_uuid7

ROWS_PER_CHUNK = 500
ROWS_PER_JOURNAL_ROW = 100  # what a batch of the bulk lane holds
WINDOW_BYTES = 256 << 10  # of the file, that are read for a chunk
LARGEST_WINDOW_BYTES = 2 << 20  # where no row ends in the first window
MAX_ROWS_UNDER_WAY = 5_000  # rows of one import that wait for their verdict
CHUNKS_PER_SECOND = 5  # of an import with a rate

ADD_ROWS_SQL = """
INSERT INTO import_rows (workspace_id, import_id, row, state, lead_id, reasons, cells, has_joined)
SELECT %s, %s, r.row, r.state, r.lead_id, r.reasons, r.cells, r.has_joined
FROM json_to_recordset(%s::json)
    AS r(row bigint, state text, lead_id bigint, reasons text[], cells text[], has_joined boolean)
"""
DROP_READ_CHUNKS_SQL = "DELETE FROM import_chunks WHERE workspace_id = %s AND import_id = %s AND n < %s"


class ReadRow(NamedTuple):
    """A row of the file by its number: with its lead, or with reasons why it has none."""

    number: int
    cells: list[str]
    lead: dict[str, Any] | None
    reasons: list[str]


class FileEndedEarly(Exception):
    """A part of the file is missing."""


def submission_id_of(one: ClaimedImport, number: int) -> str:
    """Return the id of a row's submission: always the same, so that a row can never be two."""
    return numbered_uuid7(one.received_ms, f"import\0{one.workspace_id}\0{one.id}", number)


async def read_rows(connection: Connection, claim: ClaimedImport, limit: int = ROWS_PER_CHUNK) -> list[ReadRow]:
    """Read the next rows and move the place in the file behind them."""
    records, at_end = await _next_records(connection, claim, limit)
    options = claim.options
    mapper = RowMapper(
        claim.columns,
        claim.mapping,
        options.get("source"),
        options.get("tags") or (),
        keeps_unread=options.get("invalid") != "reject",
    )
    rows = []
    for record in records:
        if record.cells:
            claim.rows_read += 1
            rows.append(_read_row(mapper, claim.rows_read, record))
    if at_end:
        claim.read_offset = claim.file_size
    return rows


def _read_row(mapper: RowMapper, number: int, record: CsvRecord) -> ReadRow:
    if record.problem:
        return ReadRow(number, record.cells, None, [record.problem])
    lead, reasons = mapper.lead_of(record.cells)
    return ReadRow(number, record.cells, lead, reasons)


async def _next_records(connection: Connection, claim: ClaimedImport, limit: int) -> tuple[list[CsvRecord], bool]:
    """Return the next records, and whether they are the last ones."""
    for window in (WINDOW_BYTES, LARGEST_WINDOW_BYTES):
        data = await read_file_part(connection, *claim.key, claim.read_offset, window)
        if not data:
            raise FileEndedEarly(f"import {claim.id} at byte {claim.read_offset}")
        at_end = claim.read_offset + len(data) >= claim.file_size
        text = decode_text(data, claim.encoding, at_end=at_end)
        records = read_records(text, claim.delimiter, at_end=at_end, limit=limit)
        if records or at_end:
            break
    length = sum(record.length for record in records)
    claim.read_offset += text_size(text[:length], claim.encoding)
    return records, at_end and length == len(text)


async def take_chunk(connection: Connection, claim: ClaimedImport) -> bool:
    """Read rows and store those with a lead in the journal. Return whether any were stored."""
    size = ROWS_PER_CHUNK if claim.rate is None else min(max(claim.rate // CHUNKS_PER_SECOND, 1), ROWS_PER_CHUNK)
    rows = await read_rows(connection, claim, size)
    items = [(row.number, _journal_item(claim, row.number, row.lead)) for row in rows if row.lead is not None]
    for part in chunk_by_size(items, lambda item: len(item[1][1])):
        for start in range(0, len(part), ROWS_PER_JOURNAL_ROW):
            await _append(connection, claim, [item for _, item in part[start : start + ROWS_PER_JOURNAL_ROW]])
    refused = [row for row in rows if row.lead is None]
    claim.invalid += len(refused)
    await add_rows(connection, claim, [refused_record(row) for row in refused])
    await connection.execute(DROP_READ_CHUNKS_SQL, (*claim.key, claim.read_offset // CHUNK_BYTES))
    if claim.rate is not None:
        claim.pause = len(rows) / claim.rate
    return bool(items)


def _journal_item(claim: ClaimedImport, number: int, lead: dict[str, Any]) -> tuple[str, bytes]:
    """Return a submission's id and its item in the journal."""
    submission_id = submission_id_of(claim, number)
    item = {
        "id": submission_id,
        "at": claim.received_ms,
        "w": claim.workspace_id,
        "ch": f"import:{claim.id}",
        "src": lead.get("source"),
        "k": claim.key_id,
        "body": lead,
    }
    if not claim.options.get("run_automations"):
        item[QUIET_KEY] = True
    if policy := claim.options.get("merge_policy"):
        item[POLICY_KEY] = policy
    if country := claim.options.get("phone_country"):
        item[PHONE_COUNTRY_KEY] = country
    return submission_id, orjson.dumps(item)


async def _append(connection: Connection, one: ClaimedImport, items: Sequence[tuple[str, bytes]]) -> None:
    document = orjson.dumps({"gateway": "", "items": [orjson.Fragment(item) for _, item in items]})
    accepted = as_json([[one.workspace_id, len(items)]])
    ids = ",".join(submission_id for submission_id, _ in items)
    await append_row(connection, NewJournalRow(int(Lane.BULK), len(items), ids, accepted, document))


def refused_record(row: ReadRow) -> dict[str, Any]:
    """Return the record of a row without a lead."""
    return {"row": row.number, "state": "invalid", "reasons": row.reasons, "cells": row.cells}


async def add_rows(connection: Connection, claim: ClaimedImport, records: Sequence[dict[str, Any]]) -> None:
    """Add rows with their verdicts to the report."""
    if records:
        await connection.execute(ADD_ROWS_SQL, (*claim.key, as_json(_storable(records))))


def _storable(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records whose cells PostgreSQL can hold."""
    return [
        {**record, "cells": [clean_text(cell) for cell in record["cells"]]} if record.get("cells") else record
        for record in records
    ]
