"""What the builder shows: the automation as a list of steps, with the part that is being edited where it stands."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from markupsafe import Markup

from services.console.automations.builder_choices import (
    BuilderChoices,
    field_choices,
    read_builder_choices,
    value_choices,
    value_suggestions,
)
from services.console.automations.condition_words import OPERATOR_SENTENCES
from services.console.automations.definition_changes import DefinitionChanges, definition_changes
from services.console.automations.draft_conditions import ConditionNode, root_of_condition
from services.console.automations.draft_problems import DefinitionProblem, definition_problems
from services.console.automations.draft_steps import shown_inputs
from services.console.automations.latest_runs import read_latest_runs
from services.console.automations.message_preview import (
    MessagePreview,
    latest_leads,
    preview_message,
    read_preview_lead,
)
from services.console.automations.phrases import capitalized
from services.console.automations.recipes import SLACK_TYPES, SMS_TYPES
from services.console.automations.run_words import RunLine
from services.console.automations.step_words import (
    STEP_ICONS,
    STEP_WORDS,
    automation_sentence,
    step_kind,
    step_line,
    step_note,
)
from services.console.automations.trigger_words import TRIGGER_WORDS, when_line
from services.console.web.operator_words import OPERATOR_WORDS
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_drafts import checked_draft, find_draft, find_draft_problems
from shared.automations.automation_editing import count_waiting_runs, find_automation
from shared.outbound.mail_setup import can_send_mail
from shared.platform.errors import FieldErrors

TRIGGER, DETAILS = "trigger", "details"  # parts of an automation that are no steps
MAX_PLACE_DIGITS = 3
MAIL_STEPS = frozenset(("send_email", "notify_users"))


@dataclass
class BuilderPlace:
    """Where the reader is: the open part, the kind of a step that is new there, and the step that has the focus."""

    part: str = ""
    new_kind: str = ""
    adds_at: int | None = None
    focus: str = ""


@dataclass
class EditedPart:
    """What was typed in the open part and is not stored: the part, for a condition its root, and its problems."""

    part: Mapping[str, Any] = field(default_factory=dict)
    root: ConditionNode | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    lead: str = ""


@dataclass(frozen=True)
class StepRow:
    """A step as the list shows it."""

    place: int
    kind: str
    line: Markup
    note: str
    has_problem: bool


@dataclass(frozen=True)
class OpenPart:
    """The part that is being edited. `shown` has the values of its inputs."""

    place: str
    is_new: bool
    kind: str
    shown: Mapping[str, Any]
    root: ConditionNode
    problems: Mapping[str, str]
    preview: MessagePreview | None
    lead: str
    is_fresh: bool  # shown as it is stored


@dataclass(frozen=True)
class ReadAutomation:
    """An automation, its draft, and what was read beside them: choices, waiting runs, and names that are missing."""

    automation: Mapping[str, Any]
    draft: Mapping[str, Any]
    choices: BuilderChoices
    waiting: int
    missing: FieldErrors
    has_mail: bool
    may_change: bool
    latest_runs: list[RunLine]


def read_place(texts: Mapping[str, str]) -> BuilderPlace:
    """Return where the reader is, by the query of the address or by the form."""
    part = texts.get("part", "")
    is_part = part in (TRIGGER, DETAILS) or as_place(part) is not None
    kind = texts.get("new", "")
    focus = texts.get("at", "")
    return BuilderPlace(
        part if is_part else "",
        kind if kind in STEP_WORDS and part.isdigit() else "",
        as_place(texts.get("add", "")),
        focus if as_place(focus) is not None else "",
    )


def as_place(text: str) -> int | None:
    """Return the place of a step, from 0; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_PLACE_DIGITS else None


def builder_path(view: PageView, id_: int, below: str = "", **query: object) -> str:
    """Return the address of an automation's builder, or of a page below it."""
    return view.path(f"automations/{id_}{f'/{below}' if below else ''}", **query)


async def render_builder(
    view: PageView,
    id_: int,
    place: BuilderPlace,
    edited: EditedPart | None = None,
    status: int = 200,
    **news: Any,
) -> web.Response:
    """Return the page of the builder. Raises NotFound."""
    builder = await _read_builder(view, id_)
    draft, names = builder.draft, builder.choices.names
    problems = await _find_problems(view, builder)
    opened = await _open_part(view, draft, place, edited) if builder.may_change else None
    return await view.render(
        "automations/builder.html",
        status,
        automation=builder.automation,
        draft=draft,
        rows=step_rows(view, builder.choices, draft["steps"], problems),
        trigger_line=when_line(view, names, draft["trigger"]),
        sentence=automation_sentence(view, names, draft["trigger"], draft["steps"]),
        problems=problems,
        changes=definition_changes(view, names, builder.automation, draft)
        if draft["is_changed"]
        else DefinitionChanges(),
        open=opened,
        place=place,
        waiting=builder.waiting,
        latest_runs=builder.latest_runs,
        lacks_mail=not builder.has_mail and any(step_kind(step) in MAIL_STEPS for step in draft["steps"]),
        may_change=builder.may_change,
        address=lambda below="", **query: builder_path(view, id_, below, **query),
        **_form_words(view, builder.choices),
        **{"conflict": None, "asked": "", "refusal": "", "typed_lead": "", "problem": "", **news},
    )


async def _read_builder(view: PageView, id_: int) -> ReadAutomation:
    """Read an automation with its draft, which only those see who may change it."""
    workspace_id, may_change = view.workspace.workspace_id, view.permits(Permission.SET_UP)
    async with view.console.reading() as connection:
        automation = await find_automation(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_) if may_change else {**automation, "is_changed": False}
        return ReadAutomation(
            automation,
            draft,
            await read_builder_choices(connection, workspace_id),
            await count_waiting_runs(connection, workspace_id, id_),
            await find_draft_problems(connection, workspace_id, draft),
            await can_send_mail(connection, view.console.settings, workspace_id),
            may_change,
            await read_latest_runs(view, connection, id_) if automation["version"] else [],
        )


async def _find_problems(view: PageView, builder: ReadAutomation) -> list[DefinitionProblem]:
    errors, draft = dict(builder.missing), builder.draft
    if draft["is_changed"]:  # what is published was checked
        workspace_id, targets = view.workspace.workspace_id, view.console.settings.allowed_targets
        check = await view.console.template_turns.run(
            workspace_id, draft["steps"], lambda: checked_draft(draft, targets)
        )
        errors |= check.errors
    return definition_problems(view, draft, errors)


def step_rows(
    view: PageView, choices: BuilderChoices, steps: list[Any], problems: list[DefinitionProblem]
) -> list[StepRow]:
    """Return the steps of a definition as a list shows them."""
    wrong = {one.place for one in problems}
    return [
        StepRow(
            place,
            step_kind(step),
            capitalized(step_line(view, choices.names, step)),
            step_note(step),
            str(place) in wrong,
        )
        for place, step in enumerate(steps)
    ]


async def _open_part(
    view: PageView, draft: Mapping[str, Any], place: BuilderPlace, edited: EditedPart | None
) -> OpenPart | None:
    steps = draft["steps"]
    number = as_place(place.part)
    if not place.part or (number is not None and number >= len(steps) + bool(place.new_kind)):
        return None
    stored: Mapping[str, Any] = {}
    if place.part == TRIGGER:
        stored = draft["trigger"]
    elif place.part == DETAILS:
        stored = {"name": draft["name"], "description": draft["description"] or ""}
    elif number is not None:
        stored = _new_step(place.new_kind) if place.new_kind else steps[number]
    part = edited.part if edited else stored
    kind = str(part.get("type", "")) if place.part == TRIGGER else "" if place.part == DETAILS else step_kind(part)
    root = (edited.root if edited else None) or root_of_condition(part.get("condition"))
    async with view.console.reading() as connection:
        lead = await read_preview_lead(connection, view.workspace.workspace_id, edited.lead if edited else "")
    preview = await preview_message(view, part, lead)
    shown = shown_inputs(kind, part)
    is_step = number is not None and not place.new_kind
    shown["has_secret"] = is_step and bool((steps[number].get("action") or {}).get("secret"))
    return OpenPart(
        place.part,
        bool(place.new_kind),
        kind,
        defaultdict(lambda: None, shown),
        root,
        defaultdict(str, edited.problems if edited else {}),
        preview,
        edited.lead if edited else "",
        is_fresh=edited is None,
    )


def _new_step(kind: str) -> dict[str, Any]:
    """Return what the form of a new step begins with."""
    if kind == "condition":
        return {"condition": {}}
    if kind == "delay":
        return {"delay": {"days": 1}}
    beginning: dict[str, Any] = {"send_email": {"to": "lead"}, "notify_users": {"to": "assigned"}}.get(kind, {})
    return {"action": {"type": kind, **beginning}}


def _form_words(view: PageView, choices: BuilderChoices) -> dict[str, Any]:
    """Return what the forms of parts offer, and their words."""
    return {
        "choices": choices,
        "step_words": {kind: view.translate(word) for kind, word in STEP_WORDS.items()},
        "step_icons": STEP_ICONS,
        "trigger_words": {kind: view.translate(word) for kind, word in TRIGGER_WORDS.items()},
        "fields": field_choices(view, choices),
        "writable_fields": field_choices(view, choices, writable=True),
        "value_choices": lambda name: value_choices(view, choices, name),
        "value_suggestions": lambda name: value_suggestions(choices, name),
        "operator_words": {name: view.translate(OPERATOR_WORDS[name]) for name in OPERATOR_SENTENCES},
        "same_pairs": lambda values: [(value, value) for value in values],
        "slack_channels": choices.names.integrations_of(SLACK_TYPES),
        "sms_channels": choices.names.integrations_of(SMS_TYPES),
        "leads": latest_leads(view, choices),
    }
