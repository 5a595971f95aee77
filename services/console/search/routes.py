"""Routes of the feature `search`, each with its handler."""

from services.console.search import search_page
from services.console.web.routing import workspace_get

ROUTES = [
    workspace_get("search", search_page.show),
    workspace_get("palette", search_page.palette),
]
