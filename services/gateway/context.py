"""The parts that a gateway process holds while it lives, and how they are started and stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from services.gateway.durable_store import DurableStore
from services.gateway.idempotency import IdempotencyLookup
from services.gateway.intake import SubmissionIntake
from services.gateway.journal_writer import JournalWriter
from services.gateway.verdict_waiters import VerdictWaiters
from shared.db.connections import ConnectionPool, make_pool
from shared.db.row_cache import RowCache
from shared.forms.definition import FormDefinition
from shared.forms.form_cache import FORM_CACHE, FormKey, make_form_cache
from shared.intake import hints
from shared.intake.hints import HintPublisher, HintThrottle
from shared.intake.spool import Spool, open_spool_client
from shared.settings import Settings
from shared.supervised_loop import run_forever
from shared.web.app import NOTIFICATION_LISTENER

LOOKUP_POOL_SIZE = 8  # connections for lookups


@dataclass(frozen=True)
class Gateway:
    """The parts that a handler needs."""

    settings: Settings
    pool: ConnectionPool
    intake: SubmissionIntake
    store: DurableStore
    waiters: VerdictWaiters
    idempotency: IdempotencyLookup
    forms: RowCache[FormKey, FormDefinition]


GATEWAY_CONTEXT = web.AppKey("gateway", Gateway)


def gateway_lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context for aiohttp that builds the gateway, runs its loops and empties its buffers."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        pool = make_pool(settings.database_url, "leadhub gateway", size=LOOKUP_POOL_SIZE)
        spool = open_spool_client(settings.spool_url, socket_timeout=1.5, socket_connect_timeout=1)
        publisher = HintPublisher(hints.HintSender(settings.broker_url))
        hinter = HintThrottle(publisher)
        journal_writer = JournalWriter(settings.database_url)
        store = DurableStore(pool, journal_writer, Spool(spool), settings.flush_timeout)
        waiters = VerdictWaiters(
            pool, app[NOTIFICATION_LISTENER], settings.max_waiting, hinter.note_verdict, store.ensure_durable
        )
        intake = SubmissionIntake(store, waiters, hinter, settings.buffer_bytes)
        app[FORM_CACHE] = forms = make_form_cache(pool, app[NOTIFICATION_LISTENER])
        app[GATEWAY_CONTEXT] = Gateway(settings, pool, intake, store, waiters, IdempotencyLookup(pool, store), forms)
        await pool.open()  # last, since only its close ends its tasks
        watchers = [
            asyncio.create_task(run_forever(loop)) for loop in (store.watch_journal, waiters.watch_deadlines, forms.run)
        ]
        yield
        await intake.wait_until_stored()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        publisher.stop()
        journal_writer.close()
        with contextlib.suppress(Exception):  # a store that is away must not block the stop
            await asyncio.wait_for(pool.close(timeout=2), 3)
        await spool.aclose()

    return context
