"""Changes of stages: one is made, changed, moved to another position, or removed once its leads have another."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.pipeline_setup.setup_page import ID_PATTERN, PIPELINES_PAGE, OpenDialog, render_page
from services.console.pipeline_setup.words import moving_sentence, removed_sentence
from services.console.web.access import workspace_page
from services.console.web.hue_choices import color_of_hue
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from services.console.web.typed_count import confirmed_count
from shared.auth.roles import Permission
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import CountMoved
from shared.pipelines import pipeline_management
from shared.pipelines.pipeline_fields import checked_stage
from shared.pipelines.pipeline_reads import MAX_STAGES, StageRow, count_leads_in_stages, find_stage
from shared.pipelines.stage_removal import remove_stage
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a stage at the end of a pipeline."""
    form, workspace_id, pipeline_id = await view.read_fields(), view.workspace.workspace_id, path_id(view.request)
    try:
        fields = checked_stage(_sent_fields(form))
        stage = await view.console.writing(
            lambda connection: pipeline_management.create_stage(connection, workspace_id, pipeline_id, fields)
        )
    except ValidationFailed:
        return await render_page(view, OpenDialog("add", pipeline_id, form, _name_problem(view)))
    except Conflict:
        too_many = view.translate("There are %(n)s stages already.", n=view.formatting.number(MAX_STAGES))
        return await render_page(view, OpenDialog("add", pipeline_id, form, {"name": too_many}))
    audit_details(view.request, object=("stage", stage["id"]), after=fields)
    view.redirect(view.path(PIPELINES_PAGE), view.translate("The stage is made, as the last one."))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Give a stage another name, colour and outcome. Its leads stay in it."""
    form, stage = await view.read_fields(), await _find(view)
    workspace_id, id_, pipeline_id = view.workspace.workspace_id, stage["id"], stage["pipeline_id"]
    stage_fields = _sent_fields(form)
    before = {name: stage[name] for name in stage_fields}
    audit_details(view.request, object=("stage", id_), before=before, after=stage_fields)
    try:
        fields = checked_stage(stage_fields)
    except ValidationFailed:
        return await render_page(view, OpenDialog("stage", id_, form, _name_problem(view)))
    await view.console.writing(
        lambda connection: pipeline_management.update_stage(connection, workspace_id, pipeline_id, id_, fields)
    )
    view.redirect(view.path(PIPELINES_PAGE), view.translate("The stage is changed."))


@workspace_page(Permission.SET_UP)
async def move(view: PageView) -> web.StreamResponse:
    """Put a stage at another position of its pipeline."""
    form, stage = await view.read_fields(), await _find(view)
    text = form.get("position", "")
    position = min(int(text), MAX_STAGES) if ID_PATTERN.fullmatch(text) else 0
    if position < 1:
        view.redirect(view.path(PIPELINES_PAGE))
    workspace_id, id_ = view.workspace.workspace_id, stage["id"]
    audit_details(
        view.request,
        object=("stage", id_),
        before={"position": stage["position"]},
        after={"position": position},
    )
    fields = {"position": position}
    await view.console.writing(
        lambda connection: pipeline_management.update_stage(connection, workspace_id, stage["pipeline_id"], id_, fields)
    )
    view.redirect(view.path(PIPELINES_PAGE, moved=id_))


@workspace_page(Permission.SET_UP)
async def remove(view: PageView) -> web.StreamResponse:
    """Remove a stage whose number of leads was typed, after they have moved to another, with those that came since."""
    form, stage = await view.read_fields(), await _find(view)
    workspace_id, id_, to = view.workspace.workspace_id, stage["id"], form.get("to", "")
    async with view.console.reading() as connection:
        count = (await count_leads_in_stages(connection, workspace_id, [id_])).get(id_, 0)
    audit_details(view.request, object=("stage", id_), before={"name": stage["name"]}, after={"to": to}, count=count)
    shown = confirmed_count(form, count)
    if shown is None:
        return await _refuse(view, id_, form, {"count": _moved_problem(view)})
    if count and not ID_PATTERN.fullmatch(to):
        return await _refuse(view, id_, form, {"to": view.translate("Choose where its leads go.")})
    try:
        job_id = await view.console.writing(
            lambda connection: remove_stage(
                connection,
                workspace_id,
                stage["pipeline_id"],
                id_,
                to=int(to) if ID_PATTERN.fullmatch(to) else None,
                author=ChangeAuthor("user", view.account.account_id, view.account.name),
                shown=shown,
            )
        )
    except CountMoved:
        return await _refuse(view, id_, form, {"count": _moved_problem(view)})
    except (Conflict, ValidationFailed):
        problem = view.translate("It cannot be removed: its leads are moving already, or they cannot go there.")
        return await _refuse(view, id_, form, {"to": problem})
    if job_id is not None:
        view.redirect(view.path(f"jobs/{job_id}"), moving_sentence(view, count))
    view.redirect(view.path(PIPELINES_PAGE), removed_sentence(view, count))


async def _refuse(view: PageView, id_: int, form: Mapping[str, str], problems: Mapping[str, str]) -> web.Response:
    return await render_page(view, OpenDialog("remove", id_, {**form, "count": ""}, problems))


async def _find(view: PageView) -> StageRow:
    async with view.console.reading() as connection:
        return await find_stage(connection, view.workspace.workspace_id, None, path_id(view.request))


def _sent_fields(form: Mapping[str, str]) -> dict[str, Any]:
    outcome = form.get("outcome", "")
    return {
        "name": form.get("name", ""),
        "color": color_of_hue(form.get("hue", "")),
        "is_won": outcome == "won",
        "is_lost": outcome == "lost",
    }


def _moved_problem(view: PageView) -> str:
    return view.translate("That is not the number of leads in it now.")


def _name_problem(view: PageView) -> dict[str, str]:
    return {"name": view.translate("Write a name of 1 to 255 characters.")}
