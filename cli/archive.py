"""The file that `backup` writes and `restore` reads: a tar archive that anybody's tar can open.

Its last member is the manifest with the others' digests: an archive that has one was written to its end, and what was
damaged since is found before anything is restored from it.
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

from pydantic import BaseModel, ValidationError

from shared.embedded.datadir import sync_folder

FORMAT = 1
SPOOL, KEY, DUMP, MANIFEST = "spool.jsonl", "secrets/key", "database.dump", "manifest.json"
CONTENT = frozenset((SPOOL, KEY, DUMP))
CHUNK = 1 << 20  # bytes

Write = Callable[[bytes], None]


class Unreadable(Exception):
    """Why a tar archive cannot be restored."""


class Manifest(BaseModel):
    """What an archive holds. `ledger` is of the very snapshot that the dump is of, the spool's entries added."""

    format: int
    leadhub: str
    postgresql: str
    made_at: datetime
    ledger: dict[str, int]
    sha256: dict[str, str]

    @property
    def postgresql_major(self) -> int:
        """Of the server that was dumped."""
        return int(self.postgresql.split(".")[0].split()[0])


class Writer:
    """Writes members whose size is known only when they are complete. `sha256`: digests by member."""

    def __init__(self, file: IO[bytes]) -> None:
        self.sha256: dict[str, str] = {}
        self._file = file

    @contextmanager
    def member(self, name: str) -> Iterator[Write]:
        """A member, by the function that appends to it. Its header stands before it and is written after it."""
        digest, start = hashlib.sha256(), self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE))

        def write(data: bytes) -> None:
            digest.update(data)
            self._file.write(data)

        yield write
        size = self._file.tell() - start - tarfile.BLOCKSIZE
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        self._file.seek(start)
        self._file.write(_header(name, size))
        self._file.seek(0, os.SEEK_END)
        self.sha256[name] = digest.hexdigest()

    def finish(self) -> None:
        """Write the end of the archive, and have all of it on disk."""
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.flush()
        os.fsync(self._file.fileno())


class Archive:
    """An archive that was found whole."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.manifest = _manifest(self.open(MANIFEST).read())
        self.has_key = KEY in self.manifest.sha256
        for name in CONTENT if self.has_key else CONTENT - {KEY}:
            if hashlib.file_digest(self.open(name), "sha256").hexdigest() != self.manifest.sha256.get(name):  # type: ignore[arg-type]
                raise Unreadable(f"{name} in it is damaged")

    def open(self, name: str) -> IO[bytes]:
        """A member from its beginning."""
        try:
            found = self._tar.extractfile(name)
        except KeyError:
            found = None
        if found is None:
            raise Unreadable(f"it has no {name}: cut short, or no backup of LeadHub")
        return found


def part_of(path: Path) -> Path:
    """Where an archive is written before it is complete."""
    return Path(f"{os.path.realpath(path)}.part")


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """An archive that appears under its name only when it is complete. For its owner only: it holds the key.

    A link stands for what it leads to, as where a shell writes.
    """
    path, part = Path(os.path.realpath(path)), part_of(path)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        _claim(descriptor, part)
        try:
            writer = Writer(file)
            yield writer
            writer.finish()
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """An archive, every byte of it checked. RuntimeError if it is damaged, cut short or none of ours."""
    if not path.is_file():
        raise RuntimeError(f"{path} is read more than once, which a pipe cannot be: save it as a file first")
    try:
        with tarfile.open(path, "r:") as tar:
            yield Archive(tar)
    except Unreadable as error:
        raise RuntimeError(f"{path} cannot be restored: {error}") from None
    except tarfile.TarError as error:
        raise RuntimeError(f"{path} is damaged, cut short, or no backup of LeadHub: {error}") from None


def _claim(descriptor: int, part: Path) -> None:
    """Empty what a killed backup left, unless a live one is writing it, or has just made it the archive itself."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_part = os.path.samestat(os.fstat(descriptor), part.stat())
    except (BlockingIOError, FileNotFoundError):
        is_part = False
    if not is_part:
        raise RuntimeError(f"another backup is writing {part}")
    os.fchmod(descriptor, 0o600)
    os.ftruncate(descriptor, 0)


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member.tobuf(tarfile.GNU_FORMAT)  # one block, whatever the size


def _manifest(text: bytes) -> Manifest:
    try:
        found: Any = json.loads(text)
        if isinstance(found, dict) and found.get("format") != FORMAT:
            raise Unreadable(f"its format is {found.get('format')!r}; this LeadHub reads format {FORMAT}")
        return Manifest.model_validate(found)
    except (ValueError, ValidationError):
        raise Unreadable("its manifest cannot be read") from None
