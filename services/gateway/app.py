"""The gateway's routes and lifetime, to be mounted on an application."""

from aiohttp import web

from services.gateway.batch import receive_batch
from services.gateway.context import GATEWAY_CONTEXT, gateway_lifetime
from services.gateway.fast_path import enable_fast_path
from services.gateway.form_handlers import receive_submission
from services.gateway.handlers import receive_lead
from services.gateway.health import health
from services.gateway.public_forms.form_routes import PUBLIC_FORM_ROUTES
from services.gateway.public_forms.forms_context import public_forms_lifetime
from services.gateway.public_forms.page_handlers import prepare_pages
from services.gateway.webhook_handlers import DELIVERY_METHODS, answer_handshake, receive_webhook
from shared.platform.settings import Settings
from shared.service_app.app import mount_routes

WEBHOOK_ROUTE = "/api/inbound/webhooks/{token}"
GATEWAY_ROUTES = [
    web.post("/api/inbound/leads", receive_lead),
    web.post("/api/inbound/leads/batch", receive_batch),
    web.get(WEBHOOK_ROUTE, answer_handshake),
    *(web.route(method, WEBHOOK_ROUTE, receive_webhook) for method in DELIVERY_METHODS),
    web.post("/api/v1/forms/{id}/submissions", receive_submission),
    web.get("/api/v1/health", health),
]


def mount_gateway(app: web.Application, settings: Settings) -> None:
    """Add the gateway to an application made by `shared.service_app.app.make_app`."""
    mount_routes(app, [*GATEWAY_ROUTES, *PUBLIC_FORM_ROUTES])
    prepare_pages(app)
    app.cleanup_ctx.append(gateway_lifetime(settings))
    app.cleanup_ctx.append(public_forms_lifetime(settings))
    if settings.fast_path:
        app.on_startup.append(enable_fast_path)  # runs after the cleanup contexts have started
    app.on_shutdown.append(shorten_waits)


async def shorten_waits(app: web.Application) -> None:
    """Have callers that wait for a verdict answered before their connections are closed."""
    app[GATEWAY_CONTEXT].waiters.shorten_deadlines()
