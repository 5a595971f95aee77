"""Routes of the feature `tags`, each with its handler."""

from services.console.tags import tags_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("settings/tags", tags_page.show),
    workspace_post("settings/tags", tags_page.create, action="tag.created"),
    workspace_post("settings/tags/{id}", tags_page.change, action="tag.changed"),
    workspace_post("settings/tags/{id}/delete", tags_page.delete, action="tag.deleted"),
]
