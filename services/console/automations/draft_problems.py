"""What is wrong with a trigger or a step, in words, by the input of the form that it is about."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.automations.conditions import ENDLESS_NUMBER_MESSAGE
from shared.platform.errors import FieldErrors

PROBLEM_WORDS: Mapping[str, str] = {
    "kind": _("Choose what the step does."),
    "tag": _("Write a tag of 1 to 100 characters."),
    "other_source": _("Sources are texts of 255 characters or fewer, 100 of them at most."),
    "fields": _("These are up to 100 fields of leads."),
    "from_stage_id": _("This stage is not there any more."),
    "to_stage_id": _("This stage is not there any more."),
    "threshold": _("Write a whole number."),
    "direction": _("Choose a direction."),
    "amount": _("Write a whole number; it may be a year at most."),
    "form_id": _("This form is not there any more."),
    "field": _("Choose a field. The key of one of your own has up to 100 characters."),
    "value": _("This field cannot hold that. A first name cannot be cleared."),
    "status": _("Choose a status."),
    "stage_id": _("Choose a stage."),
    "user_id": _("Choose a user who is there."),
    "users": _("Tick users who are there, one at least."),
    "points": _("Write a whole number from -1,000,000 to 1,000,000."),
    "url": _("Write an address that begins with https:// or http://."),
    "secret": _("Type the secret: for this address none is kept. It has up to 255 characters."),
    "integration_id": _("Choose a channel that is connected."),
    "subject": _("Write a subject of 255 characters or fewer."),
    "body": _("Write a text of 10,000 characters or fewer."),
    "text": _("Write a text of 10,000 characters or fewer."),
    "title": _("Write a title of 255 characters or fewer."),
    "due_in_hours": _("Write a whole number of hours, from 0 to 8,760."),
    "condition": _("Each line needs a field and a value. There may be 100 lines, nested in 10 levels."),
    "name": _("Give it a name of 255 characters or fewer."),
    "description": _("The note must have 10,000 characters or fewer."),
    "steps": _("Add a step: there may be 1 to 100."),
}
ENDLESS_NUMBER_END = ENDLESS_NUMBER_MESSAGE.partition("{field}")[2]
TEMPLATE_INPUTS = ("subject", "body", "text", "title")
# What the checker of templates says.
FOREIGN_NAME = re.compile(r"names '(.{1,100})' in its template")
FORBIDDEN_PART = re.compile(r"may not use '(.{1,100})' in its template")
WRONG_SYNTAX = re.compile(r"no template, in line (\d+): (.{1,200})")
INPUT_OF_MEMBER = {
    "round_robin": "users",
    "to": "users",
    "sources": "other_source",
    "type": "kind",
    "minutes": "amount",
}


class DefinitionProblem(NamedTuple):
    """What stands in the way of publishing: a sentence, and the part to mend: `trigger`, `name` or a step's place."""

    text: str
    place: str


def input_problems(view: PageView, errors: FieldErrors) -> dict[str, str]:
    """Return the problems of one part, by the input's name. Of several at one input, the first."""
    problems: dict[str, str] = {}
    for path, messages in errors.items():
        name = _input_name(path.split("."))
        problems.setdefault(name, _problem_text(view, name, messages[0] if messages else ""))
    return problems


def definition_problems(view: PageView, definition: Mapping[str, Any], errors: FieldErrors) -> list[DefinitionProblem]:
    """Return all that stands in the way of publishing a draft, in the order of its parts."""
    text_by_place: dict[str, str] = {}
    for path, messages in errors.items():
        parts = path.split(".")
        place = parts[1] if parts[0] == "steps" and len(parts) > 1 else parts[0]
        name = _input_name(parts)
        text_by_place.setdefault(place, _problem_text(view, name, messages[0] if messages else ""))
    count = len(definition["steps"])
    order = ["name", "description", "trigger", "steps", *(str(place) for place in range(count))]
    return [DefinitionProblem(text_by_place[place], place) for place in order if place in text_by_place]


def _input_name(parts: list[str]) -> str:
    """Return the input that a dotted name means, such as `steps.3.action.user_id`."""
    if parts[0] == "steps":
        parts = parts[2:] or ["steps"]
        if parts[0] == "condition":
            return "condition"
        if parts[0] == "delay":
            return "amount"
    if parts[0] in ("trigger", "action"):
        parts = parts[1:] or ["kind"]
    return INPUT_OF_MEMBER.get(parts[0], parts[0])


def _problem_text(view: PageView, name: str, message: str) -> str:
    if name == "url" and "private address" in message:
        return view.translate(
            "This is a private address: nothing is sent there unless the operator allows it (LEADHUB_ALLOWED_TARGETS)."
        )
    if name == "condition" and ENDLESS_NUMBER_END in message:
        return view.translate("Nothing is more or less than NaN or Infinity: write a number, or text.")
    told = template_problem(view, name, message) if name in TEMPLATE_INPUTS else ""
    return told or view.translate_choice(PROBLEM_WORDS, name, message)


def template_problem(view: PageView, name: str, message: str) -> str:
    """Return what is wrong with a template, by what its checker says."""
    if match := FOREIGN_NAME.search(message):
        return view.translate("“%(name)s” is no field of a lead. The names stand below.", name=match[1])
    if match := FORBIDDEN_PART.search(message):
        return view.translate("A text may not have this in double braces: %(part)s.", part=match[1])
    if match := WRONG_SYNTAX.search(message):
        text = view.translate("What stands in braces cannot be read, in line %(n)s: %(detail)s")
        return text % {"n": match[1], "detail": match[2]}
    if "template" in message or "nested" in message:
        return view.translate("What stands in braces is too much for one text.")
    return view.translate(PROBLEM_WORDS[name])
