"""Make an application with the middleware, API keys and rate limits that every HTTP service needs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import redis.asyncio as redis
from aiohttp import HttpVersion11, web
from psycopg_pool import AsyncConnectionPool

from shared.audit.audit_trail import AuditTrail
from shared.auth.api_keys import ApiKeyCache
from shared.auth.rate_limit import RateLimiter
from shared.platform.db.connections import make_pool
from shared.platform.db.notifications import NotificationListener
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever
from shared.platform.web.client_address import TRUSTED_PROXIES
from shared.platform.web.openapi import check_described
from shared.service_app.access_log import AccessLog
from shared.service_app.audit import AUDIT_TRAIL, AUDITED_PREFIXES
from shared.service_app.authorization import check_scopes_declared
from shared.service_app.middleware import ACCESS_LOG, API_KEYS, RATE_LIMITER, request_middleware
from shared.service_app.stop_notice import STOP_NOTICE, StopNotice

NOTIFICATION_LISTENER = web.AppKey("notices", NotificationListener)
KEY_POOL = web.AppKey("key_pool", AsyncConnectionPool)


def make_app(settings: Settings, service: str) -> web.Application:
    """Return an application without routes. `service` is the name in its access log lines."""
    largest_body = max(settings.batch_body_limit, settings.webhook_body_limit, settings.mail_body_limit)
    app = web.Application(middlewares=[request_middleware], client_max_size=largest_body + 1)
    app[ACCESS_LOG] = AccessLog(service, lines=settings.access_log)
    app[AUDITED_PREFIXES] = []
    app[STOP_NOTICE] = StopNotice()
    app[TRUSTED_PROXIES] = settings.trusted_proxies
    app.cleanup_ctx.append(_shared_lifetime(settings))
    app.on_startup.append(_start_listener)  # runs after all of cleanup_ctx, when all listeners are registered
    return app


def mount_routes(app: web.Application, routes: Iterable[web.RouteDef]) -> None:
    """Add routes. Raises TypeError for a handler that does not state who may call it and what it answers."""
    routes = list(routes)
    check_scopes_declared(routes)
    check_described(routes)
    app.add_routes([web.route(r.method, r.path, r.handler, expect_handler=_handle_expect, **r.kwargs) for r in routes])


async def _handle_expect(request: web.Request) -> None:
    """Answer `100-continue` and ignore other expectations, as RFC 9110 allows. aiohttp would refuse them."""
    if request.headers["Expect"].lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the interim response is not part of the final one


async def _start_listener(app: web.Application) -> None:
    app[NOTIFICATION_LISTENER].start()


def _shared_lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        pool = app[KEY_POOL] = make_pool(settings.database_url, "leadhub keys", size=2)
        limits = redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
        notices = app[NOTIFICATION_LISTENER] = NotificationListener(settings.database_url)
        ring = app[API_KEYS] = ApiKeyCache(pool, notices)
        limiter = app[RATE_LIMITER] = RateLimiter(limits)
        trail = app[AUDIT_TRAIL] = AuditTrail(pool)
        await pool.open()  # last, since only its close ends its tasks
        watchers = [asyncio.create_task(run_forever(loop)) for loop in (*ring.background_loops, limiter.run, trail.run)]
        yield
        await trail.stop()  # the requests have ended
        await notices.stop()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await limiter.close()
        await pool.close(timeout=2)
        await limits.aclose()
        app[ACCESS_LOG].write_buffered()

    return context
