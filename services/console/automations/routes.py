"""Routes of the feature `automations`, each with its handler."""

from services.console.automations import list_page
from services.console.web.routing import workspace_get

ROUTES = [
    workspace_get("automations", list_page.show),
]
