"""Routes of the feature `now`, each with its handler."""

from services.console.now import first_minutes, now_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("now", now_page.show),
    workspace_get("now/live", now_page.live),
    workspace_get("first-minutes", first_minutes.show),
    workspace_get("first-minutes/live", first_minutes.live),
    workspace_post("first-minutes/key", first_minutes.make_key, action="api_key.created"),
    workspace_post("first-minutes/lead", first_minutes.send_lead, action="lead.example_sent"),
    workspace_post("first-minutes/samples", first_minutes.load_samples, action="import.created"),
]
