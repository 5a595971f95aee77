"""Contents of files on this machine's disk, each once, under its SHA-256.

A content lies at `ab/cd/<digest>` below the store's folder, without a workspace in its path: whether someone may read
it is decided by the rows of `files`, which name their workspace, and nothing that a client sends ever names a digest.
So a content that two workspaces were sent takes its room once, and goes when the last row that has it is gone.

Whoever writes a content replaces the file, so that its time of change is that of the last post that brought it. Whoever
removes one holds the store's lock and looks at this time: a post that is not ingested yet keeps its content.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import threading
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from shared.files.file_types import TYPE_HEAD_BYTES, judge_type
from shared.platform.data_dir import sync_folder
from shared.platform.errors import ServiceUnavailable
from shared.platform.observability import logging

log = logging.get_logger()

T = TypeVar("T")

WRITE_BYTES = 256 << 10  # bytes that are written at once
READ_BYTES = 256 << 10  # bytes that are read at once
FILE_THREADS = 4
DIGEST_LENGTH = 64  # hexadecimal digits of a SHA-256
INCOMING_FOLDER = "incoming"  # files that are still arriving, which have no digest yet
LOCK_NAME = "lock"
FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT)
FULL_MESSAGE = "There is no room for files just now. Send it again later."
BROKEN_MESSAGE = "Files cannot be stored just now. Send it again later."
STORE_RETRY_SECONDS = 30


class FileTooLarge(Exception):
    """The file has more bytes than it may have. `limit` is in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"over {limit} bytes")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A content that is on disk. `stamp` tells its file from later ones, if this post was the first to bring it."""

    digest: str  # SHA-256, in hexadecimal
    size: int  # bytes
    type: str  # media type, judged by the bytes
    stamp: tuple[int, int] | None = None


class FileStore:
    """Contents below one folder. No method blocks the event loop: files are touched in threads of the store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._threads = ThreadPoolExecutor(FILE_THREADS, "files")

    async def put(self, chunks: AsyncIterable[bytes], limit: int) -> StoredContent:
        """Store a content of at most `limit` bytes. It is on disk when this returns.

        Raises FileTooLarge, and ServiceUnavailable if the disk is full or cannot be written. Nothing remains then.
        """
        upload = await self._in_thread(lambda: FileUpload(self.root))
        try:
            buffered, size = bytearray(), 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise FileTooLarge(limit)
                buffered += chunk
                if len(buffered) >= WRITE_BYTES:
                    await self._in_thread(partial(upload.write, bytes(buffered)))
                    buffered.clear()
            return await self._in_thread(lambda: upload.finish(bytes(buffered)))
        finally:
            # Not awaited: a request that was cancelled ends here too. The upload's own lock keeps the order.
            self._threads.submit(upload.abort)

    async def open_stored(self, digest: str) -> BinaryIO:
        """Open a content. Raises FileNotFoundError, and other errors of the disk."""
        return await self._run(lambda: self.path_of(digest).open("rb"))

    async def read_chunks(self, file: BinaryIO) -> AsyncGenerator[bytes]:
        """Yield an opened content in pieces, and close it."""
        try:
            while piece := await self._run(lambda: file.read(READ_BYTES)):
                yield piece
        finally:
            self._threads.submit(file.close)

    async def discard(self, content: StoredContent) -> None:
        """Remove a content whose post was refused, unless another post brought the same."""
        if content.stamp:
            await self._run(lambda: self._remove_if(content.digest, lambda found: _stamp_of(found) == content.stamp))

    async def remove(self, digest: str, *, unchanged_since: float) -> bool:
        """Remove a content that nothing was posted with after this time, in seconds since the epoch.

        Return whether it is away.
        """
        return await self._run(lambda: self._remove_if(digest, lambda found: found.st_mtime <= unchanged_since))

    async def changed_at(self, digest: str) -> float | None:
        """Return the time of the last post with a content, in seconds since the epoch; None if it is not on disk."""
        try:
            return (await self._run(self.path_of(digest).stat)).st_mtime
        except FileNotFoundError:
            return None

    async def list_unchanged(self, unchanged_since: float) -> AsyncIterator[list[str]]:
        """Yield the digests of contents that are older than this time, folder by folder. Old rests of uploads go."""
        await self._run(lambda: _remove_rests(self.root / INCOMING_FOLDER, unchanged_since))
        for folder in await self._run(lambda: _folders_of(self.root)):
            found = await self._run(partial(_old_files, folder, unchanged_since))
            if found:
                yield found

    def path_of(self, digest: str) -> Path:
        """Return the path of a content, which need not exist."""
        return content_path(self.root, digest)

    def close(self) -> None:
        """End the store's threads once they are idle."""
        self._threads.shutdown(wait=False)

    def _remove_if(self, digest: str, may_go: Callable[[os.stat_result], bool]) -> bool:
        path = self.path_of(digest)
        with suppress(FileNotFoundError), hold_store_lock(self.root, fcntl.LOCK_EX):
            if not may_go(path.stat()):
                return False
            path.unlink()
            sync_folder(path.parent)
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run work of an upload. Raises ServiceUnavailable for errors of the disk."""
        try:
            return await self._run(work)
        except OSError as error:
            log.error("files.not_stored", error=type(error).__name__, reason=os.strerror(error.errno or 0))
            message = FULL_MESSAGE if error.errno in FULL_ERRORS else BROKEN_MESSAGE
            raise ServiceUnavailable(message, retry_after=STORE_RETRY_SECONDS) from error


class FileUpload:
    """A file that arrives. Its methods block; the lock keeps them from running at the same time."""

    def __init__(self, root: Path) -> None:
        self._root, self._lock = root, threading.Lock()
        self._path = root / INCOMING_FOLDER / uuid.uuid4().hex
        self._hash, self._head, self._size = hashlib.sha256(), b"", 0
        make_folders(self._path.parent)
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        with self._lock:
            self._hash.update(piece)
            self._size += len(piece)
            if len(self._head) < TYPE_HEAD_BYTES:
                self._head += piece[:TYPE_HEAD_BYTES]
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) or 0 :]

    def finish(self, rest: bytes = b"") -> StoredContent:
        """Write the rest. The content is on disk under its digest when this returns."""
        self.write(rest)
        with self._lock:
            os.fsync(self._file.fileno())
            os.utime(self._file.fileno())  # a slow upload counts as posted now
            stamp = _stamp_of(os.fstat(self._file.fileno()))
            digest = self._hash.hexdigest()
            target = content_path(self._root, digest)
            make_folders(target.parent)
            with hold_store_lock(self._root, fcntl.LOCK_SH):
                is_new = not target.exists()
                self._path.replace(target)
            sync_folder(target.parent)
        return StoredContent(digest, self._size, judge_type(self._head), stamp if is_new else None)

    def abort(self) -> None:
        """Close the file. Remove it if it was not finished."""
        with self._lock, suppress(OSError):
            self._file.close()
            self._path.unlink(missing_ok=True)


def content_path(root: Path, digest: str) -> Path:
    """Return the path of a content below the folder of files; it need not exist."""
    return root / digest[:2] / digest[2:4] / digest


@contextmanager
def hold_store_lock(root: Path, mode: int) -> Iterator[None]:
    """Hold the store's lock: shared for those who write, exclusively for who removes."""
    descriptor = os.open(root / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


def make_folders(path: Path) -> None:
    """Make a folder with those above it. Their names are on disk when this returns."""
    if path.is_dir():
        return
    make_folders(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def _stamp_of(found: os.stat_result) -> tuple[int, int]:
    return found.st_ino, found.st_mtime_ns


def _remove_rests(incoming: Path, unchanged_since: float) -> None:
    for path in incoming.iterdir() if incoming.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime <= unchanged_since:
                path.unlink()


def _folders_of(root: Path) -> list[Path]:
    return sorted(root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]"))


def _old_files(folder: Path, unchanged_since: float) -> list[str]:
    old_names = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if len(entry.name) == DIGEST_LENGTH and entry.stat().st_mtime <= unchanged_since:
                    old_names.append(entry.name)
    return old_names


def seconds_ago(seconds: float) -> float:
    """Return the time so long ago, in seconds since the epoch, by the clock that stamps files."""
    return time.time() - seconds
