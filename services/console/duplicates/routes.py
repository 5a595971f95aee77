"""Routes of the feature `duplicates`, each with its handler."""

from services.console.duplicates import list_page, merge_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("leads/{id}/merge", merge_page.show),
    workspace_post("leads/{id}/merge", merge_page.submit, action="lead.merged"),
    workspace_post("leads/{id}/unmerge", merge_page.unmerge, action="lead.unmerged"),
    workspace_get("duplicates", list_page.show),
    workspace_get("duplicates/{id}", list_page.compare),
    workspace_post("duplicates/{id}/dismiss", list_page.dismiss, action="duplicate.dismissed"),
    workspace_post("duplicates/{id}/reopen", list_page.reopen, action="duplicate.reopened"),
]
