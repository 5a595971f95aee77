"""Routes of the feature `quarantine`, each with its handler."""

from services.console.quarantine import quarantine_page, rules_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("quarantine", quarantine_page.show),
    workspace_get("quarantine/selected", quarantine_page.confirm_selected),
    workspace_get("quarantine/rules", rules_page.show),
    workspace_post("quarantine/rules", rules_page.create, action="spam_rule.created"),
    workspace_post("quarantine/rules/{id}/delete", rules_page.delete, action="spam_rule.deleted"),
    workspace_post("quarantine/{id}/release", quarantine_page.release, action="submission.released"),
    workspace_post("quarantine/{id}/reject", quarantine_page.reject, action="submission.rejected"),
]
