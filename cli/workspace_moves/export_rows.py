"""Write the rows of one workspace into a file, as they were at one moment, while everything goes on."""

import tarfile
from collections.abc import AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import Any, Final, cast

from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row
from pydantic import TypeAdapter

from cli.archive import FILES_MEMBER, MANIFEST_MEMBER, ArchiveWriter, WriteBytes
from cli.common import notify_operator
from cli.saved_files import ByteSink
from cli.workspace_moves.copied_rows import NULL_VALUE, escape_value, unescape_value
from cli.workspace_moves.move_archive import (
    MAX_NUMBERED_ROWS,
    MOVE_FORMAT,
    MovedAccount,
    MoveHead,
    member_name,
)
from cli.workspace_moves.move_secrets import LEFT_OUT_SECRET, PROOF_TEXT, PassphraseCipher
from cli.workspace_moves.moved_tables import (
    MOVED_TABLES,
    NUMBERED_TABLES,
    SHIFTED_TABLES,
    WORKSPACE_COLUMNS,
    MovedTable,
)
from shared import __version__
from shared.audit.audit_entry import write_command
from shared.files.file_downloads import FileDownloads
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.advisory_locks import KEY_ROTATION_LOCK
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.settings import Settings

WORKSPACE_SQL: Final = sql.SQL("SELECT id, {} FROM workspaces WHERE slug = {}")
ERASURES_SQL: Final = "SELECT EXISTS (SELECT FROM erasures WHERE workspace_id = %s AND finished_at IS NULL)"
VERSION_SQL: Final = "SELECT version_num FROM alembic_version"
LEDGER_SQL: Final = """
SELECT state, sum(n)::bigint FROM (
    SELECT state, n FROM ledger WHERE workspace_id = %(w)s
    UNION ALL SELECT state, n FROM ledger_deltas WHERE workspace_id = %(w)s) l
GROUP BY state ORDER BY state
"""
COUNTERS_SQL: Final = """
SELECT kind, ref_id, sum(n)::bigint FROM (
    SELECT kind, ref_id, n FROM counters WHERE workspace_id = %(w)s
    UNION ALL SELECT kind, ref_id, n FROM counter_deltas WHERE workspace_id = %(w)s) c
GROUP BY kind, ref_id HAVING sum(n) > 0 ORDER BY kind, ref_id
"""
ACCOUNTS_SQL: Final = """
SELECT a.id, a.email FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.workspace_id = %s ORDER BY a.id
"""
DIGESTS_SQL: Final = """
SELECT DISTINCT encode(digest, 'hex') FROM files WHERE workspace_id = %s AND encode(digest, 'hex') > %s
ORDER BY 1 LIMIT 1000
"""
UNFINISHED_ERASURE_MESSAGE: Final = "a person is being erased from this workspace: run it again in a minute"
ROWS_A_REPORT: Final = 1_000_000


class WorkspaceExport:
    """The export of one workspace, in one transaction that sees one moment."""

    def __init__(
        self,
        connection: Connection,
        archive: ArchiveWriter,
        settings: Settings,
        passphrase_cipher: PassphraseCipher | None,
    ) -> None:
        self._connection, self._archive, self._settings = connection, archive, settings
        self._passphrase_cipher = passphrase_cipher
        self._cipher = Cipher.from_settings(settings)
        self._workspace_id = 0
        self._counts: dict[str, int] = {}

    async def write(self, slug: str) -> MoveHead:
        """Write everything, and return the head. ValueError if there is no such workspace.

        A lock keeps key rotations out: all secrets are under the keys that were read.
        """
        await self._connection.execute("SELECT pg_advisory_lock_shared(%s)", (KEY_ROTATION_LOCK,))
        await self._connection.execute("SET statement_timeout = 0")
        await self._connection.execute("SET idle_in_transaction_session_timeout = 0")  # the disk may be slow
        await self._connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await self._connection.set_read_only(True)
        async with self._connection.transaction():
            workspace = await self._read_workspace(slug)
            head = await self._read_head(slug, workspace)
            for moved_table in MOVED_TABLES:
                await self._write_table(moved_table)
            with self._archive.writing_member(FILES_MEMBER) as write:
                contents = await self._write_contents(write)
        head = head.model_copy(
            update={"counts": self._counts, "contents": contents, "sha256": dict(self._archive.sha256)}
        )
        with self._archive.writing_member(MANIFEST_MEMBER) as write:
            write(head.model_dump_json(indent=1).encode())
        await self._note_export(slug)
        return head

    async def _note_export(self, slug: str) -> None:
        """Write an entry of the audit log: somebody has all of the workspace's leads now."""
        await self._connection.set_read_only(False)
        await write_command(
            self._connection,
            "workspace.exported",
            workspace_id=self._workspace_id,
            object_kind="workspace",
            object_id=self._workspace_id,
            after={"slug": slug},
        )

    async def _read_workspace(self, slug: str) -> dict[str, Any]:
        names = sql.SQL(", ").join(map(sql.Identifier, WORKSPACE_COLUMNS))
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            row = await (await cursor.execute(WORKSPACE_SQL.format(names, sql.Literal(slug)))).fetchone()
        if row is None:
            raise ValueError(f"there is no workspace {slug!r}; `workspace list` shows them")
        self._workspace_id = row.pop("id")
        if (await self._fetch(ERASURES_SQL, (self._workspace_id,)))[0][0]:
            raise RuntimeError(UNFINISHED_ERASURE_MESSAGE)
        return cast("dict[str, Any]", TypeAdapter(dict[str, Any]).dump_python(row, mode="json"))

    async def _read_head(self, slug: str, workspace: dict[str, Any]) -> MoveHead:
        sealing = self._passphrase_cipher
        return MoveHead(
            format=MOVE_FORMAT,
            leadhub=__version__,
            tables_version=(await self._fetch(VERSION_SQL))[0][0],
            made_at=(await self._fetch("SELECT now()"))[0][0],
            slug=slug,
            workspace=workspace,
            columns={moved_table.name: moved_table.columns for moved_table in MOVED_TABLES},
            counts={},
            ids={table: await self._read_ids(table) for table in NUMBERED_TABLES},
            spans=await self._read_spans(),
            sequences=await self._read_sequences(),
            accounts=[
                MovedAccount(id=id_, email=email)
                for id_, email in await self._fetch(ACCOUNTS_SQL, (self._workspace_id,))
            ],
            ledger=dict(await self._fetch(LEDGER_SQL, {"w": self._workspace_id})),
            counters=await self._fetch(COUNTERS_SQL, {"w": self._workspace_id}),
            contents=0,
            salt=sealing.salt.hex() if sealing else None,
            proof=sealing.seal(PROOF_TEXT).decode() if sealing else None,
            sha256={},
        )

    async def _read_ids(self, table: str) -> list[int]:
        query = sql.SQL("SELECT id FROM {} WHERE workspace_id = {} ORDER BY id")
        rows = await self._fetch(query.format(sql.Identifier(table), sql.Literal(self._workspace_id)))
        if len(rows) > MAX_NUMBERED_ROWS:
            raise RuntimeError(f"the workspace has more than {MAX_NUMBERED_ROWS:,} rows in {table}")
        return [id_ for (id_,) in rows]

    async def _read_spans(self) -> dict[str, tuple[int, int]]:
        query = sql.SQL("SELECT min(id), max(id) FROM {} WHERE workspace_id = {}")
        spans = {}
        for table in SHIFTED_TABLES:
            rows = await self._fetch(query.format(sql.Identifier(table), sql.Literal(self._workspace_id)))
            if rows[0][0] is not None:
                spans[table] = (rows[0][0], rows[0][1])
        return spans

    async def _read_sequences(self) -> dict[str, int]:
        """Return the last id of each sequence whose ids are kept: deleted leads are remembered by theirs."""
        names = [moved_table.sequence for moved_table in MOVED_TABLES if moved_table.sequence]
        query = sql.SQL("SELECT last_value FROM {}")
        return {name: (await self._fetch(query.format(sql.Identifier(name))))[0][0] for name in names}

    async def _write_table(self, moved_table: MovedTable) -> None:
        convert = self._line_converter(moved_table)
        rows = 0
        with self._archive.writing_member(member_name(moved_table.name)) as write:
            async for line in self._read_lines(moved_table):
                write(convert(line))
                rows += 1
                if rows % ROWS_A_REPORT == 0:
                    notify_operator(f"{moved_table.name}: {rows:,} rows")
        self._counts[moved_table.name] = rows

    async def _read_lines(self, moved_table: MovedTable) -> AsyncIterator[bytes]:
        """Yield the rows as COPY writes them, one at a time."""
        query = sql.SQL("COPY (SELECT {} FROM {} WHERE workspace_id = {} AND ({}) ORDER BY {}) TO STDOUT").format(
            sql.SQL(", ").join(map(sql.Identifier, moved_table.columns)),
            sql.Identifier(moved_table.name),
            sql.Literal(self._workspace_id),
            sql.SQL(cast("Any", moved_table.condition.format(w=self._workspace_id))),
            sql.SQL(", ").join(sql.Identifier(column.name) for column in moved_table.table.primary_key),
        )
        async with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            async for line in copy:
                yield bytes(line)

    def _line_converter(self, moved_table: MovedTable) -> Callable[[bytes], bytes]:
        """Return the function that puts the secrets of a row under the passphrase, or leaves them out."""
        columns = moved_table.columns
        secret_places = [(columns.index(name), bool(moved_table.column(name).nullable)) for name in moved_table.secrets]
        if not secret_places:
            return lambda line: line

        def convert(line: bytes) -> bytes:
            values = line.removesuffix(b"\n").split(b"\t")
            for place, is_nullable in secret_places:
                if values[place] != NULL_VALUE:
                    values[place] = self._convert_secret(values[place], is_nullable=is_nullable)
            return b"\t".join(values) + b"\n"

        return convert

    def _convert_secret(self, value: bytes, *, is_nullable: bool) -> bytes:
        if self._passphrase_cipher is None:
            return NULL_VALUE if is_nullable else LEFT_OUT_SECRET
        stored = bytes.fromhex(unescape_value(value).removeprefix(b"\\x").decode())
        try:
            return escape_value(self._passphrase_cipher.seal(self._cipher.decrypt(stored)))
        except DecryptionError as error:
            raise RuntimeError(f"{error}; export it --without-secrets, or pass the key that they are under") from None

    async def _write_contents(self, write: WriteBytes) -> int:
        """Write the contents of the workspace's files as a tar archive, each once. Return how many."""
        downloads, saved_contents, last = FileDownloads(self._settings), 0, ""
        with tarfile.open(fileobj=cast("Any", ByteSink(write)), mode="w|", format=tarfile.GNU_FORMAT) as tar:
            while rows := await self._fetch(DIGESTS_SQL, (self._workspace_id, last)):
                for (digest,) in rows:
                    saved_contents += await _write_content(downloads, tar, digest)
                last = rows[-1][0]
        downloads.close()
        return saved_contents

    async def _fetch(self, query: Any, values: Any = None) -> list[Any]:
        return await (await self._connection.execute(query, values)).fetchall()


async def _write_content(downloads: FileDownloads, tar: tarfile.TarFile, digest: str) -> bool:
    """Write one content by way of the disk, since its size precedes it. Return whether it is still there."""
    try:
        pieces = await downloads.read_content(digest)
    except NotFound:
        return False
    with SpooledTemporaryFile(max_size=8 << 20) as copy:
        async for piece in pieces:
            copy.write(piece)
        member = tarfile.TarInfo(digest)
        member.size, member.mode = copy.tell(), 0o600
        copy.seek(0)
        tar.addfile(member, cast("Any", copy))
    return True
