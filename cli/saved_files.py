"""The files of visitors within a backup: a tar archive whose members are named by their content's SHA-256."""

import re
import tarfile
from pathlib import Path
from typing import IO, cast

import psycopg

from cli.archive import COPY_CHUNK_BYTES, WriteBytes
from cli.common import notify_operator
from shared.files.file_store import FileUpload, content_path
from shared.platform.db.connections import Connection, connect

ON_DISK_SQL = "SELECT encode(digest, 'hex') FROM files WHERE storage = 'disk'"
STILL_ON_DISK_SQL = f"SELECT count(*) FROM ({ON_DISK_SQL} AND digest = ANY(%s::bytea[]) GROUP BY digest) wanted"

OTHER_TABLES_ERRORS = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)

_is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


class ByteSink:
    """What a tar archive is written to: a file without a position."""

    def __init__(self, write: WriteBytes) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(data)
        return len(data)


def save_files(folder: Path, write: WriteBytes) -> int:
    """Write the contents below the folder as a tar archive. Return how many.

    It runs after the dump: a content is on disk before its row is there. One that leaves the disk meanwhile is left
    out: it moved to S3, or its submission is too old.
    """
    saved = 0
    with tarfile.open(fileobj=cast("IO[bytes]", ByteSink(write)), mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
            try:
                with path.open("rb") as file:
                    member = tar.gettarinfo(arcname=path.name, fileobj=file)
                    member.uid = member.gid = 0
                    member.uname = member.gname = ""
                    tar.addfile(member, file)
            except FileNotFoundError:
                continue
            saved += 1
    return saved


def load_files(folder: Path, source: IO[bytes]) -> int:
    """Put the contents of a backup below the folder. Return how many. What is there already stays.

    Contents that the database does not know after all are removed a day later, as those of posts that failed are.
    """
    loaded = 0
    with tarfile.open(fileobj=source, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or not _is_digest(member.name):
                raise RuntimeError(f"the backup has a file with the name {member.name!r}")
            loaded += 1
            _load_content(folder, member.name, content)
    return loaded


def missing_files_message(count: int, folder: Path) -> str:
    """Return what to tell the operator of contents that are not where they should be."""
    return (
        f"{count} files that the database names are not in {folder}: set LEADHUB_FILES_DIR to the folder that all "
        "services share, and run this again where it can be read"
    )


async def count_missing(url: str, folder: Path) -> int:
    """Return how many contents the database says to be on disk, and are not below the folder.

    What leaves the disk meanwhile does not count: the database has forgotten it, or says that it is in S3.
    Tables of an earlier version do not say where a content lies: none is missing then.
    """
    async with connect(url, "leadhub-cli") as connection:
        try:
            missing = await _absent_contents(connection, folder)
        except OTHER_TABLES_ERRORS:
            return 0
        row = await (await connection.execute(STILL_ON_DISK_SQL, (missing,))).fetchone()
        return int(row[0]) if row else 0


async def _absent_contents(connection: Connection, folder: Path) -> list[bytes]:
    async with connection.transaction(), connection.cursor("contents") as cursor:
        await cursor.execute(ON_DISK_SQL)
        return [bytes.fromhex(digest) async for (digest,) in cursor if not content_path(folder, digest).exists()]


def _load_content(folder: Path, digest: str, content: IO[bytes]) -> None:
    upload = FileUpload(folder)
    try:
        while piece := content.read(COPY_CHUNK_BYTES):
            upload.write(piece)
        saved_content = upload.finish()
    finally:
        upload.abort()
    if saved_content.digest != digest:
        notify_operator(f"the file {digest} was damaged when the backup was made")
