"""The sweeper's duty about erasures: it finishes them, and keeps the log that outlives the database."""

import asyncio
import contextlib
import uuid

import redis.asyncio as redis
from psycopg import sql

from services.workers.erasures.finish_erasure import OpenErasure, erase_late_arrivals
from services.workers.erasures.quotations import replace_quotations
from shared.intake.spool import Spool
from shared.people.erasure_log import read_erasures, read_log, update_log
from shared.people.erasures import ErasedPerson
from shared.people.personal_tables import BLANKED_COLUMNS, PERSONAL_TABLES, QUOTING_COLUMNS
from shared.people.restored_erasures import apply_erasures
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.advisory_locks import ERASURE_LOCK
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

POLL_SECONDS = 1.0
PASS_SECONDS = 5.0  # seconds between two looks at one erasure
# After so long nothing that a gateway, the spool or a worker had in hand can still come up.
SETTLING_SECONDS = 15.0
MAX_TRIES = 5
FULL_LOG_SECONDS = 3600.0  # seconds after which the whole log is compared with the table

OPEN_ERASURES_SQL = """
SELECT workspace_id, id, lead_ids, identity_hashes, hash_key, identities, erased_at FROM erasures
WHERE finished_at IS NULL ORDER BY erased_at LIMIT 100
"""
# Leads that are still to be fetched, or read from a file, may be the person's, and were received before.
IS_AWAITED_SQL = """
SELECT EXISTS (SELECT FROM source_fetches WHERE workspace_id = %(w)s AND created_at <= %(until)s)
    OR EXISTS (SELECT FROM imports WHERE workspace_id = %(w)s AND NOT is_settled AND accepted_at <= %(until)s)
"""
FINISH_SQL = """
UPDATE erasures SET finished_at = clock_timestamp(), identities = NULL WHERE workspace_id = %s AND id = %s
"""
VACUUMED_TABLES = sorted(
    {table.name for table in PERSONAL_TABLES}
    | BLANKED_COLUMNS.keys()
    | QUOTING_COLUMNS.keys()
    | {
        "journal",
        "lead_search_queue",
        "likeness_keys",
        "likeness_profiles",
        "duplicate_pairs",
        "lead_merges",
        "erasures",
    }
)


class ErasureKeeper:
    """Works while this process holds the lock of erasures. `stopping` ends it."""

    def __init__(self, settings: Settings, spool: Spool, stopping: asyncio.Event) -> None:
        self._folder, self._cipher = settings.files_folder, Cipher.from_settings(settings)
        self._spool, self._stopping = spool, stopping
        self._changed_at: dict[uuid.UUID, float] = {}  # when something of an open erasure last came up
        self._looked_at: dict[uuid.UUID, float] = {}
        self._logged_at = float("-inf")

    async def run(self, connection: Connection) -> float:
        """Finish the open erasures. Return the seconds until the next call, if one is open then.

        Raises errors of the database: the caller starts it again. The connection belongs to this call: its end gives
        the lock back.
        """
        row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (ERASURE_LOCK,))).fetchone()
        if row and row[0]:
            await self.apply_logged(connection)
            await self.work_once(connection)
            while self._changed_at and not self._stopping.is_set():
                await self._wait_for_stop(POLL_SECONDS)
                await self.work_once(connection)
        return POLL_SECONDS

    async def work_once(
        self, connection: Connection, *, interval: float = PASS_SECONDS, settling: float = SETTLING_SECONDS
    ) -> int:
        """Look at the open erasures. Return how many were finished. The arguments are in seconds."""
        rows = await (await connection.execute(OPEN_ERASURES_SQL)).fetchall()
        erasures, now = [OpenErasure(*row) for row in rows], asyncio.get_running_loop().time()
        if {each.id for each in erasures} - self._changed_at.keys() or now - self._logged_at > FULL_LOG_SECONDS:
            await self._write_log(connection)
            self._logged_at = now
        self._changed_at = {each.id: self._changed_at.get(each.id, now) for each in erasures}
        finished = 0
        for each in erasures:
            if now - self._looked_at.get(each.id, float("-inf")) < interval:
                continue
            self._looked_at[each.id] = now
            if await self._work_on(connection, each) and now - self._changed_at[each.id] >= settling:
                await self._finish(connection, each)
                finished += 1
        self._looked_at = {id_: at for id_, at in self._looked_at.items() if id_ in self._changed_at}
        if finished:
            await self._write_log(connection)
            await self._clean_servers(connection)
        return finished

    async def apply_logged(self, connection: Connection) -> int:
        """Apply what the log knows and the database does not: somebody restored it by other means than `restore`.

        Return how many erasures these were.
        """
        erasures = await asyncio.to_thread(read_log, self._folder)
        try:
            applied = await retry_contended(
                lambda: apply_erasures(connection, self._cipher, erasures), attempts=MAX_TRIES
            )
        except DecryptionError:
            log.error("erasure.unreadable")
            return 0
        if applied:
            log.warning("erasure.applied_again", erasures=applied)
        return applied

    async def _write_log(self, connection: Connection) -> None:
        erasures = await read_erasures(connection)
        await asyncio.to_thread(update_log, self._folder, erasures)

    async def _work_on(self, connection: Connection, erasure: OpenErasure) -> bool:
        """Return whether nothing is left of the person."""
        try:
            is_clean = await retry_contended(
                lambda: erase_late_arrivals(connection, self._cipher, erasure), attempts=MAX_TRIES
            )
        except DecryptionError:
            log.error("erasure.unreadable", erasure_id=str(erasure.id))
            return False
        if not is_clean:
            self._changed_at[erasure.id] = asyncio.get_running_loop().time()
            return False
        rest = ErasedPerson.from_json(self._cipher.decrypt(erasure.identities)) if erasure.identities else None
        if (rest and rest.contents) or await self._is_awaited(connection, erasure):
            return False
        with contextlib.suppress(redis.RedisError):
            return not await self._spool.count_submissions()
        return False

    async def _is_awaited(self, connection: Connection, erasure: OpenErasure) -> bool:
        values = {"w": erasure.workspace_id, "until": erasure.erased_at}
        row = await (await connection.execute(IS_AWAITED_SQL, values)).fetchone()
        return bool(row and row[0])

    async def _finish(self, connection: Connection, erasure: OpenErasure) -> None:
        """Replace what quotes the person, and forget whom it was about."""
        if erasure.identities:
            person = ErasedPerson.from_json(self._cipher.decrypt(erasure.identities))
            await replace_quotations(connection, erasure.workspace_id, person.needles)
        await connection.execute(FINISH_SQL, (erasure.workspace_id, erasure.id))
        log.info("erasure.finished", erasure_id=str(erasure.id), workspace_id=erasure.workspace_id)

    async def _clean_servers(self, connection: Connection) -> None:
        """Have the servers drop what their files keep of removed rows."""
        await connection.execute("SET statement_timeout = 0")
        for name in VACUUMED_TABLES:
            await connection.execute(sql.SQL("VACUUM (SKIP_LOCKED) {}").format(sql.Identifier(name)))
        await connection.execute("RESET statement_timeout")
        with contextlib.suppress(redis.RedisError):
            await self._spool.rewrite_file()

    async def _wait_for_stop(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
