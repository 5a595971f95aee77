"""Web server processes, composed of the web services. The services do not import one another."""

import asyncio

import uvloop
from aiohttp import web

from cli.listening import inherited
from cli.pulse import beating
from services.api.app import mount_api, mount_health
from services.gateway.app import ROUTES as GATEWAY_ROUTES
from services.gateway.app import mount_gateway
from shared import logging, metrics_server
from shared.settings import Settings
from shared.web.app import make_app
from shared.web.presence import present
from shared.web.server import serve


def gateway(settings: Settings, *, with_api: bool = False) -> None:
    """Run the gateway; with `with_api` also the REST API on the same port, as `up` does."""
    logging.configure("gateway", settings.log_level)
    app = make_app(settings, "gateway")
    mount_gateway(app, settings)
    if with_api:
        mount_api(app, settings, beside=GATEWAY_ROUTES)
    app.cleanup_ctx.append(present(settings, "gateway"))
    _serve(app, settings)


def api(settings: Settings) -> None:
    """Run the REST API alone."""
    logging.configure("api", settings.log_level)
    app = make_app(settings, "api")
    mount_api(app, settings, beside=GATEWAY_ROUTES)
    app.cleanup_ctx.append(present(settings, "api"))
    mount_health(app)
    _serve(app, settings)


def _serve(app: web.Application, settings: Settings) -> None:
    metrics_server.serve(settings.metrics_host, settings.metrics_port)
    app.cleanup_ctx.insert(0, beating)  # first, since later contexts may take long
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, settings.host, settings.port, settings.body_timeout, sockets=inherited()))
