"""The gateway's routes and lifetime, to be mounted on an application."""

from aiohttp import web

from services.gateway.batch import receive_batch
from services.gateway.express import open_express
from services.gateway.forms import receive_submission
from services.gateway.handlers import receive_lead
from services.gateway.health import health
from services.gateway.state import GATEWAY, lifetime
from shared.settings import Settings
from shared.web.app import mount

ROUTES = [
    web.post("/api/inbound/leads", receive_lead),
    web.post("/api/inbound/leads/batch", receive_batch),
    web.post("/api/v1/forms/{id}/submissions", receive_submission),
    web.get("/api/v1/health", health),
]


def mount_gateway(app: web.Application, settings: Settings) -> None:
    """Add the gateway to an application made by `shared.web.app.make_app`."""
    mount(app, ROUTES)
    app.cleanup_ctx.append(lifetime(settings))
    if settings.fast_path:
        app.on_startup.append(open_express)  # runs after the cleanup contexts have started
    app.on_shutdown.append(hasten_callers)


async def hasten_callers(app: web.Application) -> None:
    """Have callers that wait for a verdict answered before their connections are closed."""
    app[GATEWAY].room.hasten()
