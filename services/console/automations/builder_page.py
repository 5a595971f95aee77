"""The builder of an automation: its trigger and steps as a list, each edited where it stands, and kept in a draft."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.automations.builder_view import (
    DETAILS,
    TRIGGER,
    BuilderPlace,
    EditedPart,
    as_place,
    builder_path,
    read_place,
    render_builder,
)
from services.console.automations.draft_conditions import change_condition, condition_of_root, read_condition
from services.console.automations.draft_problems import input_problems
from services.console.automations.draft_steps import PartInputs, read_step, read_trigger
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_drafts import DraftRow, find_draft, save_draft, undo_deletion
from shared.automations.automation_fields import check_definition
from shared.automations.definition_references import missing_references
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_as_continued, audit_details

QUESTIONS = ("delete", "discard", "off", "run")
CONDITION_ACTIONS = ("line", "group", "drop")
MAX_REVISION_DIGITS = 18
Changes = dict[str, Any]


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the draft of an automation, with the open `part`; with `ask` a question."""
    query = dict(view.request.query)
    asked = query.get("ask", "") if view.permits(Permission.SET_UP) else ""
    return await render_builder(
        view, path_id(view.request), read_place(query), asked=asked if asked in QUESTIONS else ""
    )


@workspace_page(Permission.SET_UP)
async def save(view: PageView) -> web.StreamResponse:
    """Do what the button says: keep the open part, show its form again, or move, copy or delete a step."""
    id_, form = path_id(view.request), await view.read_form()
    inputs = PartInputs(form, list(dict.fromkeys(form)))
    audit_details(view.request, action="automation.draft_saved", object=("automation", id_))
    action, _, argument = inputs.text("do").partition(":")
    if action in ("up", "down", "move", "copy", "delete"):
        return await _rearrange(view, id_, inputs, action, argument)
    place = read_place({name: inputs.text(name) for name in ("part", "new")})
    async with view.console.reading() as connection:
        draft = await find_draft(connection, view.workspace.workspace_id, id_)
    if action == "keep" and place.part:
        return await _keep(view, id_, inputs, place, draft)
    audit_as_continued(view.request)
    edited = _edited(inputs, place, draft)
    if edited.root and action in CONDITION_ACTIONS:
        edited.root = change_condition(edited.root, action, argument)
    return await render_builder(view, id_, place, edited)


@workspace_page(Permission.SET_UP)
async def undo(view: PageView) -> web.StreamResponse:
    """Bring back the step that was deleted last."""
    id_, workspace_id, author = path_id(view.request), view.workspace.workspace_id, view.account.name
    audit_details(view.request, action="automation.draft_saved", object=("automation", id_))
    audit_as_continued(view.request)
    revision = _revision(view.request.query.get("revision", ""))
    try:
        await view.console.writing(lambda connection: undo_deletion(connection, workspace_id, id_, revision, author))
    except Conflict:
        view.redirect(builder_path(view, id_), view.translate("The draft was changed since: it stays as it is."))
    view.redirect(builder_path(view, id_), view.translate("The step is back."))


async def _keep(
    view: PageView, id_: int, inputs: PartInputs, place: BuilderPlace, draft: DraftRow
) -> web.StreamResponse:
    """Store the open part in the draft, unless something is wrong with it."""
    edited, workspace_id = _edited(inputs, place, draft), view.workspace.workspace_id
    part: Changes = {TRIGGER: {"trigger": edited.part}, DETAILS: dict(edited.part)}.get(
        place.part, {"steps": [edited.part]}
    )
    targets = view.console.settings.allowed_targets
    fields, errors = await view.console.template_turns.run(workspace_id, part, lambda: check_definition(part, targets))
    async with view.console.reading() as connection:
        errors |= await missing_references(connection, workspace_id, part.get("trigger"), part.get("steps"))
    number = as_place(place.part)
    if number is not None:
        steps = [*draft["steps"]]
        end = number if place.new_kind else number + 1
        steps[number:end] = fields.get("steps") or [edited.part]
        fields = {"steps": steps}
    try:
        await _store(view, id_, fields, errors, _revision(inputs.text("revision")))
    except ValidationFailed as refused:
        edited.problems = input_problems(view, refused.errors or {})
        return await render_builder(view, id_, place, edited, 422)
    except Conflict:
        return await render_builder(view, id_, place, edited, 409, conflict=draft)
    view.redirect(builder_path(view, id_, at=place.part if number is not None else None))


async def _rearrange(view: PageView, id_: int, inputs: PartInputs, action: str, argument: str) -> web.StreamResponse:
    """Move, copy or delete a step."""
    async with view.console.reading() as connection:
        draft = await find_draft(connection, view.workspace.workspace_id, id_)
    first, _, last = argument.partition("-")
    start, end = as_place(first), as_place(last)
    if start is None or start >= len(draft["steps"]):
        view.redirect(builder_path(view, id_))
    steps = [*draft["steps"]]
    step = steps[start]
    if action == "copy":
        steps.insert(start + 1, step)
        target = start + 1
    else:
        del steps[start]
        target = {"up": start - 1, "down": start + 1, "move": start if end is None else end}.get(action, start)
        target = max(0, min(target, len(steps)))
        if action != "delete":
            steps.insert(target, step)
    try:
        stored = await _store(view, id_, {"steps": steps}, {}, _revision(inputs.text("revision")))
    except ValidationFailed as refused:
        return await render_builder(
            view, id_, BuilderPlace(), status=422, refusal=" ".join(input_problems(view, refused.errors or {}).values())
        )
    except Conflict:
        return await render_builder(view, id_, BuilderPlace(), status=409, conflict=draft)
    path = builder_path(view, id_, at=min(target, len(steps) - 1) if steps else None)
    if action == "delete":
        taken_back = builder_path(view, id_, "undo", revision=stored["revision"])
        said = view.translate("Step %(n)s is deleted from the draft.", n=start + 1)
        view.redirect(path, said, undo=taken_back, label=view.translate("Undo"))
    view.redirect(path)


async def _store(
    view: PageView, id_: int, changes: Mapping[str, Any], errors: FieldErrors, revision: int | None
) -> DraftRow:
    """Save changes of the draft. The first save of a draft is in the audit log, and whoever goes on with another's."""
    workspace_id, author, cipher = view.workspace.workspace_id, view.account.name, view.console.cipher

    async def change(connection: Connection) -> DraftRow:
        before = await find_draft(connection, workspace_id, id_)
        if before["updated_by"] == author:
            audit_as_continued(view.request)
        if errors:
            raise ValidationFailed(errors)
        return await save_draft(connection, cipher, workspace_id, id_, changes, revision, author)

    return await view.console.writing(change)


def _edited(inputs: PartInputs, place: BuilderPlace, draft: DraftRow) -> EditedPart:
    """Return the open part as it was typed."""
    lead = inputs.text("lead")
    if place.part == TRIGGER:
        return EditedPart(read_trigger(inputs), lead=lead)
    if place.part == DETAILS:
        return EditedPart({"name": inputs.text("name"), "description": inputs.text("description")})
    number = as_place(place.part)
    before = draft["steps"][number] if number is not None and number < len(draft["steps"]) else None
    step = read_step(inputs, None if place.new_kind else before)
    if "condition" not in step:
        return EditedPart(step, lead=lead)
    root = read_condition(inputs, inputs.names)
    return EditedPart({"condition": condition_of_root(root)}, root)


def _revision(text: str) -> int | None:
    """Return the revision that a page showed. An unreadable one fits no draft."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_REVISION_DIGITS else -1
