"""The file of a moved workspace: a tar archive with a member for each table, and a head with digests of all of them.

It may come from anybody. So its members are counted, named and checked before the first row of it is used.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.archive import COPY_CHUNK_BYTES, FILES_MEMBER, MANIFEST_MEMBER
from cli.workspace_moves.copied_rows import MAX_ID, InvalidMove
from cli.workspace_moves.moved_tables import MOVED_TABLES

MOVE_FORMAT: Final = "leadhub workspace 1"
MAX_HEAD_BYTES: Final = 32 << 20
MAX_LINE_BYTES: Final = 64 << 20  # a row; the largest has the ids of 100,000 merged submissions
MAX_NUMBERED_ROWS: Final = 200_000  # rows of a table whose ids the head lists

TABLES_BY_NAME: Final = {moved_table.name: moved_table for moved_table in MOVED_TABLES}

MoveId = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
MoveCount = Annotated[int, Field(strict=True, ge=0, le=MAX_ID)]


class MovedAccount(BaseModel):
    """An account that is a member of the workspace."""

    model_config = ConfigDict(extra="forbid")

    id: MoveId
    email: Annotated[str, Field(max_length=254)]


class MoveHead(BaseModel):
    """What a file says of itself. `counts` are rows by table, `spans` the lowest and highest ids of large tables."""

    model_config = ConfigDict(extra="forbid")

    format: str
    leadhub: str
    tables_version: str
    made_at: datetime
    slug: str
    workspace: dict[str, Any]
    columns: dict[str, list[str]]
    counts: dict[str, MoveCount]
    ids: dict[str, Annotated[list[MoveId], Field(max_length=MAX_NUMBERED_ROWS)]]
    spans: dict[str, tuple[MoveId, MoveId]]
    sequences: dict[str, MoveCount]
    accounts: Annotated[list[MovedAccount], Field(max_length=MAX_NUMBERED_ROWS)]
    ledger: dict[str, MoveCount]
    counters: list[tuple[str, MoveId, MoveCount]]
    contents: MoveCount
    salt: str | None = None
    proof: str | None = None
    sha256: dict[str, str]


class MoveArchive:
    """A file of a workspace whose members all match their digests. Raises InvalidMove for any other file."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._members = {member.name: member for member in _checked_members(tar)}
        self._tar = tar
        self.head = _parse_head(self._open(MANIFEST_MEMBER).read(MAX_HEAD_BYTES + 1))
        if self._members.keys() != {*self.head.sha256, MANIFEST_MEMBER}:
            raise InvalidMove("its head names other members than it has")
        for name, digest in self.head.sha256.items():
            if _digest_of(self._open(name)) != digest:
                raise InvalidMove(f"{name} in it is damaged")

    def open_contents(self) -> IO[bytes]:
        """Open the contents of files, a tar archive."""
        return self._open(FILES_MEMBER)

    def lines(self, table: str) -> Iterator[bytes]:
        """Yield the rows of a table, each with its end."""
        if member_name(table) not in self._members:
            return
        member = self._open(member_name(table))
        while line := member.readline(MAX_LINE_BYTES):
            yield line

    def _open(self, name: str) -> IO[bytes]:
        member = self._members.get(name)
        content = self._tar.extractfile(member) if member else None
        if content is None:
            raise InvalidMove(f"it has no {name}: cut short, or no workspace of LeadHub")
        return content


@contextmanager
def reading_move(path: Path) -> Iterator[MoveArchive]:
    """Open a file after checking every byte of it. RuntimeError if it is damaged or not the export of a workspace."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield MoveArchive(tar)
    except InvalidMove as error:
        raise RuntimeError(f"{path} cannot be imported: {error}") from None
    except tarfile.TarError as error:
        raise RuntimeError(f"{path} is damaged, cut short, or no workspace of LeadHub: {error}") from None


def member_name(table: str) -> str:
    """Return the name of the member with a table's rows."""
    return f"tables/{table}.copy"


def _checked_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members, as long as they are plain, known, and there once."""
    allowed_names = {MANIFEST_MEMBER, FILES_MEMBER, *map(member_name, TABLES_BY_NAME)}
    while member := tar.next():
        if member.name not in allowed_names or not member.isreg() or member.issparse():
            raise InvalidMove(f"it has a member {member.name[:100]!r}, which no export of this version has")
        allowed_names.remove(member.name)
        yield member


def _digest_of(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := content.read(COPY_CHUNK_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _parse_head(text: bytes) -> MoveHead:
    if len(text) > MAX_HEAD_BYTES:
        raise InvalidMove("its head is too large")
    try:
        head = MoveHead.model_validate_json(text)
    except ValidationError as error:
        raise InvalidMove(f"its head cannot be read: {error.errors(include_input=False)[0]['loc']}") from None
    if head.format != MOVE_FORMAT:
        raise InvalidMove(f"its format is {head.format[:40]!r}; this LeadHub reads {MOVE_FORMAT!r}")
    for table, columns in head.columns.items():
        known_table = TABLES_BY_NAME.get(table)
        unknown = set(columns) - set(known_table.columns) if known_table else {table}
        if unknown or len(columns) != len(set(columns)):
            raise InvalidMove(
                f"it has {table}.{', '.join(sorted(unknown))[:100]}, which this version does not know: "
                f"it was made by LeadHub {head.leadhub[:20]} with tables at {head.tables_version[:20]}; upgrade first"
            )
    return head
