"""Routes of the feature `pipeline`, each with its handler."""

from services.console.pipeline import board_page, moves
from services.console.web.routing import workspace_get, workspace_post

ROUTES = [
    workspace_get("pipeline", board_page.show),
    workspace_get("pipeline/column", board_page.column),
    workspace_post("pipeline/move", moves.move, action="lead.moved"),
]
