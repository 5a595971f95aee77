"""Routes of the feature `tags`, each with its handler."""

from services.console.tags import tag_changes, tag_merges, tags_page
from services.console.web.routing import workspace_get, workspace_post

TAG = "settings/tags/{id}"

ROUTES = [
    workspace_get("settings/tags", tags_page.show),
    workspace_post("settings/tags", tag_changes.create, action="tag.created"),
    workspace_post(TAG, tag_changes.change, action="tag.changed"),
    workspace_post(f"{TAG}/delete", tag_changes.delete, action="tag.deleted"),
    workspace_post(f"{TAG}/merge", tag_merges.merge, action="tag.merge"),
    workspace_post(f"{TAG}/alias", tag_merges.forget, action="tag.delete_alias"),
]
