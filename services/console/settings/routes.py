"""Routes of the feature `settings`, each with its handler."""

from services.console.settings import api_keys, audit_log, drill_page, retention, system, users
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("settings/keys", api_keys.show),
    workspace_post("settings/keys", api_keys.create, action="api_key.created"),
    workspace_post("settings/keys/{id}/revoke", api_keys.revoke, action="api_key.deleted"),
    workspace_get("settings/users", users.show),
    workspace_post("settings/users", users.invite, action="user.invited"),
    workspace_post("settings/users/{id}", users.manage, action="user.changed"),
    workspace_get("settings/retention", retention.show),
    workspace_post("settings/retention", retention.save, action="retention.changed"),
    workspace_get("settings/audit-log", audit_log.show),
    workspace_get("settings/audit-log.csv", audit_log.download),
    workspace_get("settings/system", system.show),
    workspace_get("settings/system/drill", drill_page.show),
    workspace_post("settings/system/drill", drill_page.start, action="drill.started"),
    workspace_post("settings/system/drill/stop", drill_page.stop, action="drill.stopped"),
    workspace_get("settings/system/drill/live", drill_page.live),
]
