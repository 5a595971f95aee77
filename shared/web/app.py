"""Making an application: the pipeline, the keys and the rate limits that every HTTP service stands on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import redis.asyncio as redis
from aiohttp import HttpVersion11, web

from shared.db import make_pool
from shared.keys import KeyRing
from shared.loops import kept_up
from shared.notices import Notices
from shared.ratelimit import RateLimiter
from shared.settings import Settings
from shared.web.access import check_marked
from shared.web.access_log import AccessLog
from shared.web.describe import check_described
from shared.web.pipeline import ACCESS_LOG, KEYS, LIMITER, pipeline

NOTICES = web.AppKey("notices", Notices)


def make_app(settings: Settings, service: str) -> web.Application:
    """An application without routes; `service` is what its access lines say."""
    app = web.Application(middlewares=[pipeline], client_max_size=settings.batch_body_limit + 1)
    app[ACCESS_LOG] = AccessLog(service, lines=settings.access_log)
    app.cleanup_ctx.append(_foundation(settings))
    app.on_startup.append(_start_notices)  # called after all of cleanup_ctx: by then all who listen are known
    return app


def mount(app: web.Application, routes: Iterable[web.RouteDef]) -> None:
    """Adds routes. Raises TypeError for one that does not say who may call it and what it answers."""
    routes = list(routes)
    check_marked(routes)
    check_described(routes)
    app.add_routes([web.route(r.method, r.path, r.handler, expect_handler=_expect, **r.kwargs) for r in routes])


async def _expect(request: web.Request) -> None:
    """Answers `100-continue` and ignores what else is expected, as RFC 9110 allows; aiohttp would refuse it itself."""
    if request.headers["Expect"].lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # it is no part of the answer


async def _start_notices(app: web.Application) -> None:
    app[NOTICES].start()


def _foundation(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        pool = make_pool(settings.database_url, "leadhub keys", size=2)
        limits = redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
        notices = app[NOTICES] = Notices(settings.database_url)
        ring = app[KEYS] = KeyRing(pool, notices)
        limiter = app[LIMITER] = RateLimiter(limits)
        await pool.open()  # when all is made: its tasks end by its close alone
        watchers = [asyncio.create_task(kept_up(loop)) for loop in (*ring.loops, limiter.run)]
        yield
        await notices.stop()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await limiter.close()
        await pool.close(timeout=2)
        await limits.aclose()
        app[ACCESS_LOG].write()

    return context
