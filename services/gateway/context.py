"""The parts that a gateway process holds while it lives, and how they are started and stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import redis.asyncio as redis
from aiohttp import web

from services.gateway.durable_store import DurableStore
from services.gateway.idempotency import IdempotencyLookup
from services.gateway.intake import SubmissionIntake
from services.gateway.integration_counts import IntegrationCounts
from services.gateway.journal_writer import JournalWriter
from services.gateway.loop_turns import LoopTurns
from services.gateway.repeat_window import RepeatWindow
from services.gateway.verdict_waiters import VerdictWaiters
from shared.crypto.encryption import Cipher
from shared.db.connections import ConnectionPool, make_pool
from shared.db.row_cache import RowCache
from shared.files.file_store import FileStore
from shared.forms.definition import FormDefinition
from shared.forms.form_cache import (
    FORM_CACHE,
    PUBLIC_FORM_CACHE,
    FormKey,
    PublicFormCache,
    make_form_cache,
    make_public_form_cache,
)
from shared.intake import hints
from shared.intake.hints import HintPublisher, HintThrottle
from shared.intake.spool import Spool, open_spool_client
from shared.integrations.integration_cache import (
    AccountCache,
    IntegrationCache,
    make_account_cache,
    make_integration_cache,
)
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
    public_forms: PublicFormCache
    integrations: IntegrationCache
    accounts: AccountCache
    integration_counts: IntegrationCounts
    repeats: RepeatWindow
    webhook_turns: LoopTurns
    files: FileStore


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
        app[PUBLIC_FORM_CACHE] = public_forms = make_public_form_cache(pool, app[NOTIFICATION_LISTENER])
        cipher = await asyncio.to_thread(Cipher.from_settings, settings)  # reading a key takes 50 ms
        integrations = make_integration_cache(pool, app[NOTIFICATION_LISTENER], cipher)
        accounts = make_account_cache(pool, app[NOTIFICATION_LISTENER])
        counts = IntegrationCounts(pool)
        memory = redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
        app[GATEWAY_CONTEXT] = Gateway(
            settings,
            pool,
            intake,
            store,
            waiters,
            IdempotencyLookup(pool, store),
            forms,
            public_forms,
            integrations,
            accounts,
            counts,
            RepeatWindow(memory),
            LoopTurns(),
            files := FileStore(settings.files_folder),
        )
        await pool.open()  # last, since only its close ends its tasks
        caches = (forms.run, public_forms.run, integrations.run, accounts.run)
        loops = (store.watch_journal, waiters.watch_deadlines, *caches, counts.run)
        watchers = [asyncio.create_task(run_forever(loop)) for loop in loops]
        yield
        await intake.wait_until_stored()
        await counts.flush()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        publisher.stop()
        files.close()
        journal_writer.close()
        with contextlib.suppress(Exception):  # a store that is away must not block the stop
            await asyncio.wait_for(pool.close(timeout=2), 3)
        await spool.aclose()
        await memory.aclose()

    return context
