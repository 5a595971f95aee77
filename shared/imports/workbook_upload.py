"""Uploads of Excel workbooks: a process of its own makes CSV of them, and the import goes the way of every CSV.

The reader is an extra (`requirements-xlsx.lock`). Without it workbooks are refused with a sentence.
"""

import asyncio
import io
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final, cast

from shared.imports.import_upload import UploadedTable
from shared.imports.text_encoding import EncodingJudge, UnreadableFile
from shared.imports.workbook_reader import DAMAGED_MESSAGE, FIRST_LINE, TOO_LARGE_MESSAGE
from shared.platform.errors import FieldErrors
from shared.platform.installation import PROJECT_ROOT
from shared.platform.observability import logging

log = logging.get_logger()

MAX_SECONDS: Final = 180.0  # of one conversion
READER_COMMAND: Final = (sys.executable, "-m", "shared.imports.workbook_reader")
PASSED_VARIABLES: Final = ("PATH", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX")  # and no secret
_one_at_a_time = asyncio.Semaphore(1)  # of each process of the API and the console, since a sheet takes memory


def has_workbook_reader() -> bool:
    """Return whether the extra that reads workbooks is installed."""
    return find_spec("python_calamine") is not None


@asynccontextmanager
async def readable_table(
    table: UploadedTable | None, folder: Path, errors: FieldErrors
) -> AsyncIterator[UploadedTable | None]:
    """Yield an upload that the import reads: as it came, or a workbook as CSV. None with an error if it is unreadable.

    The CSV is a file without a name in `folder`, which is gone at the end.
    """
    if table is None or not (table.judge.starts_archive and has_workbook_reader()):
        yield table
        return
    output = await asyncio.to_thread(tempfile.TemporaryFile, dir=folder)
    try:
        try:
            converted = await _convert(table, cast("BinaryIO", output))
        except UnreadableFile as error:
            errors["file"] = [str(error)]
            converted = None
        yield converted
    finally:
        await asyncio.to_thread(output.close)


async def _convert(table: UploadedTable, output: BinaryIO) -> UploadedTable:
    async with _one_at_a_time:
        await asyncio.to_thread(table.file.seek, 0)  # which also writes what is buffered
        answer = await _run_reader(table.file, output)
    if problem := answer.get("problem"):
        raise UnreadableFile(problem)
    judge = EncodingJudge()
    judge.feed(FIRST_LINE)  # the reader writes UTF-8
    size = await asyncio.to_thread(output.seek, 0, io.SEEK_END)
    return UploadedTable(output, table.name, size, judge, answer["sheet"])


async def _run_reader(workbook: BinaryIO, output: BinaryIO) -> dict[str, str]:
    """Return what the reader says. One that breaks its limits is ended by the system and says nothing."""
    environment = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *READER_COMMAND,
        stdin=workbook,
        stdout=output,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT_ROOT,
        env=environment,
    )
    try:
        async with asyncio.timeout(MAX_SECONDS):
            _, error_output = await process.communicate()
    except TimeoutError:
        return {"problem": TOO_LARGE_MESSAGE}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    status = process.returncode or 0
    if status == 0:
        return cast("dict[str, str]", json.loads(error_output.splitlines()[-1]))
    log.warning("workbook.unreadable", status=status)
    return {"problem": TOO_LARGE_MESSAGE if status < 0 else DAMAGED_MESSAGE}
