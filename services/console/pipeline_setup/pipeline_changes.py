"""Changes of pipelines: one is made, renamed, pipeline the default, or deleted."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.pipeline_setup.setup_page import PIPELINES_PAGE, OpenDialog, render_page
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.pipelines import pipeline_management
from shared.pipelines.pipeline_fields import checked_pipeline
from shared.pipelines.pipeline_reads import MAX_PIPELINES, find_pipeline
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a pipeline, with the usual stages unless the form says otherwise."""
    form, workspace_id = await view.read_fields(), view.workspace.workspace_id
    pipeline_fields = {**_sent_fields(form), "stages": _usual_stages(view) if form.get("stages") != "none" else []}
    try:
        fields = checked_pipeline(pipeline_fields)
        pipeline = await view.console.writing(
            lambda connection: pipeline_management.create_pipeline(connection, workspace_id, fields)
        )
    except ValidationFailed as refused:
        return await render_page(view, OpenDialog("new", form=form, problems=_problems(view, refused)))
    except Conflict:
        too_many = view.translate("There are %(n)s pipelines already.", n=view.formatting.number(MAX_PIPELINES))
        return await render_page(view, OpenDialog("new", form=form, problems={"name": too_many}))
    audit_details(view.request, object=("pipeline", pipeline["id"]), after={"name": pipeline["name"]})
    view.redirect(view.path(PIPELINES_PAGE), view.translate("The pipeline is made."))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Give a pipeline another name and description."""
    form, workspace_id, id_ = await view.read_fields(), view.workspace.workspace_id, path_id(view.request)
    async with view.console.reading() as connection:
        before = await find_pipeline(connection, workspace_id, id_)
    pipeline_fields = _sent_fields(form)
    names = {name: before[name] for name in pipeline_fields}
    audit_details(view.request, object=("pipeline", id_), before=names, after=pipeline_fields)
    try:
        fields = checked_pipeline(pipeline_fields)
    except ValidationFailed as refused:
        return await render_page(view, OpenDialog("rename", id_, form, _problems(view, refused)))
    await view.console.writing(
        lambda connection: pipeline_management.update_pipeline(connection, workspace_id, id_, fields)
    )
    view.redirect(view.path(PIPELINES_PAGE), view.translate("The pipeline is changed."))


@workspace_page(Permission.SET_UP)
async def make_default(view: PageView) -> web.StreamResponse:
    """Have leads go to this pipeline whose source names none."""
    workspace_id, id_ = view.workspace.workspace_id, path_id(view.request)
    audit_details(view.request, object=("pipeline", id_), after={"is_default": True})
    changed = await view.console.writing(
        lambda connection: pipeline_management.update_pipeline(connection, workspace_id, id_, {"is_default": True})
    )
    words = view.translate("%(name)s takes the leads whose source names no pipeline.", name=changed["name"])
    view.redirect(view.path(PIPELINES_PAGE), words)


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a pipeline without leads, with its stages."""
    workspace_id, id_ = view.workspace.workspace_id, path_id(view.request)
    async with view.console.reading() as connection:
        pipeline = await find_pipeline(connection, workspace_id, id_)
    audit_details(view.request, object=("pipeline", id_), before={"name": pipeline["name"]})
    try:
        await view.console.writing(
            lambda connection: pipeline_management.delete_pipeline(connection, workspace_id, id_)
        )
    except Conflict:
        problem = view.translate("It has leads or is the default: neither can be deleted.")
        return await render_page(view, OpenDialog("delete", id_, problems={"pipeline": problem}))
    view.redirect(view.path(PIPELINES_PAGE), view.translate("The pipeline is deleted."))


def _sent_fields(form: Mapping[str, str]) -> dict[str, Any]:
    return {"name": form.get("name", ""), "description": form.get("description", "").strip() or None}


def _usual_stages(view: PageView) -> list[dict[str, Any]]:
    won, lost = {"name": view.translate("Won"), "is_won": True}, {"name": view.translate("Lost"), "is_lost": True}
    return [{"name": view.translate("New stage")}, won, lost]


def _problems(view: PageView, refused: ValidationFailed) -> dict[str, str]:
    errors = refused.errors or {}
    words = {
        "name": view.translate("Write a name of 1 to 255 characters."),
        "description": view.translate("Write less than 10,000 characters."),
    }
    return {name: words.get(name, words["name"]) for name in errors}
