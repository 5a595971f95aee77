"""Routes of the feature `dead_letters`, each with its handler."""

from services.console.dead_letters import cause_page, causes_page, fix_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("dead-letters", cause_page.show),
    workspace_get("dead-letters/live", causes_page.live),
    workspace_post("dead-letters/{id}", cause_page.change, action="cause.changed"),
    workspace_get("dead-letters/{id}/fix", fix_page.show),
    workspace_post("dead-letters/{id}/replay", fix_page.replay_all, action="bulk.replay"),
    workspace_post("dead-letters/{id}/try", fix_page.try_one, action="submission.replayed"),
    workspace_post("dead-letters/{id}/deliveries/{delivery}/resend", cause_page.resend, action="delivery.resent"),
]
