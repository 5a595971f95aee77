"""Web server processes, composed of the web services. The services do not import one another."""

import asyncio

import uvloop
from aiohttp import web

from cli.http_server import ListenAddress, serve_http
from cli.listening_sockets import inherited_sockets
from cli.liveness import liveness_context
from cli.process_record import keep_process_record
from cli.service_health import mount_health, mount_readiness
from services.api.app import mount_api
from services.console.app import mount_console
from services.gateway.app import GATEWAY_ROUTES as GATEWAY_ROUTES
from services.gateway.app import mount_gateway
from shared.platform.observability import metrics_server
from shared.platform.observability.process_observation import flush_observations, observe_process
from shared.platform.settings import Settings
from shared.service_app.app import make_app


def serve_gateway(settings: Settings, *, with_api: bool = False) -> None:
    """Run the gateway; with `with_api` also the REST API and the console on the same port, as `up` does."""
    observe_process("gateway", settings)
    app = make_app(settings, "gateway")
    mount_gateway(app, settings)
    if with_api:
        mount_api(app, settings, beside=GATEWAY_ROUTES)
        mount_console(app, settings)
    app.cleanup_ctx.append(keep_process_record(settings, "gateway"))
    _run_server(app, settings)


def serve_api(settings: Settings) -> None:
    """Run the REST API alone."""
    observe_process("api", settings)
    app = make_app(settings, "api")
    mount_api(app, settings, beside=GATEWAY_ROUTES)
    app.cleanup_ctx.append(keep_process_record(settings, "api"))
    mount_health(app)
    _run_server(app, settings)


def serve_console(settings: Settings) -> None:
    """Run the console alone."""
    observe_process("console", settings)
    app = make_app(settings, "console")
    mount_console(app, settings)
    app.cleanup_ctx.append(keep_process_record(settings, "console"))
    mount_health(app)
    _run_server(app, settings)


def _run_server(app: web.Application, settings: Settings) -> None:
    metrics_server.serve_metrics(settings.metrics_host, settings.metrics_port)
    mount_readiness(app)
    app.cleanup_ctx.insert(0, liveness_context)  # first, since later contexts may take long
    address = ListenAddress(settings.host, settings.port, inherited_sockets())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_http(app, address, settings.body_timeout, settings.stop_notice))
    flush_observations()
