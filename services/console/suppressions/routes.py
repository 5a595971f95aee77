"""Routes of the feature `suppressions`, each with its handler."""

from services.console.suppressions import file_upload, list_page, suppression_changes
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("settings/suppressions", list_page.show),
    workspace_post("settings/suppressions", suppression_changes.add, action="suppression.created"),
    workspace_get("settings/suppressions/file", file_upload.show),
    workspace_post("settings/suppressions/file", file_upload.add, action="suppression.imported"),
    workspace_post("settings/suppressions/{id}/undo", suppression_changes.undo, action="suppression.undone"),
    workspace_post("settings/suppressions/{id}/delete", suppression_changes.remove, action="suppression.deleted"),
]
