"""Routes of the feature `forms`, each with its handler."""

from services.console.forms import builder_page, embedding, history, list_page, numbers_page, preview, publishing
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("forms", list_page.show),
    workspace_post("forms", list_page.create, action="form.created"),
    workspace_get("forms/new", list_page.new),
    workspace_get("forms/{id}", builder_page.show),
    workspace_post("forms/{id}/draft", builder_page.save, action="form.draft_saved"),
    workspace_get("forms/{id}/preview", preview.show),
    workspace_get("forms/{id}/preview/{mode}/form.css", preview.stylesheet),
    workspace_post("forms/{id}/publish", publishing.publish, action="form.published"),
    workspace_post("forms/{id}/discard", publishing.discard, action="form.draft_discarded"),
    workspace_post("forms/{id}/switch", publishing.switch, action="form.changed"),
    workspace_post("forms/{id}/delete", publishing.delete, action="form.deleted"),
    workspace_get("forms/{id}/embed", embedding.show),
    workspace_get("forms/{id}/qr.svg", embedding.download_code),
    workspace_get("forms/{id}/test", embedding.test),
    workspace_get("forms/{id}/visits/live", embedding.live),
    workspace_get("forms/{id}/numbers", numbers_page.show),
    workspace_get("forms/{id}/versions", history.show),
    workspace_post("forms/{id}/versions/{version}/restore", history.restore, action="form.restored"),
]
