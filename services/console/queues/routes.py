"""Routes of the feature `queues`, each with its handler."""

from services.console.queues import queues_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("queues", queues_page.show),
    workspace_get("queues/live", queues_page.live),
    workspace_post("queues/{lane}/pause", queues_page.pause, action="lane.pause"),
    workspace_post("queues/{lane}/resume", queues_page.resume, action="lane.resume"),
]
