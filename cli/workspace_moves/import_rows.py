"""Make a workspace of a file, in one transaction: it is there as a whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from cli.common import notify_operator
from cli.workspace_moves.copied_rows import InvalidMove, RowConverter
from cli.workspace_moves.id_maps import DocumentRewriter, IdMap
from cli.workspace_moves.imported_checks import check_rows, checked_settings, refresh_secrets
from cli.workspace_moves.imported_definitions import DefinitionChecks
from cli.workspace_moves.move_archive import MoveArchive
from cli.workspace_moves.move_secrets import LEFT_OUT_SECRET, PROOF_TEXT, PassphraseCipher
from cli.workspace_moves.moved_tables import MOVED_TABLES, MovedTable
from cli.workspace_moves.new_ids import advance_sequence, plan_new_ids
from cli.workspace_moves.unique_values import (
    UNIQUE_COLUMNS,
    UniqueValues,
    copied_bytes,
    find_taken_values,
    renew_values,
)
from shared.audit.audit_entry import write_command
from shared.forms.form_notices import notify_changed
from shared.platform.crypto.encryption import Cipher, TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from shared.workspaces import SLUG_PATTERN

# Triggers see all rows of a statement at once: its length bounds their memory.
ROWS_A_STATEMENT: Final = 20_000
BUSY_MESSAGE: Final = "somebody made a row with the same id meanwhile; nothing was imported: run it again"
WRONG_VALUE_MESSAGE: Final = "a value in {table} is not of its type, or contradicts another row ({error})"
INSERT_WORKSPACE_SQL: Final = """
INSERT INTO workspaces (slug, name, country, merge_policy, fold_gmail, never_join, timezone, spam_threshold, created_at)
VALUES (%(slug)s, %(name)s, %(country)s, %(merge_policy)s, %(fold_gmail)s, %(never_join)s, %(timezone)s,
        %(spam_threshold)s, %(created_at)s)
RETURNING id
"""
SET_ALARMS_SQL: Final = "UPDATE workspaces SET alarms = %s WHERE id = %s"
INSERT_LEDGER_SQL: Final = """
WITH states AS (SELECT * FROM jsonb_to_recordset(%(ledger)s) AS s(state text, n bigint)), written AS (
    INSERT INTO ledger (workspace_id, state, n) SELECT %(w)s, state, n FROM states
)
INSERT INTO ledger_samples (workspace_id, state, n) SELECT %(w)s, state, n FROM states
"""
INSERT_COUNTERS_SQL: Final = """
INSERT INTO counters (workspace_id, kind, ref_id, n)
SELECT %(w)s, kind, ref_id, sum(n) FROM jsonb_to_recordset(%(counters)s) AS c(kind text, ref_id bigint, n bigint)
GROUP BY kind, ref_id
"""
RenewValues = Callable[[str, list[bytes]], dict[str, bytes] | None]
LEDGER_STATES: Final = ("done", "dead", "quarantined")
COUNTER_TABLES: Final = {"form": "forms", "automation": "automations"}


@dataclass
class ImportReport:
    """What an import did: rows by table, rows that were left out, and sentences on what is to be done by hand."""

    workspace_id: int
    counts: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class WorkspaceImport:
    """The import of a file. `passphrase` is that of the export; None if the file has no secrets."""

    def __init__(
        self, connection: Connection, archive: MoveArchive, settings: Settings, passphrase: str | None
    ) -> None:
        self._connection, self._archive, self._settings = connection, archive, settings
        self._unsealing = _open_passphrase(archive, passphrase)

    async def run(self, slug: str, digests: set[str], *, dry_run: bool) -> ImportReport:
        """Import everything in one transaction. `digests` are the contents of files that came with it.

        A dry run does the same and takes it back. Raises InvalidMove, and ValueError for a slug that is taken or none.
        """
        await self._connection.execute("SET statement_timeout = 0")
        await self._connection.execute("SET idle_in_transaction_session_timeout = 0")
        async with self._connection.transaction(force_rollback=dry_run):
            cipher = await Cipher.from_settings(self._settings).in_transaction(self._connection)
            report = ImportReport(await self._insert_workspace(slug))
            maps = await plan_new_ids(self._connection, self._archive.head)
            rewriter = DocumentRewriter(maps, report.workspace_id)
            report.notes += await self._copy_tables(maps, rewriter, cipher, report)
            await self._insert_sums(report.workspace_id, maps)
            await self._set_alarms(report.workspace_id, rewriter)
            await self._advance_sequences(report.workspace_id)
            report.notes += await check_rows(self._connection, report.workspace_id, digests)
            definitions = DefinitionChecks(self._connection, report.workspace_id, self._settings)
            report.notes += await definitions.run(rewriter)
            if self._unsealing is None:
                report.notes += await refresh_secrets(self._connection, report.workspace_id, cipher)
            await write_command(
                self._connection,
                "workspace.imported",
                workspace_id=report.workspace_id,
                object_kind="workspace",
                object_id=report.workspace_id,
                after={"slug": slug},
            )
            await notify_changed(self._connection)
        return report

    async def _copy_tables(
        self, maps: dict[str, IdMap], rewriter: DocumentRewriter, cipher: TransactionCipher, report: ImportReport
    ) -> list[str]:
        """Copy all rows, and return which unique values became others."""
        taken_values = await find_taken_values(self._connection, self._archive)
        for moved_table in MOVED_TABLES:
            columns = self._archive.head.columns.get(moved_table.name, [])
            converter = RowConverter(
                moved_table, columns, maps, rewriter, self._secret_converter(cipher), report.workspace_id
            )
            await self._copy_table(moved_table, columns, converter, _renewal(taken_values, columns, cipher))
            report.counts[moved_table.name] = converter.rows
            report.left_out[moved_table.name] = converter.lines - converter.rows
        return taken_values.describe()

    async def _insert_workspace(self, slug: str) -> int:
        if not SLUG_PATTERN.fullmatch(slug):
            raise ValueError(
                f"the slug {slug[:70]!r} must be 1 to 63 lowercase letters, digits and hyphens: use --slug"
            )
        values = {**checked_settings(self._archive.head.workspace), "slug": slug}
        try:
            rows = await (await self._connection.execute(INSERT_WORKSPACE_SQL, values)).fetchall()
        except psycopg.errors.UniqueViolation:
            raise ValueError(f"there is a workspace {slug!r} already: give it another name with --slug") from None
        return int(rows[0][0])

    async def _copy_table(
        self,
        moved_table: MovedTable,
        columns: list[str],
        converter: RowConverter,
        renew: RenewValues,
    ) -> None:
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(moved_table.name), sql.SQL(", ").join(map(sql.Identifier, ["workspace_id", *columns]))
        )
        lines = self._converted_lines(moved_table.name, converter, renew)
        with _plain_errors(moved_table.name):
            line = next(lines, None)
            while line is not None:
                async with self._connection.cursor() as cursor, cursor.copy(query) as copy:
                    for _ in range(ROWS_A_STATEMENT):
                        await copy.write(line)
                        if (line := next(lines, None)) is None:
                            break
        await self._refuse_other_rows(moved_table, converter)

    def _converted_lines(self, table: str, converter: RowConverter, renew: RenewValues) -> Iterator[bytes]:
        for number, line in enumerate(self._archive.lines(table), 1):
            values = line.removesuffix(b"\n").split(b"\t")
            new_values = renew(table, values) if table in UNIQUE_COLUMNS else {}
            converter.lines += 1
            converted = None if new_values is None else converter.convert(line, new_values)
            if converted is not None:
                yield converted
            if number % 1_000_000 == 0:
                notify_operator(f"{table}: {number:,} rows")

    async def _refuse_other_rows(self, moved_table: MovedTable, converter: RowConverter) -> None:
        """Raise InvalidMove if a row is there that no export holds, such as one of work under way."""
        head = self._archive.head
        if converter.lines != head.counts.get(moved_table.name, 0):
            raise InvalidMove(f"it has {converter.lines} rows of {moved_table.name}, and its head says otherwise")
        if moved_table.condition == "true":
            return
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE workspace_id = {} AND ({}) IS NOT TRUE)").format(
            sql.Identifier(moved_table.name),
            sql.Literal(converter.workspace_id),
            sql.SQL(cast("Any", moved_table.condition.format(w=converter.workspace_id))),
        )
        if (await (await self._connection.execute(query)).fetchall())[0][0]:
            raise InvalidMove(f"it has rows of {moved_table.name} that no export holds")

    def _secret_converter(self, cipher: TransactionCipher) -> Callable[[bytes], bytes]:
        def convert(value: bytes) -> bytes:
            if self._unsealing is None:
                if value != LEFT_OUT_SECRET:
                    raise InvalidMove("it has secrets where there must be none")
                return copied_bytes(cipher.encrypt("{}"))
            return copied_bytes(cipher.encrypt(self._unsealing.unseal(value)))

        return convert

    async def _insert_sums(self, workspace_id: int, maps: dict[str, IdMap]) -> None:
        ledger = {state: self._archive.head.ledger.get(state, 0) for state in LEDGER_STATES}
        ledger["accepted"] = sum(ledger.values())
        rows = [{"state": state, "n": n} for state, n in ledger.items()]
        await self._connection.execute(INSERT_LEDGER_SQL, {"w": workspace_id, "ledger": Jsonb(rows)})
        counters = [
            {"kind": kind, "ref_id": new, "n": n}
            for kind, old, n in self._archive.head.counters
            if kind in COUNTER_TABLES and (new := maps[COUNTER_TABLES[kind]].find_new_id(old)) is not None
        ]
        await self._connection.execute(INSERT_COUNTERS_SQL, {"w": workspace_id, "counters": Jsonb(counters)})

    async def _set_alarms(self, workspace_id: int, rewriter: DocumentRewriter) -> None:
        alarms = rewriter.rewrite(checked_settings(self._archive.head.workspace)["alarms"])
        await self._connection.execute(SET_ALARMS_SQL, (Jsonb(alarms), workspace_id))

    async def _advance_sequences(self, workspace_id: int) -> None:
        """Let ids that the workspace has or had, such as those of its deleted leads, be given to nobody else in it."""
        for moved_table in MOVED_TABLES:
            if name := moved_table.sequence:
                query = sql.SQL("SELECT coalesce(max(id), 0) FROM {} WHERE workspace_id = {}").format(
                    sql.Identifier(moved_table.name), sql.Literal(workspace_id)
                )
                row = await (await self._connection.execute(query)).fetchone()
                last = max(self._archive.head.sequences.get(name, 0), row[0] if row else 0)
                await advance_sequence(self._connection, name, last)


def _open_passphrase(archive: MoveArchive, passphrase: str | None) -> PassphraseCipher | None:
    """Return what decrypts the secrets of a file; None if it has none. ValueError if the passphrase is missing."""
    salt, proof = archive.head.salt, archive.head.proof
    if salt is None or proof is None:
        return None
    if passphrase is None:
        raise ValueError("the file has secrets: pass the passphrase that it was exported with, by --passphrase-file")
    try:
        unsealing = PassphraseCipher(passphrase, bytes.fromhex(salt))
    except ValueError:
        raise InvalidMove("its head cannot be read") from None
    if unsealing.unseal(proof.encode()) != PROOF_TEXT:
        raise InvalidMove("its head cannot be read")
    return unsealing


def _renewal(taken_values: UniqueValues, columns: list[str], cipher: TransactionCipher) -> RenewValues:
    """Return the function that gives new unique values for a row: none if its own are free, None for a key."""

    def renew(table: str, values: list[bytes]) -> dict[str, bytes] | None:
        if taken_values.is_kept(table, columns, values):
            return {}
        return None if table == "api_keys" else renew_values(table, cipher)

    return renew


@contextmanager
def _plain_errors(table: str) -> Iterator[None]:
    """Turn PostgreSQL's refusals of a value into refusals of the file, without the value."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        raise RuntimeError(f"{BUSY_MESSAGE} ({error.diag.constraint_name})") from None
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise InvalidMove(WRONG_VALUE_MESSAGE.format(table=table, error=type(error).__name__)) from None
