"""The contents of files that came with a workspace: put where this installation keeps them."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cli.archive import COPY_CHUNK_BYTES
from cli.workspace_moves.copied_rows import InvalidMove
from shared.files.file_store import FileUpload

_is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


def store_contents(folder: Path, source: IO[bytes]) -> set[str]:
    """Store the contents below the folder, each under its digest, and return the digests. What is there stays.

    What no row names after all is removed a day later, as with posts that failed. Raises InvalidMove for a content that
    is not what its name says.
    """
    digests = set()
    for digest, content in _read_members(source):
        upload = FileUpload(folder)
        try:
            while piece := content.read(COPY_CHUNK_BYTES):
                upload.write(piece)
            stored = upload.finish()
        finally:
            upload.abort()
        if stored.digest != digest:
            raise InvalidMove(f"the content {digest} in it is another one")
        digests.add(digest)
    return digests


def list_contents(source: IO[bytes]) -> set[str]:
    """Return the digests alone, and store nothing."""
    return {digest for digest, _ in _read_members(source)}


def _read_members(source: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=source, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if content is None or not _is_digest(member.name):
                raise InvalidMove(f"it has a file with the name {member.name[:100]!r}")
            yield member.name, content
            tar.members = []  # type: ignore[attr-defined]  # tarfile remembers each member, however many there are
