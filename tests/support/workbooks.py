"""Excel workbooks as tests import them, and the bombs among them."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import xlsxwriter


def workbook_of(rows: Sequence[Sequence[Any]], *, sheet: str = "People") -> bytes:
    """A workbook whose only sheet has these rows. Texts stay texts, whatever they look like."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        page = workbook.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return file.getvalue()


def archive_of(parts: dict[str, bytes]) -> bytes:
    """A ZIP file with these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def with_part(workbook: bytes, name: str, data: bytes) -> bytes:
    """A workbook with another part in place of its own."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    return archive_of({**parts, name: data})
