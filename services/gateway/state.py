"""The parts that a gateway process holds while it lives, and how they are started and stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from services.gateway.appending import Appenders
from services.gateway.intake import Intake
from services.gateway.repeats import Repeats
from services.gateway.stores import Stores
from services.gateway.waiting import WaitingRoom
from shared import hints
from shared.cached import Cached
from shared.db import Pool, make_pool
from shared.forms.book import BOOK, FormKey, form_book
from shared.forms.definition import Form
from shared.hints import Hinter, Publisher
from shared.loops import kept_up
from shared.settings import Settings
from shared.spool import Spool, open_spool
from shared.web.app import NOTICES

POOL = 8  # connections for lookups


@dataclass(frozen=True)
class Gateway:
    """The parts that a handler needs."""

    settings: Settings
    pool: Pool
    intake: Intake
    stores: Stores
    room: WaitingRoom
    repeats: Repeats
    forms: Cached[FormKey, Form]


GATEWAY = web.AppKey("gateway", Gateway)


def lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context for aiohttp that builds the gateway, runs its loops and empties its buffers."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        pool = make_pool(settings.database_url, "leadhub gateway", size=POOL)
        spool = open_spool(settings.spool_url, socket_timeout=1.5, socket_connect_timeout=1)
        publisher = Publisher(hints.Sender(settings.broker_url))
        hinter = Hinter(publisher)
        journal_writer = Appenders(settings.database_url)
        store = Stores(pool, journal_writer, Spool(spool), settings.flush_timeout)
        waiters = WaitingRoom(pool, app[NOTICES], settings.max_waiting, hinter.answered, store.secure)
        intake = Intake(store, waiters, hinter, settings.buffer_bytes)
        app[BOOK] = forms = form_book(pool, app[NOTICES])
        app[GATEWAY] = Gateway(settings, pool, intake, store, waiters, Repeats(pool, store), forms)
        await pool.open()  # last, since only its close ends its tasks
        watchers = [asyncio.create_task(kept_up(loop)) for loop in (store.watch, waiters.watch, forms.run)]
        yield
        await intake.finish()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        publisher.stop()
        journal_writer.close()
        with contextlib.suppress(Exception):  # a store that is away must not block the stop
            await asyncio.wait_for(pool.close(timeout=2), 3)
        await spool.aclose()

    return context
