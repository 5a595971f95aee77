"""Look up used idempotency keys before the journal is written, so that a repeat is answered at once.

This is only a shortcut. The worker's insert into `submission_keys` decides, since a repeat may overtake the first
request. Lookups that arrive during one round trip to the database share the next one.
"""

import asyncio
from typing import NamedTuple

from psycopg.rows import TupleRow

from services.gateway.durable_store import DurableStore
from shared.intake.journal import JournalItem
from shared.intake.verdicts import Verdict
from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

LOOKUP_TIMEOUT_SECONDS = 1.0  # seconds; after that the worker decides

USED_KEYS_SQL = """
SELECT k.workspace_id, k.id::text, encode(k.body_hash, 'hex'),
       s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM unnest(%s::bigint[], %s::uuid[]) AS wanted(workspace_id, id)
JOIN submission_keys k ON k.workspace_id = wanted.workspace_id AND k.id = wanted.id
JOIN submissions s ON s.workspace_id = k.workspace_id AND s.id = k.id AND s.received_at = k.received_at
"""

SubmissionRef = tuple[int, str]  # workspace id, submission id


class FirstUse(NamedTuple):
    """The first use of an idempotency key."""

    body_hash: str
    verdict: Verdict


class IdempotencyLookup:
    """Looks up used keys. There is one for each gateway process."""

    def __init__(self, pool: ConnectionPool, store: DurableStore) -> None:
        self._pool = pool
        self._store = store
        self._pending_lookups: list[tuple[SubmissionRef, asyncio.Future[FirstUse | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def find_verdict(self, item: JournalItem) -> Verdict | None:
        """Return the earlier verdict on the item's key, if that is decided.

        Returns None as well if the database does not answer, at once if it is known to be away.
        """
        if not self._store.is_journal_available:
            return None
        future: asyncio.Future[FirstUse | None] = asyncio.get_running_loop().create_future()
        self._pending_lookups.append(((item.workspace_id, item.id), future))
        if self._task is None:
            self._task = asyncio.create_task(self._run_lookups())
        first = await future
        if first is None:
            return None
        return first.verdict if first.body_hash == item.body_hash else Verdict("conflict")

    async def _run_lookups(self) -> None:
        try:
            while self._pending_lookups:
                asked, self._pending_lookups = self._pending_lookups, []
                first_uses = await self._find_first_uses([wanted for wanted, _ in asked])
                for wanted, future in asked:
                    if not future.done():
                        future.set_result(first_uses.get(wanted))
        finally:
            self._task = None

    async def _select_rows(self, wanted: list[SubmissionRef]) -> list[TupleRow]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(USED_KEYS_SQL, ([w for w, _ in wanted], [id_ for _, id_ in wanted]))
            return await cursor.fetchall()

    async def _find_first_uses(self, wanted: list[SubmissionRef]) -> dict[SubmissionRef, FirstUse]:
        try:
            rows = await with_deadline(LOOKUP_TIMEOUT_SECONDS, self._select_rows(wanted))
        except Exception as error:  # whatever the error is, no caller may wait for ever
            if not is_unavailable(error):
                log.exception("repeats.failed")
            return {}
        return {(row[0], row[1]): FirstUse(row[2], Verdict(*row[3:]).for_repeat()) for row in rows}
