"""Routes of the feature `people`, each with its handler."""

from services.console.people import person_page
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("leads/{id}/person", person_page.show),
    workspace_get("leads/{id}/person.json", person_page.download),
    workspace_post("leads/{id}/erase", person_page.erase, action="lead.erased"),
]
