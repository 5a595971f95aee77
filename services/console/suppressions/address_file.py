"""A file of addresses, such as the list of an old mail program: one a line, or a column of a table. Pure but for I/O.

The column is the one whose header names e-mails, otherwise the one with the most addresses in the first rows. So a
column of colleagues beside it is left alone.
"""

import codecs
import csv
import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from shared.imports.code_pages import PAGE_CODECS
from shared.imports.column_mapping import MAX_COLUMNS, guess_mapping, name_columns
from shared.imports.csv_records import judge_delimiter, read_records
from shared.imports.import_upload import UploadedTable
from shared.imports.text_encoding import JudgedText, UnreadableFile
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.outbound.suppression_fields import bare_address
from shared.platform.spreadsheet_cells import unguarded_text

MAX_ADDRESS_FILE_BYTES: Final = 8 << 20
MAX_FILE_ADDRESSES: Final = 50_000
NAMED_UNREADABLE: Final = 5
MAX_READ_SECONDS: Final = 20.0  # rare addresses take milliseconds each
HEAD_BYTES: Final = 64 << 10
HEAD_ROWS: Final = 50  # by which the column is chosen


class TooManyRows(Exception):
    """The file has more addresses than are taken at once, or takes too long to read."""


@dataclass(slots=True)
class FileAddresses:
    """What a file holds. `unreadable` are the first pieces that are no addresses, each with its line."""

    emails: dict[str, None] = field(default_factory=dict)
    repeated_count: int = 0
    unreadable_count: int = 0
    unreadable: list[tuple[int, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many rows were taken, readable or not."""
        return len(self.emails) + self.repeated_count + self.unreadable_count

    def add(self, line: int, text: str) -> None:
        """Take the text of a line."""
        try:
            email = normalise_email(bare_address(unguarded_text(text)))
        except InvalidContact:
            self.unreadable_count += 1
            if len(self.unreadable) < NAMED_UNREADABLE:
                self.unreadable.append((line, text.strip()))
            return
        self.repeated_count += email in self.emails
        self.emails[email] = None


def read_address_file(table: UploadedTable) -> FileAddresses:
    """Read the addresses of an uploaded file. Raises UnreadableFile and TooManyRows."""
    judged, addresses = table.judge.judge(), FileAddresses()
    deadline = time.monotonic() + MAX_READ_SECONDS
    delimiter, column, head_lines = _judge_shape(_head_text(table.file, judged))
    rows = (row for row in _filled_rows(table.file, judged, delimiter) if row[0] > head_lines)
    for place, (line, row) in enumerate(rows):
        text = row[column] if column < len(row) else ""
        if place or "@" in text:  # a first row without an address is the header
            addresses.add(line, text)
        if addresses.count > MAX_FILE_ADDRESSES or time.monotonic() > deadline:
            raise TooManyRows
    return addresses


def _head_text(file: BinaryIO, judged: JudgedText) -> str:
    file.seek(judged.mark_size)
    return codecs.getincrementaldecoder(_codec_of(judged))("replace").decode(file.read(HEAD_BYTES))


def _judge_shape(head: str) -> tuple[str, int, int]:
    """Return the delimiter, the number of the column with the addresses, and the lines such as `sep=;` before all."""
    delimiter, skipped = judge_delimiter(head)
    rows = [record.cells for record in read_records(head[skipped:], delimiter, at_end=True, limit=HEAD_ROWS)]
    return delimiter, _address_column([row for row in rows if any(map(str.strip, row))]), int(skipped > 0)


def _address_column(rows: Sequence[Sequence[str]]) -> int:
    if not rows:
        raise UnreadableFile("The file has no line with text.")
    width = max(map(len, rows))
    if width > MAX_COLUMNS:
        raise UnreadableFile(f"The file has {width} columns; at most {MAX_COLUMNS} are read.")
    if not any("@" in cell for cell in rows[0]):
        targets = list(guess_mapping(name_columns(list(rows[0]))).values())
        if "email" in targets:
            return targets.index("email")
    counts = [sum(column < len(row) and "@" in row[column] for row in rows) for column in range(width)]
    return counts.index(max(counts))


def _filled_rows(file: BinaryIO, judged: JudgedText, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with text, each with the number of its line.

    Each line is read by itself: no address has a line break, and a stray quotation mark costs its own line alone.
    """
    file.seek(judged.mark_size)
    text = io.TextIOWrapper(file, _codec_of(judged), "replace")
    try:
        for number, line in enumerate(text, start=1):
            row = _cells_of(line, delimiter)
            if any(map(str.strip, row)):
                yield number, row
    except csv.Error as error:
        raise UnreadableFile(f"Line {number} cannot be read: {error}.") from None
    finally:
        text.detach()


def _cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line. With an open quotation mark it is split without regard to marks."""
    if line.count('"') % 2:
        return [cell.strip('"') for cell in line.rstrip("\r\n").split(delimiter)]
    return next(csv.reader([line], delimiter=delimiter), [])


def _codec_of(judged: JudgedText) -> str:
    return next((codec for page, codec in PAGE_CODECS.items() if page == judged.encoding), judged.encoding)
