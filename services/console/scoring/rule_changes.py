"""Changes of scoring rules: one is made, changed, switched, moved or deleted; and all scores are counted again."""

from collections.abc import Mapping
from typing import NoReturn

from aiohttp import web

from services.console.scoring.rule_form import chosen_field, rule_of
from services.console.scoring.scoring_page import ID_PATTERN, SCORING_PAGE, RuleDialog, render_page, rule_problems
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.scoring import rule_management
from shared.scoring.recalculation import start_recalculation
from shared.scoring.rule_fields import checked_rule
from shared.scoring.rule_management import MAX_RULES, RuleRow, find_rule
from shared.service_app.audit import audit_details

AUDITED_FIELDS = ("field", "operator", "value", "points", "is_active")


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a rule, as the last one."""
    form, workspace_id = dict(await view.read_fields()), view.workspace.workspace_id
    rule_form = {**form, "field": chosen_field(form), "is_active": form.get("is_active", "")}
    try:
        rule = checked_rule(rule_of(rule_form))
        new_rule = await view.console.writing(
            lambda connection: rule_management.create_rule(connection, workspace_id, rule)
        )
    except ValidationFailed as refused:
        return await render_page(view, RuleDialog("new", 0, rule_form, rule_problems(view, refused)))
    except Conflict:
        too_many = view.translate("There are %(n)s rules already.", n=view.formatting.number(MAX_RULES))
        return await render_page(view, RuleDialog("new", 0, rule_form, {"points": too_many}))
    audit_details(view.request, object=("scoring_rule", new_rule["id"]), after=rule)
    await _end_rule(view, form, view.translate("The rule is made."))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Change what a rule compares and its points."""
    form, rule = dict(await view.read_fields()), await _find(view)
    rule_form = {**form, "field": chosen_field(form), "is_active": form.get("is_active", "")}
    try:
        fields = checked_rule(rule_of(rule_form))
    except ValidationFailed as refused:
        return await render_page(view, RuleDialog("edit", rule["id"], rule_form, rule_problems(view, refused)))
    await _update(view, rule, fields)
    await _end_rule(view, form, view.translate("The rule is changed."))


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch a rule off or on, as the form says: a second click changes nothing."""
    form, rule = await view.read_fields(), await _find(view)
    is_active = form.get("is_active") == "1"
    await _update(view, rule, {"is_active": is_active})
    _end(view, view.translate("The rule is on.") if is_active else view.translate("The rule is off."))


@workspace_page(Permission.SET_UP)
async def move(view: PageView) -> web.StreamResponse:
    """Put a rule at another position."""
    form, rule = await view.read_fields(), await _find(view)
    text = form.get("position", "")
    position = min(int(text), MAX_RULES) if ID_PATTERN.fullmatch(text) else 0
    if position >= 1:
        await _update(view, rule, {"position": position})
    view.redirect(view.path(SCORING_PAGE, moved=rule["id"]))


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a rule."""
    rule, workspace_id = await _find(view), view.workspace.workspace_id
    before = {name: rule[name] for name in AUDITED_FIELDS}
    audit_details(view.request, object=("scoring_rule", rule["id"]), before=before)
    await view.console.writing(lambda connection: rule_management.delete_rule(connection, workspace_id, rule["id"]))
    _end(view, view.translate("The rule is deleted."))


@workspace_page(Permission.SET_UP)
async def recalculate(view: PageView) -> web.StreamResponse:
    """Count the scores of all leads again, as a job."""
    form, workspace_id = await view.read_fields(), view.workspace.workspace_id
    sets_off = form.get("with_automations") == "1"
    audit_details(view.request, object=("workspace", workspace_id), after={"with_automations": sets_off})
    await _recalculate(view, sets_off=sets_off)


async def _recalculate(view: PageView, *, sets_off: bool) -> NoReturn:
    """Start the job and go to its page. `sets_off` is whether automations run with it."""
    workspace_id, author = view.workspace.workspace_id, ChangeAuthor("user", view.account.account_id, view.account.name)
    try:
        job_id = await view.console.writing(
            lambda connection: start_recalculation(connection, workspace_id, author, with_automations=sets_off)
        )
    except Conflict:
        view.redirect(view.path(SCORING_PAGE), view.translate("A job counts the scores already."))
    view.redirect(view.path(f"jobs/{job_id}"), view.translate("The scores are counted again."))


async def _end_rule(view: PageView, form: Mapping[str, str], words: str) -> NoReturn:
    """Go back to the rules, or with `recount` on to the job that gives all leads their points by them."""
    if form.get("recount") == "1":
        await _recalculate(view, sets_off=False)
    _end(view, words)


async def _find(view: PageView) -> RuleRow:
    async with view.console.reading() as connection:
        return await find_rule(connection, view.workspace.workspace_id, path_id(view.request))


async def _update(view: PageView, rule: RuleRow, fields: RuleRow) -> None:
    workspace_id = view.workspace.workspace_id
    before = {name: rule[name] for name in fields}
    audit_details(view.request, object=("scoring_rule", rule["id"]), before=before, after=fields)
    await view.console.writing(
        lambda connection: rule_management.update_rule(connection, workspace_id, rule["id"], fields)
    )


def _end(view: PageView, words: str) -> NoReturn:
    """Go back to the rules, from where all leads can be counted again."""
    link = {"link": view.path(SCORING_PAGE, recount=1), "label": view.translate("Count all again…")}
    view.redirect(view.path(SCORING_PAGE), words, **link)
