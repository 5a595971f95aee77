"""Routes of the feature `automations`, each with its handler."""

from services.console.automations import (
    builder_page,
    list_page,
    message_preview,
    publishing,
    runs_page,
    trial_page,
    versions_page,
    why_page,
)
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("automations", list_page.show),
    workspace_post("automations", list_page.create, action="automation.created"),
    workspace_get("automations/new", list_page.new),
    workspace_get("automations/why", why_page.choose),
    workspace_get("automations/{id}", builder_page.show),
    workspace_post("automations/{id}/draft", builder_page.save, action="automation.draft_saved"),
    workspace_post("automations/{id}/undo", builder_page.undo, action="automation.draft_saved"),
    workspace_post("automations/{id}/preview", message_preview.show, action="automation.previewed"),
    workspace_post("automations/{id}/publish", publishing.publish, action="automation.published"),
    workspace_post("automations/{id}/discard", publishing.discard, action="automation.draft_discarded"),
    workspace_post("automations/{id}/switch", publishing.switch, action="automation.changed"),
    workspace_post("automations/{id}/run", publishing.run, action="automation.run"),
    workspace_post("automations/{id}/delete", publishing.delete, action="automation.deleted"),
    workspace_get("automations/{id}/why", why_page.show),
    workspace_get("automations/{id}/try", trial_page.show),
    workspace_get("automations/{id}/runs", runs_page.show),
    workspace_get("automations/{id}/versions", versions_page.show),
    workspace_post("automations/{id}/versions/{version}/restore", versions_page.restore, action="automation.restored"),
]
