"""The engine of imports: chunk after chunk of the imports that are due.

A chunk is one transaction: it locks the import, settles rows that have their verdict, reads the next ones into the
journal, and notes how far it came. A process that dies leaves no trace of its chunk, and another takes it.
"""

import time
from collections.abc import Callable

from services.workers.imports.dry_runs import forget_preview, preview_chunk
from services.workers.imports.import_claims import (
    WAIT_SECONDS,
    ClaimedImport,
    claim_import,
    has_due_import,
    note_progress,
    postpone_import,
)
from services.workers.imports.import_undo import UndoEngine
from services.workers.imports.row_reading import MAX_ROWS_UNDER_WAY, take_chunk
from services.workers.imports.verdict_collection import collect_verdicts
from services.workers.jobs.job_engine import BetweenChunks, serve_nobody
from services.workers.likeness.weight_requests import request_weights
from shared.imports.import_storage import drop_file
from shared.intake.journal import Lane
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

MAX_BULK_ROWS = 50  # journal rows of the bulk lane beyond which imports wait
MAX_CONTENTION_TRIES = 5
MIN_LARGE_IMPORT = 1_000  # leads after which the weights of likeness are learnt once more

BULK_ROWS_SQL = (
    f"SELECT count(*) FROM (SELECT FROM journal WHERE lane = {Lane.BULK:d} LIMIT {MAX_BULK_ROWS + 1}) waiting"
)


class ImportEngine:
    """Runs imports, and undoes them, in one process.

    `stopping` returns whether the process was asked to end, `expects_callers` whether a caller may wait for its next
    chunk to end.
    """

    def __init__(
        self, stopping: Callable[[], bool] = lambda: False, expects_callers: Callable[[], bool] = lambda: False
    ) -> None:
        self._stopping = stopping
        self._expects_callers = expects_callers
        self._undo = UndoEngine()
        self.has_stored = False  # whether it wrote journal rows; the caller resets it

    async def has_due(self, connection: Connection, *, overdue: float = 0.0) -> bool:
        """Return whether an import, or an undo, has been due for over `overdue` seconds."""
        return await has_due_import(connection, overdue=overdue) or await self._undo.has_due(
            connection, overdue=overdue
        )

    async def run(self, connection: Connection, *, seconds: float, between: BetweenChunks = serve_nobody) -> bool:
        """Run chunks for about this long, and `between` after each. Return whether nothing was due any more."""
        end = time.monotonic() + seconds
        while not self._stopping():
            if not (await self.run_chunk(connection) or await self._undo.run_chunk(connection)):
                return True
            await between(connection)
            if time.monotonic() >= end:
                return False
        return True

    async def run_chunk(self, connection: Connection) -> bool:
        """Run one chunk of the import whose turn it is. Return whether there was one."""
        claimed: list[ClaimedImport] = []
        try:
            return await retry_contended(
                lambda: self._try_chunk(connection, claimed), attempts=MAX_CONTENTION_TRIES, pause=0.02
            )
        except Exception as error:
            if is_unavailable(error) or not claimed:
                raise
            log.exception("import.postponed", import_id=claimed[-1].id, workspace_id=claimed[-1].workspace_id)
            await postpone_import(connection, claimed[-1], error)
            return True

    async def _try_chunk(self, connection: Connection, imports: list[ClaimedImport]) -> bool:
        has_stored = False
        async with connection.transaction():
            claim = await claim_import(connection)
            if claim is None:
                return False
            imports.append(claim)
            if not claim.is_dry_run:
                has_stored = await _move(connection, claim)
            elif not claim.is_read:
                await preview_chunk(connection, claim, beside_callers=self._expects_callers())
            if await note_progress(connection, claim):
                await _finish(connection, claim)
        self.has_stored |= has_stored
        return True


async def _move(connection: Connection, claim: ClaimedImport) -> bool:
    """Settle rows and read others, as far as there is room. Return whether rows went to the journal."""
    has_settled = await collect_verdicts(connection, claim)
    has_read = has_stored = False
    if not claim.is_read and claim.rows_read - claim.rows_settled < MAX_ROWS_UNDER_WAY and await _has_room(connection):
        has_stored = await take_chunk(connection, claim)
        has_read = True
    if not (has_settled or has_read):
        claim.pause = max(claim.pause, WAIT_SECONDS)
    return has_stored


async def _has_room(connection: Connection) -> bool:
    row = await (await connection.execute(BULK_ROWS_SQL)).fetchone()
    return bool(row and row[0] <= MAX_BULK_ROWS)


async def _finish(connection: Connection, claim: ClaimedImport) -> None:
    """Tidy up behind an import that ended. The file of a dry run stays until somebody runs it, or for a day."""
    log.info("import.ended", import_id=claim.id, rows=claim.rows_read, created=claim.created, invalid=claim.invalid)
    if claim.is_dry_run:
        await forget_preview(connection, claim)
        if claim.state != "cancelled":
            return
    await drop_file(connection, claim.workspace_id, claim.id)
    if not claim.is_dry_run and claim.created + claim.merged >= MIN_LARGE_IMPORT:
        await request_weights(connection, claim.workspace_id)
