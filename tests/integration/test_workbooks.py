"""Workbooks: a process of its own makes CSV of them, within its limits, and says why where it cannot."""

import csv
import io
import struct
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from shared.imports import import_upload, workbook_reader, workbook_upload
from shared.imports.file_head import FileHead
from shared.imports.import_upload import UploadedTable, read_table_head
from shared.imports.text_encoding import EncodingJudge, UnreadableFile
from shared.imports.workbook_cells import cell_text
from shared.imports.workbook_upload import readable_table
from shared.platform.errors import FieldErrors
from tests.support.workbooks import archive_of, with_part, workbook_of

pytestmark = pytest.mark.integration

PEOPLE = [["email", "first_name"], ["ada@example.com", "Ada"]]


def table_of(data: bytes) -> UploadedTable:
    judge = EncodingJudge()
    judge.feed(data)
    return UploadedTable(io.BytesIO(data), "people.xlsx", len(data), judge)


async def read_upload(data: bytes, folder: Path) -> tuple[FileHead, str | None, bytes]:
    """The head of an upload, its sheet, and what is stored. Raises AssertionError with the reason of a refusal."""
    with (folder / "upload").open("w+b") as file:
        file.write(data)
        errors: FieldErrors = {}
        async with readable_table(table_of(data)._replace(file=file), folder, errors) as table:
            assert table is not None, errors["file"]
            head = await read_table_head(table)
            table.file.seek(0)
            return head, table.sheet, table.file.read()


async def problem_of(data: bytes, folder: Path) -> str:
    with pytest.raises(AssertionError) as refused:
        await read_upload(data, folder)
    return str(refused.value)


def typed_workbook() -> bytes:
    """A sheet behind an empty and a hidden one, with a margin, and a cell of each kind."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        workbook.add_worksheet("Empty")
        hidden = workbook.add_worksheet("Hidden")
        hidden.write(0, 0, "secret")
        hidden.hide()
        page = workbook.add_worksheet("Leads")
        day, clock, hours = (workbook.add_format({"num_format": one}) for one in ("dd.mm.yyyy", "hh:mm", "[h]:mm"))
        page.write_row(2, 1, ["phone", "when", "what;x", "sum"])
        page.write_row(3, 1, [49301234567, None, 'say "hi",\nAda', 0.1 + 0.2])
        page.write_datetime(3, 2, date(2026, 1, 2), day)
        page.write_row(5, 1, [1.5e-7, None, True])
        page.write_datetime(5, 2, time(13, 5), clock)
        page.write_formula(5, 4, "=1+1", None, 2)
        page.write_row(6, 1, ["0049 30", None, "=SUM(1)"])
        page.write_datetime(6, 2, timedelta(hours=30), hours)
        page.write_string(6, 3, "=SUM(1)")
        page.write_formula(6, 4, "=1/0", None, "#DIV/0!")
    return file.getvalue()


async def test_leading_sheet_with_text_is_read_as_it_shows(tmp_path: Path) -> None:
    head, sheet, stored = await read_upload(typed_workbook(), tmp_path)
    assert (sheet, head.delimiter, head.encoding) == ("Leads", ",", "utf-8")
    assert head.columns == ["phone", "when", "what;x", "sum"]
    rows = [row for row in csv.reader(io.StringIO(stored[head.data_offset :].decode(), newline="")) if row]
    assert rows == head.sample
    assert rows == [
        ["49301234567", "2026-01-02", 'say "hi",\nAda', "0.3"],
        ["0.00000015", "13:05:00", "TRUE", "2"],
        ["0049 30", "30:00:00", "=SUM(1)"],
    ]


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_have_neither_exponent_nor_empty_fraction(number: float) -> None:
    text = cell_text(number)
    assert set(text) <= set("-.0123456789")
    assert not text.endswith(".0")
    assert Decimal(text) == pytest.approx(Decimal(number), rel=Decimal("1e-14"))


def test_times_are_iso_text() -> None:
    assert cell_text(datetime.fromisoformat("2026-01-02T03:04:05.678")) == "2026-01-02T03:04:05.678000"
    assert cell_text(date(2026, 1, 2)) == "2026-01-02"
    assert cell_text(timedelta(hours=-1, seconds=-5)) == "-1:00:05"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (archive_of({"list.csv": b"email\n"}), "It is an archive."),
        (archive_of({"content.xml": b"", "mimetype": b""}), "OpenDocument"),
        (archive_of({"xl/workbook.bin": b""}), ".xlsb"),
        (workbook_of(PEOPLE)[:-40], "cannot be read"),
        (with_part(workbook_of(PEOPLE), "xl/workbook.xml", b"<workbook"), "cannot be read"),
        (with_part(workbook_of(PEOPLE), "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"), "cannot be read"),
        (workbook_of([]), "no visible sheet"),
    ],
)
async def test_file_that_is_no_readable_workbook_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    assert said in await problem_of(data, tmp_path)


def bomb_of(cells: bytes) -> bytes:
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    return with_part(workbook_of(PEOPLE), "xl/worksheets/sheet1.xml", sheet + cells + b"</sheetData></worksheet>")


def with_said_sizes(data: bytes, size: int) -> bytes:
    """The archive, whose parts of more than 1 MB say that they have this size."""
    found = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = -1
        while (start := found.find(mark, start + 1)) >= 0:
            if struct.unpack_from("<I", found, start + place)[0] > 1 << 20:
                struct.pack_into("<I", found, start + place, size)
    return bytes(found)


async def test_bombs_end_the_reader_alone(tmp_path: Path) -> None:
    """A sheet of two cells that are far apart, and large parts that tell their size, or another one."""
    wide = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "too large" in await problem_of(bomb_of(wide), tmp_path)
    large = bomb_of(b" " * (4 << 20))
    assert "too large" in await problem_of(with_said_sizes(large, workbook_reader.MAX_UNPACKED_BYTES + 1), tmp_path)
    assert "cannot be read" in await problem_of(with_said_sizes(large, 1000), tmp_path)


async def test_entities_of_a_workbook_are_not_unfolded(tmp_path: Path) -> None:
    lol = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    text = f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a0 "haha"><!ENTITY f SYSTEM "file:///etc/passwd">{lol}]>'
    entries = "".join(f"<si><t>{each}</t></si>" for each in ("email", "first_name", "x&a9;", "y&f;"))
    strings = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{entries}</sst>'
    data = with_part(workbook_of(PEOPLE), "xl/sharedStrings.xml", (text + strings).encode())
    assert "cannot be read" in await problem_of(data, tmp_path)


async def test_workbooks_are_refused_without_their_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_upload, "has_workbook_reader", lambda: False)
    with pytest.raises(UnreadableFile, match=r"requirements-xlsx\.lock"):
        await read_upload(workbook_of(PEOPLE), tmp_path)
    errors: FieldErrors = {}
    assert await import_upload.plan_import(table_of(workbook_of(PEOPLE)), "", errors, is_dry_run=True) is None
    assert "CSV UTF-8" in errors["file"][0]


async def test_old_workbooks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="old Excel workbook"):
        await read_upload(b"\xd0\xcf\x11\xe0" + bytes(512), tmp_path)


async def test_reader_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_upload, "MAX_SECONDS", 0.01)
    assert "too large" in await problem_of(workbook_of(PEOPLE), tmp_path)
