"""Turn the leading sheet of an Excel workbook into CSV: a program of its own, from its input to its output.

`workbook_upload.py` starts it. A workbook is compressed XML from anybody, and its reader holds a sheet whole: the
limits of this process hold whatever the file says of itself, and a workbook that breaks them ends this process alone.
The last line that it says is JSON: `{"sheet": name}` or `{"problem": sentence}`.
"""

import contextlib
import csv
import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from shared.imports.text_encoding import UnreadableFile
from shared.imports.workbook_cells import CellValue, cell_text

FIRST_LINE: Final = b"sep=,\n"  # so that nobody guesses the delimiter from what cells hold
MAX_UNPACKED_BYTES: Final = 1 << 30  # of the workbook's parts together
MAX_PARTS: Final = 10_000
MAX_CSV_BYTES: Final = 512 << 20
MAX_MEMORY_BYTES: Final = 1536 << 20  # of address space; 250,000 rows of seven columns take 0.2 GB
MAX_CPU_SECONDS: Final = 120

DAMAGED_MESSAGE: Final = "The workbook cannot be read. In Excel, save it as “CSV UTF-8” and send that file."
TOO_LARGE_MESSAGE: Final = "The workbook is too large to be read. In Excel, save it as “CSV UTF-8” and send that file."
NO_TEXT_MESSAGE: Final = "The workbook has no visible sheet with text."
ARCHIVE_MESSAGE: Final = "It is an archive. Unpack it and send the list as CSV or as an Excel workbook (.xlsx)."
# Other workbooks, by a part that they hold.
OTHER_WORKBOOKS: Final = {
    "xl/workbook.bin": "It is a binary Excel workbook (.xlsb). Save it as .xlsx or “CSV UTF-8” and send that file.",
    "content.xml": "It is an OpenDocument sheet. Save it as .xlsx or “CSV UTF-8” and send that file.",
}


class _CappedOutput(io.RawIOBase):
    """Writes to a file until there is too much. One text that a million cells share makes a small workbook huge."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._size += len(data)
        if self._size > MAX_CSV_BYTES:
            raise UnreadableFile(TOO_LARGE_MESSAGE)
        return self._file.write(data)


def check_archive(workbook: BinaryIO) -> None:
    """Raise UnreadableFile if a ZIP file is no xlsx workbook, or if it says itself that it is too large."""
    try:
        parts = zipfile.ZipFile(workbook).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise UnreadableFile(DAMAGED_MESSAGE) from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        other = next(iter(OTHER_WORKBOOKS.keys() & names), "")
        raise UnreadableFile(OTHER_WORKBOOKS.get(other, ARCHIVE_MESSAGE))
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise UnreadableFile(TOO_LARGE_MESSAGE)


def convert_workbook(workbook: BinaryIO, output: BinaryIO) -> str:
    """Write the first visible sheet with text as CSV in UTF-8, and return its name. Raises UnreadableFile."""
    check_archive(workbook)
    workbook.seek(0)
    output.write(FIRST_LINE)
    text = io.TextIOWrapper(io.BufferedWriter(_CappedOutput(output)), encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    for name, rows in _visible_sheets(workbook):
        has_text = False
        for cells in rows:
            if cells or has_text:
                writer.writerow(cells)
                has_text = True
        if has_text:
            text.flush()
            return name
    raise UnreadableFile(NO_TEXT_MESSAGE)


def _visible_sheets(workbook: BinaryIO) -> Iterator[tuple[str, Iterable[list[str]]]]:
    """Yield the names of sheets with their rows. Empty cells at the end of a row are left out."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        opened = CalamineWorkbook.from_filelike(workbook)
        for sheet in opened.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
                yield sheet.name, map(_row_texts, opened.get_sheet_by_name(sheet.name).iter_rows())
    except CalamineError:
        raise UnreadableFile(DAMAGED_MESSAGE) from None


def _row_texts(row: list[CellValue]) -> list[str]:
    texts = list(map(cell_text, row))
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _limit_resources() -> None:
    for kind, limit in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force already
            resource.setrlimit(kind, (limit, limit))
    with contextlib.suppress(OSError):  # where memory runs out all the same, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Convert the workbook on the input, which is a file."""
    _limit_resources()
    try:
        answer = {"sheet": convert_workbook(sys.stdin.buffer, sys.stdout.buffer)}
        sys.stdout.buffer.flush()
    except UnreadableFile as error:
        answer = {"problem": str(error)}
    except MemoryError:
        answer = {"problem": TOO_LARGE_MESSAGE}
    sys.stderr.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
