"""The read API's routes and lifetime, to be mounted on an application."""

from aiohttp import web

from services.api.resources import leads, me, submissions
from services.api.state import lifetime
from shared.settings import Settings
from shared.web.app import mount

ROUTES = [
    web.get("/api/v1/me", me.show),
    web.get("/api/v1/leads", leads.index),
    web.get("/api/v1/leads/{id}", leads.show),
    web.get("/api/v1/leads/{id}/activities", leads.activities),
    web.get("/api/v1/submissions/{id}", submissions.show),
]


def mount_api(app: web.Application, settings: Settings) -> None:
    """Adds the API to an application made by `shared.web.app.make_app`."""
    mount(app, ROUTES)
    app.cleanup_ctx.append(lifetime(settings))
