"""Routes of the feature `submissions`, each with its handler."""

from services.console.submissions import files, list_page, steering, submission_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("submissions", list_page.show),
    workspace_get("submissions/live", list_page.live),
    workspace_get("submissions/selected", list_page.selected),
    workspace_get("submissions/{id}", submission_page.show),
    workspace_get("submissions/{id}/raw", submission_page.raw),
    workspace_get("files/{id}", files.download),
    workspace_post("submissions/{id}/replay", steering.replay, action="submission.replayed"),
    workspace_post("submissions/{id}/release", steering.release, action="submission.released"),
    workspace_post("submissions/{id}/spam", steering.spam, action="submission.rejected"),
    workspace_post("submissions/{id}/fix", steering.fix, action="submission.replayed"),
]
