"""The file that `backup` writes and `restore` reads: a tar archive that any tar program can open.

The last member is the manifest with the digests of the others. An archive with a manifest was written to its end, and
damage is found before anything is restored.
"""

import fcntl
import hashlib
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
from pydantic import BaseModel, ValidationError

from shared.platform.data_dir import sync_folder

ARCHIVE_FORMAT = 1
SPOOL_MEMBER, KEY_MEMBER, DUMP_MEMBER, MANIFEST_MEMBER = "spool.jsonl", "secrets/key", "database.dump", "manifest.json"
FILES_MEMBER = "files.tar"
CONTENT_MEMBERS = frozenset((SPOOL_MEMBER, KEY_MEMBER, DUMP_MEMBER, FILES_MEMBER))
OPTIONAL_MEMBERS = frozenset((KEY_MEMBER, FILES_MEMBER))  # older backups have no files
COPY_CHUNK_BYTES = 1 << 20  # bytes

WriteBytes = Callable[[bytes], None]


class InvalidArchive(Exception):
    """A tar archive cannot be restored; the message says why."""


class ArchiveManifest(BaseModel):
    """The contents of an archive. `ledger` belongs to the snapshot of the dump, with the spool's entries added."""

    format: int
    leadhub: str
    postgresql: str
    made_at: datetime
    ledger: dict[str, int]
    sha256: dict[str, str]

    @property
    def postgresql_major(self) -> int:
        """The major version of the server that was dumped."""
        return int(self.postgresql.split(".")[0].split()[0])


class ArchiveWriter:
    """Write members whose size is known only when they are complete. `sha256` holds digests by member."""

    def __init__(self, file: IO[bytes]) -> None:
        self.sha256: dict[str, str] = {}
        self._file = file

    @contextmanager
    def writing_member(self, name: str) -> Iterator[WriteBytes]:
        """Yield the function that appends to a new member. The header precedes the member and is written last."""
        digest, start = hashlib.sha256(), self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE))

        def write(data: bytes) -> None:
            digest.update(data)
            self._file.write(data)

        yield write
        size = self._file.tell() - start - tarfile.BLOCKSIZE
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        self._file.seek(start)
        self._file.write(_member_header(name, size))
        self._file.seek(0, os.SEEK_END)
        self.sha256[name] = digest.hexdigest()

    def finish_archive(self) -> None:
        """Write the end of the archive and flush all of it to disk."""
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.flush()
        os.fsync(self._file.fileno())


class BackupArchive:
    """An archive whose members all match their digests."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.manifest = _parse_manifest(self.open_member(MANIFEST_MEMBER).read())
        self.has_key = KEY_MEMBER in self.manifest.sha256
        self.has_files = FILES_MEMBER in self.manifest.sha256
        for name in CONTENT_MEMBERS - (OPTIONAL_MEMBERS - self.manifest.sha256.keys()):
            if hashlib.file_digest(self.open_member(name), "sha256").hexdigest() != self.manifest.sha256.get(name):  # type: ignore[arg-type]
                raise InvalidArchive(f"{name} in it is damaged")

    def open_member(self, name: str) -> IO[bytes]:
        """Open a member at its beginning."""
        try:
            member = self._tar.extractfile(name)
        except KeyError:
            member = None
        if member is None:
            raise InvalidArchive(f"it has no {name}: cut short, or no backup of LeadHub")
        return member


def partial_path(path: Path) -> Path:
    """Return the path at which an archive is written before it is complete."""
    return Path(f"{os.path.realpath(path)}.part")


def refuse_existing_file(file: Path, *, force: bool) -> None:
    """Raise UsageError for an existing file that may not be replaced, and always for a device or a pipe."""
    if not file.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {file.absolute().parent}")
    for path in (file, partial_path(file)):
        if path.exists() and not path.is_file():
            raise click.UsageError(f"{path} is no regular file; it is left as it is")
    if file.exists() and not force:
        raise click.UsageError(f"there is a {file} already; pass --force to replace it")


@contextmanager
def writing_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive that appears under its name only when it is complete. Only its owner may read it.

    A link is followed, as a shell does when it redirects output.
    """
    path, part = Path(os.path.realpath(path)), partial_path(path)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        _claim_partial(descriptor, part)
        try:
            writer = ArchiveWriter(file)
            yield writer
            writer.finish_archive()
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


@contextmanager
def reading_archive(path: Path) -> Iterator[BackupArchive]:
    """Open an archive after checking every byte. RuntimeError if it is damaged, truncated or not a LeadHub backup."""
    if not path.is_file():
        raise RuntimeError(f"{path} is read more than once, which a pipe cannot be: save it as a file first")
    try:
        with tarfile.open(path, "r:") as tar:
            yield BackupArchive(tar)
    except InvalidArchive as error:
        raise RuntimeError(f"{path} cannot be restored: {error}") from None
    except tarfile.TarError as error:
        raise RuntimeError(f"{path} is damaged, cut short, or no backup of LeadHub: {error}") from None


def _claim_partial(descriptor: int, part: Path) -> None:
    """Empty the partial file of a killed backup. RuntimeError if a running backup uses it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_part = os.path.samestat(os.fstat(descriptor), part.stat())
    except (BlockingIOError, FileNotFoundError):
        is_part = False
    if not is_part:
        raise RuntimeError(f"another backup is writing {part}")
    os.fchmod(descriptor, 0o600)
    os.ftruncate(descriptor, 0)


def _member_header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member.tobuf(tarfile.GNU_FORMAT)  # one block, whatever the size


def _parse_manifest(text: bytes) -> ArchiveManifest:
    try:
        document: Any = json.loads(text)
        if isinstance(document, dict) and document.get("format") != ARCHIVE_FORMAT:
            raise InvalidArchive(
                f"its format is {document.get('format')!r}; this LeadHub reads format {ARCHIVE_FORMAT}"
            )
        return ArchiveManifest.model_validate(document)
    except (ValueError, ValidationError):
        raise InvalidArchive("its manifest cannot be read") from None
