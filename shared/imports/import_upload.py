"""From an uploaded file to a stored import: what both the API and the console do with it."""

import asyncio
from typing import Any, BinaryIO, Final, NamedTuple

from shared.files.file_names import clean_file_name
from shared.imports.file_head import HEAD_BYTES, FileHead, read_head
from shared.imports.import_options import parse_options, resolve_mapping
from shared.imports.import_storage import NewImport
from shared.imports.text_encoding import EncodingJudge, TextEncoding, UnreadableFile
from shared.platform.errors import FieldErrors

SHEET_OPTION: Final = "sheet"  # noted with the options of an import, and not to be sent
MAX_FILE_BYTES: Final = 512 << 20
NO_FILE_MESSAGE: Final = "Send the list, as CSV or Excel workbook, in the field `file`."


class UploadedTable(NamedTuple):
    """An uploaded file, and how it was judged. `sheet` is that of the workbook which the file was made of."""

    file: BinaryIO
    name: str
    size: int
    judge: EncodingJudge
    sheet: str | None = None


async def plan_import(
    table: UploadedTable | None, options_text: str, errors: FieldErrors, *, is_dry_run: bool
) -> NewImport | None:
    """Return the import of an uploaded file, or None with errors by field."""
    options = parse_options(options_text, errors)
    if table is None:
        errors.setdefault("file", [NO_FILE_MESSAGE])
        return None
    try:
        head = await read_table_head(table, options.get("encoding"))
    except UnreadableFile as error:
        errors["file"] = [str(error)]
        return None
    return plan_with_options(table, head, options, errors, is_dry_run=is_dry_run)


async def read_table_head(table: UploadedTable, encoding: TextEncoding | None = None) -> FileHead:
    """Read the columns and the first rows of an uploaded file, in a chosen encoding or as judged.

    A workbook is in UTF-8 by now, whatever was chosen. Raises UnreadableFile.
    """
    judged = await asyncio.to_thread(table.judge.judge, None if table.sheet is not None else encoding)
    await asyncio.to_thread(table.file.seek, 0)
    head = await asyncio.to_thread(table.file.read, HEAD_BYTES)
    return read_head(head, judged, table.size)


def plan_with_options(
    table: UploadedTable, head: FileHead, options: dict[str, Any], errors: FieldErrors, *, is_dry_run: bool
) -> NewImport | None:
    """Return the import of a file whose columns are known, or None with errors by field."""
    mapping = resolve_mapping(options, head.columns, errors)
    if table.sheet is not None:
        options = {**options, SHEET_OPTION: table.sheet}
    return None if errors else NewImport(is_dry_run, clean_file_name(table.name), table.size, head, mapping, options)
