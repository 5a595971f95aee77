"""The parts that a gateway process holds while it lives, and how they are started and stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import redis.asyncio as redis
from aiohttp import web

from services.gateway.durable_store import DurableStore
from services.gateway.file_quota import FileQuota
from services.gateway.idempotency import IdempotencyLookup
from services.gateway.intake import SubmissionIntake
from services.gateway.integration_counts import IntegrationCounts
from services.gateway.journal_writer import JournalWriter
from services.gateway.loop_turns import LoopTurns
from services.gateway.recent_rows import RecentRows
from services.gateway.repeat_window import RepeatWindow
from services.gateway.uploaded_files import MEGABYTE_BYTES
from services.gateway.verdict_waiters import VerdictWaiters
from services.gateway.webhook_slices import WebhookSlices
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
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import ConnectionPool, make_pool
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache
from shared.platform.db.standby_watch import StandbyWatch
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever
from shared.service_app.app import NOTIFICATION_LISTENER

LOOKUP_POOL_SIZE = 8  # connections for lookups


@dataclass(frozen=True)
class Gateway:
    """The parts that a handler needs."""

    settings: Settings
    pool: ConnectionPool
    standby: StandbyWatch
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
    webhook_slices: WebhookSlices
    files: FileStore
    file_quota: FileQuota


GATEWAY_CONTEXT = web.AppKey("gateway", Gateway)


def gateway_lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context for aiohttp that builds the gateway, runs its loops and empties its buffers."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as ending:
            gateway = await _build_gateway(settings, app[NOTIFICATION_LISTENER], ending)
            app[FORM_CACHE], app[PUBLIC_FORM_CACHE] = gateway.forms, gateway.public_forms
            app[GATEWAY_CONTEXT] = gateway
            await gateway.pool.open()  # last, since only its close ends its tasks
            watchers = [asyncio.create_task(run_forever(loop)) for loop in _background_loops(gateway)]
            yield
            await gateway.intake.wait_until_stored()
            await gateway.integration_counts.flush()
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    return context


async def _build_gateway(settings: Settings, notices: NotificationListener, ending: AsyncExitStack) -> Gateway:
    """Return the parts of a gateway. `ending` closes them, the last one first."""
    memory = redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
    ending.push_async_callback(memory.aclose)
    spool = open_spool_client(settings.spool_url, socket_timeout=1.5, socket_connect_timeout=1)
    ending.push_async_callback(spool.aclose)
    pool = make_pool(settings.database_url, "leadhub gateway", size=LOOKUP_POOL_SIZE)
    ending.push_async_callback(_close_pool, pool)
    standby = StandbyWatch(settings.database_url, "leadhub gateway")
    ending.push_async_callback(standby.close)
    journal_writer = JournalWriter(settings.database_url)
    ending.callback(journal_writer.close)
    files = FileStore(settings.files_folder)
    ending.callback(files.close)
    publisher = HintPublisher(hints.HintSender(settings.broker_url))
    ending.callback(publisher.stop)
    hinter = HintThrottle(publisher)
    recent_rows = RecentRows(settings.failover_seconds)
    store = DurableStore(pool, journal_writer, Spool(spool), settings.flush_timeout, recent_rows)
    waiters = VerdictWaiters(
        pool, notices, settings.max_waiting, hinter.note_verdict, store.ensure_durable, store.trip_breaker
    )
    cipher = await asyncio.to_thread(Cipher.from_settings, settings)  # reading a key takes 50 ms
    return Gateway(
        settings=settings,
        pool=pool,
        standby=standby,
        intake=SubmissionIntake(store, waiters, hinter, settings.buffer_bytes),
        store=store,
        waiters=waiters,
        idempotency=IdempotencyLookup(pool, store),
        forms=make_form_cache(pool, notices),
        public_forms=make_public_form_cache(pool, notices),
        integrations=make_integration_cache(pool, notices, cipher),
        accounts=make_account_cache(pool, notices),
        integration_counts=IntegrationCounts(pool),
        repeats=RepeatWindow(memory),
        webhook_turns=LoopTurns(),
        webhook_slices=WebhookSlices(),
        files=files,
        file_quota=FileQuota(pool, settings.files_quota_mb * MEGABYTE_BYTES),
    )


async def _close_pool(pool: ConnectionPool) -> None:
    with contextlib.suppress(Exception):  # a store that is away must not block the stop
        await asyncio.wait_for(pool.close(timeout=2), 3)


def _background_loops(gateway: Gateway) -> Sequence[Callable[[], Awaitable[object]]]:
    caches = (gateway.forms, gateway.public_forms, gateway.integrations, gateway.accounts)
    return (
        gateway.store.watch_journal,
        gateway.store.watch_promotions,
        gateway.waiters.watch_deadlines,
        *(cache.run for cache in caches),
        gateway.integration_counts.run,
    )
