"""Routes of the feature `suppressions`, each with its handler."""

from services.console.suppressions import list_page, suppression_changes
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("settings/suppressions", list_page.show),
    workspace_post("settings/suppressions", suppression_changes.add, action="suppression.created"),
    workspace_post("settings/suppressions/{id}/delete", suppression_changes.remove, action="suppression.deleted"),
]
