"""Recipes: automations to begin with. Each takes what the workspace has, and leaves open what it lacks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.console.automations.reads import DefinitionNames
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

RecipeSteps = Callable[[PageView, DefinitionNames], list[dict[str, Any]]]
SLACK_TYPES = frozenset(("slack",))
SMS_TYPES = frozenset(("twilio",))
HOT_SCORE = 50
SILENT_MINUTES = 3 * 24 * 60
MAX_TURN_USERS = 100


@dataclass(frozen=True)
class Recipe:
    """An automation to begin with. Its texts are translated when it is taken."""

    name: str
    note: str
    icon: str
    trigger: Mapping[str, Any]
    steps: RecipeSteps


def _welcome(view: PageView, _names: DefinitionNames) -> list[dict[str, Any]]:
    subject = view.translate("Thank you for your message")
    body = view.translate(
        "Hello %(name)s,\n\nthank you for writing to us. We read every message, and answer within one working day.",
        name="{{ first_name }}",
    )
    return [
        {"condition": {"field": "email", "operator": "is_not_empty"}},
        {"action": {"type": "send_email", "to": "lead", "subject": subject, "body": body}},
    ]


def _hot_lead(view: PageView, names: DefinitionNames) -> list[dict[str, Any]]:
    channels = names.integrations_of(SLACK_TYPES)
    text = view.translate(
        "%(name)s from %(company)s is hot: %(score)s points.",
        name="{{ first_name }} {{ last_name }}",
        company='{{ company | default("?") }}',
        score="{{ lead_score }}",
    )
    channel = channels[0][0] if channels else None
    return [{"action": {"type": "notify_slack", "integration_id": channel, "text": text}}]


def _in_turn(view: PageView, names: DefinitionNames) -> list[dict[str, Any]]:
    users = [id_ for id_ in names.users if id_ not in names.inactive_users][:MAX_TURN_USERS]
    text = view.translate("A new lead is yours: %(name)s", name="{{ first_name }} {{ last_name }}")
    return [
        {"condition": {"field": "assigned_user_id", "operator": "is_empty"}},
        {"action": {"type": "assign_user", "round_robin": users}},
        {"action": {"type": "notify_users", "to": "assigned", "text": text}},
    ]


def _follow_up(view: PageView, _names: DefinitionNames) -> list[dict[str, Any]]:
    title = view.translate("Call %(name)s again", name="{{ first_name }} {{ last_name }}")
    return [
        {"condition": {"field": "status", "operator": "in", "value": ["new", "contacted"]}},
        {"action": {"type": "create_task", "title": title, "due_in_hours": 8}},
        {"action": {"type": "add_tag", "tag": view.translate("silent")}},
    ]


def _to_crm(_view: PageView, _names: DefinitionNames) -> list[dict[str, Any]]:
    return [{"action": {"type": "send_webhook", "url": ""}}]


AUTOMATION_RECIPES: Mapping[str, Recipe] = {
    "welcome": Recipe(
        _("Welcome mail"),
        _("Whoever writes gets an answer at once."),
        "mail",
        {"type": "lead_created"},
        _welcome,
    ),
    "hot": Recipe(
        _("Slack for a hot lead"),
        _("When a score gets high, the team hears of it."),
        "send",
        {"type": "lead_score_crossed", "threshold": HOT_SCORE, "direction": "above"},
        _hot_lead,
    ),
    "turn": Recipe(
        _("New leads in turn"),
        _("Each new lead gets an owner: one user after the other."),
        "people",
        {"type": "lead_created"},
        _in_turn,
    ),
    "silence": Recipe(
        _("Follow-up after silence"),
        _("Nothing for three days: a task for the owner."),
        "clock",
        {"type": "no_activity", "minutes": SILENT_MINUTES},
        _follow_up,
    ),
    "crm": Recipe(
        _("Webhook to a CRM"),
        _("Each new lead is posted to an address of yours, signed if you like."),
        "link",
        {"type": "lead_created"},
        _to_crm,
    ),
    "blank": Recipe(
        _("From scratch"), _("A trigger, and all steps by you."), "plus", {"type": "lead_created"}, lambda *_: []
    ),
}


def made_definition(view: PageView, recipe: Recipe, name: str, names: DefinitionNames) -> dict[str, Any]:
    """Return the draft of a recipe, in the reader's language."""
    return {
        "name": name or view.translate(recipe.name),
        "description": None,
        "trigger": dict(recipe.trigger),
        "steps": recipe.steps(view, names),
    }
