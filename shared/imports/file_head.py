"""Read the beginning of a file: its delimiter, its columns, and where its rows begin. Pure."""

import re
from typing import NamedTuple

from shared.imports.column_mapping import MAX_COLUMNS, name_columns
from shared.imports.csv_records import CsvRecord, judge_delimiter, read_records
from shared.imports.text_encoding import JudgedText, TextEncoding, UnreadableFile, decode_text, text_size

HEAD_BYTES = 512 << 10  # bytes of a file that are looked at
SAMPLE_ROWS = 20  # rows that are shown before anything is decided
_LOOKS_LIKE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch


class FileHead(NamedTuple):
    """How a file is read, and its first rows. `data_offset` is in bytes."""

    encoding: TextEncoding
    delimiter: str
    columns: list[str]
    data_offset: int
    sample: list[list[str]]


def read_head(head: bytes, judged: JudgedText, file_size: int) -> FileHead:
    """Read the first `HEAD_BYTES` of a file. Raises UnreadableFile, which says what to do."""
    at_end = file_size <= len(head)
    text = decode_text(head[judged.mark_size :], judged.encoding, at_end=at_end)
    delimiter, skipped = judge_delimiter(text)
    records = read_records(text[skipped:], delimiter, at_end=at_end, limit=SAMPLE_ROWS * 2)
    while records and not any(cell.strip() for cell in records[0].cells):
        skipped += records.pop(0).length
    if not records:
        raise UnreadableFile("The file has no line with text.")
    header = records.pop(0)
    _check_header(header)
    offset = judged.mark_size + text_size(text[: skipped + header.length], judged.encoding)
    if offset >= file_size or not any(record.cells for record in records):
        raise UnreadableFile("The file has a header, and no rows below it.")
    sample = [record.cells for record in records if record.cells][:SAMPLE_ROWS]
    return FileHead(judged.encoding, delimiter, name_columns(_without_empty_end(header.cells)), offset, sample)


def _check_header(header: CsvRecord) -> None:
    if header.problem:
        raise UnreadableFile(f"The first line cannot be read. {header.problem}")
    if len(header.cells) > MAX_COLUMNS:
        raise UnreadableFile(f"The file has {len(header.cells)} columns; at most {MAX_COLUMNS} are read.")
    if any(_LOOKS_LIKE_EMAIL(cell.strip()) for cell in header.cells):
        raise UnreadableFile("The first line must name the columns, but it holds an email address.")


def _without_empty_end(cells: list[str]) -> list[str]:
    """Return the cells without empty ones at the end, which spreadsheets leave behind."""
    end = next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 1)
    return cells[:end]
