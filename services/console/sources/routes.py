"""Routes of the feature `sources`, each with its handler."""

from services.console.sources import backfill, changes, connect, list_page, mapping_page, source_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("sources", list_page.show),
    workspace_post("sources", connect.create, action="integration.created"),
    workspace_get("sources/connect", connect.gallery),
    workspace_get("sources/new", connect.new),
    workspace_get("sources/{id}", source_page.show),
    workspace_post("sources/{id}/switch", changes.switch, action="integration.changed"),
    workspace_post("sources/{id}/credentials", changes.credentials, action="integration.changed"),
    workspace_post("sources/{id}/settings", changes.settings, action="integration.changed"),
    workspace_post("sources/{id}/renew", changes.renew, action="integration.rotate_url"),
    workspace_post("sources/{id}/delete", changes.delete, action="integration.deleted"),
    workspace_post("sources/{id}/backfill", backfill.create, action="backfill.created"),
    workspace_get("sources/{id}/mapping", mapping_page.show),
    workspace_post("sources/{id}/mapping", mapping_page.save, action="integration.changed"),
    workspace_post("sources/{id}/mapping/preview", mapping_page.preview, action="integration.mapping_tried"),
]
