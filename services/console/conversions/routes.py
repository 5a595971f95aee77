"""Routes of the feature `conversions`, each with its handler."""

from services.console.conversions import conversion_changes, conversion_page, editing, list_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("conversions", list_page.show),
    workspace_post("conversions", editing.create, action="conversion.created"),
    workspace_get("conversions/new", editing.new),
    workspace_get("conversions/{id}", conversion_page.show),
    workspace_get("conversions/{id}/live", conversion_page.live),
    workspace_get("conversions/{id}/edit", editing.edit),
    workspace_post("conversions/{id}", editing.change, action="conversion.changed"),
    workspace_post("conversions/{id}/switch", conversion_changes.switch, action="conversion.changed"),
    workspace_post("conversions/{id}/test", conversion_changes.send_test, action="conversion.send_test"),
    workspace_post("conversions/{id}/delete", conversion_changes.delete, action="conversion.deleted"),
]
