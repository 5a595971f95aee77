"""Routes of the feature `scoring`, each with its handler."""

from services.console.scoring import rule_changes, scoring_page
from services.console.web.routing import workspace_get, workspace_post

RULE = "settings/scoring/{id}"

ROUTES = [
    workspace_get("settings/scoring", scoring_page.show),
    workspace_post("settings/scoring", rule_changes.create, action="scoring_rule.created"),
    workspace_post("settings/scoring/recalculate", rule_changes.recalculate, action="scoring_rule.recalculated"),
    workspace_post(RULE, rule_changes.change, action="scoring_rule.changed"),
    workspace_post(f"{RULE}/switch", rule_changes.switch, action="scoring_rule.changed"),
    workspace_post(f"{RULE}/move", rule_changes.move, action="scoring_rule.changed"),
    workspace_post(f"{RULE}/delete", rule_changes.delete, action="scoring_rule.deleted"),
]
