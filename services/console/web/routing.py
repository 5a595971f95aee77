"""Routes of the console. One that changes something says what the audit log calls it."""

from aiohttp import web
from aiohttp.typedefs import Handler

from shared.service_app.audit import audited_as

WORKSPACE_PREFIX = "/console/{workspace}"


def post(path: str, handler: Handler, *, action: str) -> web.RouteDef:
    """Return the route of an action, such as `account.renamed`."""
    return web.post(path, audited_as(action, handler))


def workspace_get(path: str, handler: Handler) -> web.RouteDef:
    """Return the route of a page below the workspace's address."""
    return web.get(f"{WORKSPACE_PREFIX}/{path}", handler)


def workspace_post(path: str, handler: Handler, *, action: str) -> web.RouteDef:
    """Return the route of an action below the workspace's address, such as `lead.merged`."""
    return post(f"{WORKSPACE_PREFIX}/{path}", handler, action=action)
