"""Routes of the feature `now`, each with its handler."""

from services.console.now import now_page
from services.console.web.routing import workspace_get

ROUTES = [
    workspace_get("now", now_page.show),
    workspace_get("now/live", now_page.live),
]
