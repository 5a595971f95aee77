"""The read API's routes and lifetime, to be mounted on an application."""

from types import ModuleType

from aiohttp import web

from services.api.resources import leads, me, submissions, tags
from services.api.state import lifetime
from shared.settings import Settings
from shared.web.app import mount


def resource(path: str, handlers: ModuleType) -> list[web.RouteDef]:
    """The six routes of a noun: index, create, show, update (by PUT and PATCH) and delete."""
    one = f"{path}/{{id}}"
    return [
        web.get(path, handlers.index),
        web.post(path, handlers.create),
        web.get(one, handlers.show),
        web.put(one, handlers.update),
        web.patch(one, handlers.update),
        web.delete(one, handlers.delete),
    ]


ROUTES = [
    web.get("/api/v1/me", me.show),
    web.get("/api/v1/leads", leads.index),
    web.get("/api/v1/leads/{id}", leads.show),
    web.get("/api/v1/leads/{id}/activities", leads.activities),
    web.get("/api/v1/submissions/{id}", submissions.show),
    *resource("/api/v1/tags", tags),
]


def mount_api(app: web.Application, settings: Settings) -> None:
    """Adds the API to an application made by `shared.web.app.make_app`."""
    mount(app, ROUTES)
    app.cleanup_ctx.append(lifetime(settings))
