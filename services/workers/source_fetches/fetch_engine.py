"""The engine of fetches: it claims what is due, asks the providers, and records what they answered, until told to stop.

No transaction is open while a provider is asked. What is claimed starts at once, so that a slow provider delays its own
leads only. All statements run on one connection, by the engine's own task; the requests run in tasks beside it.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from services.workers.source_fetches.backfills import ClaimedBackfill, claim_backfill, record_backfill
from services.workers.source_fetches.fetch_claims import FETCHER_APPLICATION, ClaimedFetch, claim_fetches, keep_claims
from services.workers.source_fetches.fetch_records import record_deleted_integration, record_lead, record_problem
from services.workers.source_fetches.fetching_integrations import IntegrationKey, load_integrations
from services.workers.source_fetches.polls import ClaimedPoll, claim_poll, record_poll
from services.workers.source_fetches.provider_client import ProviderClient
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.lead_fetching import FetchedPage, FetchProblem
from shared.integrations.source_event import SourceEvent
from shared.leads.submission import SOURCE_KEY
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import is_contention, is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

CLAIM_INTERVAL_SECONDS = 0.2  # seconds between two claims while requests are under way
MAX_LISTS_IN_FLIGHT = 4  # pages of backfills and of polls that are asked for at once, of each kind
POLL_CHECK_SECONDS = 1.0  # seconds between two looks for polls that are due
RECONNECT_DELAY_SECONDS = 0.5

Work = ClaimedFetch | ClaimedBackfill | ClaimedPoll


class FinishedWork(NamedTuple):
    """Claimed work and what the provider answered. `integration` is None if it was deleted, and nobody was asked."""

    claimed: Work
    integration: ReceivingIntegration | None
    found: SourceEvent | FetchedPage | FetchProblem


class FetchEngine:
    """The fetches of one process.

    `overdue_seconds` returns for how long work must have been due before it is claimed. `wake_ingest` hints that leads
    went to the journal; it must not block.
    """

    def __init__(
        self,
        url: str,
        cipher: Cipher,
        make_client: Callable[[], ProviderClient],
        *,
        wake_ingest: Callable[[], object],
        stopping: Callable[[], bool],
        overdue_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._url = url
        self._vault = cipher
        self._make_client = make_client
        self._wake_ingest = wake_ingest
        self._stopping = stopping
        self._overdue_seconds = overdue_seconds
        self._wake_event = asyncio.Event()
        self._in_flight: dict[asyncio.Task[None], Work] = {}
        self._finished: list[FinishedWork] = []
        self._looked_for_polls_at = float("-inf")
        self._is_waiting = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._is_waiting and not (self._in_flight or self._finished or self._wake_event.is_set())

    def wake(self) -> None:
        """Look for work that is due."""
        self._wake_event.set()

    async def run(self) -> None:
        """Work until `stopping` returns True and all requests under way have ended."""
        self._client = self._make_client()
        try:
            while self._has_work():
                await self._run_connected()
        finally:
            await self._client.close()

    def _has_work(self) -> bool:
        return not self._stopping() or bool(self._in_flight or self._finished)

    async def _run_connected(self) -> None:
        try:
            async with connect(self._url, FETCHER_APPLICATION) as connection:
                await keep_claims(connection, self._claimed_fetches())
                while self._has_work():
                    await self._record_finished(connection)
                    if not await self._claim(connection) and self._has_work():
                        await self._wait_for_work()
        except Exception as error:
            if not (is_unavailable(error) or is_contention(error)):
                log.exception("fetches.failed")
            await asyncio.sleep(RECONNECT_DELAY_SECONDS)

    async def _record_finished(self, connection: Connection) -> None:
        """Record answers. One that the database refuses is dropped: its lease ends, and it is asked for again."""
        self._wake_event.clear()
        while self._finished:
            finished = self._finished[0]
            try:
                await self._record(connection, finished)
            except Exception as error:
                if is_unavailable(error) or is_contention(error):
                    raise
                log.exception("fetch.unrecorded", workspace_id=finished.claimed.workspace_id)
            del self._finished[0]

    async def _record(self, connection: Connection, finished: FinishedWork) -> None:
        claimed, integration, answer = finished
        if isinstance(claimed, ClaimedFetch):
            has_leads = await _record_fetch(connection, claimed, integration, answer)
        else:
            has_leads = await _record_page(connection, claimed, integration, answer)
            self._looked_for_polls_at = float("-inf")  # its next page may be due
            self._wake_event.set()
        if has_leads:
            self._wake_ingest()

    async def _claim(self, connection: Connection) -> bool:
        """Claim what is due and start asking for it. Return whether there was anything."""
        if self._stopping():
            return False
        overdue = self._overdue_seconds()
        work: list[Work] = [*await claim_fetches(connection, in_flight=self._busy_integrations(), overdue=overdue)]
        if self._count(ClaimedBackfill) < MAX_LISTS_IN_FLIGHT and (
            job := await claim_backfill(connection, overdue=overdue)
        ):
            work.append(job)
        if poll := await self._claim_poll(connection, overdue):
            work.append(poll)
        integrations = await load_integrations(connection, self._vault, [one.integration_key for one in work])
        for one in work:
            self._start(one, integrations.get(one.integration_key))
        return bool(work)

    async def _claim_poll(self, connection: Connection, overdue: float) -> ClaimedPoll | None:
        """Claim a poll, at most one a second unless one was found just now."""
        now = asyncio.get_running_loop().time()
        if self._count(ClaimedPoll) >= MAX_LISTS_IN_FLIGHT or now - self._looked_for_polls_at < POLL_CHECK_SECONDS:
            return None
        found = await claim_poll(connection, overdue=overdue)
        self._looked_for_polls_at = float("-inf") if found else now
        return found

    def _claimed_fetches(self) -> list[ClaimedFetch]:
        work = (*self._in_flight.values(), *(finished.claimed for finished in self._finished))
        return [one for one in work if isinstance(one, ClaimedFetch)]

    def _busy_integrations(self) -> Counter[IntegrationKey]:
        return Counter(one.integration_key for one in self._in_flight.values() if isinstance(one, ClaimedFetch))

    def _count(self, kind: type[Work]) -> int:
        return sum(isinstance(one, kind) for one in self._in_flight.values())

    def _start(self, claimed: Work, integration: ReceivingIntegration | None) -> None:
        if integration is None or integration.type not in LEAD_FETCHERS:
            self._finished.append(FinishedWork(claimed, None, FetchProblem("gone", "")))
            self._wake_event.set()
            return
        task = asyncio.create_task(self._ask(claimed, integration))
        self._in_flight[task] = claimed
        task.add_done_callback(self._in_flight.pop)

    async def _ask(self, claimed: Work, integration: ReceivingIntegration) -> None:
        """Ask the provider. An exception is a fault of ours and counts as a problem that passes."""
        try:
            answer = await self._answer_to(claimed, integration)
        except Exception:
            log.exception("fetch.crashed", integration_id=integration.id)
            answer = FetchProblem("temporary", "The attempt failed on our side.")
        self._finished.append(FinishedWork(claimed, integration, answer))
        self._wake_event.set()

    def _answer_to(
        self, claimed: Work, integration: ReceivingIntegration
    ) -> Awaitable[SourceEvent | FetchedPage | FetchProblem]:
        if isinstance(claimed, ClaimedFetch):
            notice = claimed.item["body"][SOURCE_KEY].get("document")
            return self._client.fetch_lead(integration, claimed.object_id, notice)
        return self._client.fetch_page(integration, claimed.window, claimed.list_cursor)

    async def _wait_for_work(self) -> None:
        """Wait until an answer comes or something may be due."""
        self._is_waiting = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake_event.wait(), CLAIM_INTERVAL_SECONDS if self._in_flight else None)
        self._is_waiting = False


async def _record_fetch(
    connection: Connection,
    claimed: ClaimedFetch,
    integration: ReceivingIntegration | None,
    answer: SourceEvent | FetchedPage | FetchProblem,
) -> bool:
    """Record the answer to one fetch. Return whether the lead went to the journal."""
    if integration is None:
        await record_deleted_integration(connection, claimed)
    elif isinstance(answer, FetchProblem):
        await record_problem(connection, claimed, answer)
    elif isinstance(answer, SourceEvent):
        return await record_lead(connection, claimed, integration, answer)
    return False


async def _record_page(
    connection: Connection,
    claimed: ClaimedBackfill | ClaimedPoll,
    integration: ReceivingIntegration | None,
    answer: SourceEvent | FetchedPage | FetchProblem,
) -> bool:
    """Record the answer to a page of a list. Return whether leads went to the journal."""
    assert not isinstance(answer, SourceEvent)  # noqa: S101  # pages are no leads
    if isinstance(claimed, ClaimedBackfill):
        return await record_backfill(connection, claimed, integration, answer)
    return await record_poll(connection, claimed, integration, answer)
