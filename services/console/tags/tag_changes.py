"""Changes of tags: one is made, renamed or deleted."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.tags.tag_mentions import change_tag_mentions
from services.console.tags.tags_page import TAGS_PAGE, TagDialog, find_tag, render_page, shown_values
from services.console.web.access import workspace_page
from services.console.web.form_marks import MARK_FIELD, outdated_problem
from services.console.web.hue_choices import color_of_hue
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from services.console.web.typed_count import confirmed_count
from shared.auth.roles import Permission
from shared.leads import tag_management
from shared.leads.shown_counts import has_moved
from shared.leads.tag_management import ManagedTag
from shared.leads.tag_merging import TagCountMoved, keep_old_name
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a tag."""
    form, workspace_id = await view.read_fields(), view.workspace.workspace_id
    try:
        tag_id = await view.console.writing(
            lambda connection: tag_management.create_tag(connection, workspace_id, _sent_fields(form))
        )
    except ValidationFailed as refused:
        return await render_page(view, TagDialog("new", None, form, _problems(view, refused)))
    audit_details(view.request, object=("tag", tag_id), after=_sent_fields(form))
    view.redirect(view.path(TAGS_PAGE), view.translate("The tag is made."))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Rename a tag or give it another colour. All its leads show it at once."""
    form, tag = await view.read_fields(), await find_tag(view)
    fields = _sent_fields(form)
    audit_details(view.request, object=("tag", tag.id), before={"name": tag.name, "color": tag.color}, after=fields)
    unticked = {"keeps_name": "", "changes_mentions": ""}
    try:
        problem = await view.console.writing(lambda connection: _change(view, connection, tag.id, form))
    except ValidationFailed as refused:
        return await render_page(view, TagDialog("edit", tag, {**unticked, **form}, _problems(view, refused)))
    if problem:
        changed = await find_tag(view)
        return await render_page(view, TagDialog("edit", changed, {**unticked, **form}, {"": problem}), 409)
    view.redirect(view.path(TAGS_PAGE), view.translate("The tag is changed on all its leads."))


async def _change(view: PageView, connection: Connection, tag_id: int, form: Mapping[str, str]) -> str:
    """Change a tag, unless somebody else has meanwhile. Return what to tell then, otherwise nothing."""
    workspace_id, fields = view.workspace.workspace_id, _sent_fields(form)
    tag = await tag_management.find_tag(connection, workspace_id, tag_id, for_change=True)
    if problem := outdated_problem(view, form.get(MARK_FIELD, ""), shown_values(tag)):
        return problem
    await tag_management.change_tag(connection, workspace_id, tag.id, fields)
    name = fields["name"].strip()
    if not await tag_management.is_same_name(connection, name, tag.name):
        if form.get("keeps_name"):
            await keep_old_name(connection, workspace_id, tag.id, tag.name)
        if form.get("changes_mentions"):
            await change_tag_mentions(connection, workspace_id, tag.name, name)
    return ""


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a tag whose number of leads was typed. The leads stay, and those that got it meanwhile lose it too."""
    form, tag = await view.read_fields(), await find_tag(view)
    audit_details(view.request, object=("tag", tag.id), before={"name": tag.name}, count=tag.leads_count)
    shown = confirmed_count(form, tag.leads_count)
    if shown is None:
        return await _ask_again(view, tag)
    try:
        count = await view.console.writing(lambda connection: _delete(view, connection, tag.id, shown))
    except TagCountMoved:
        return await _ask_again(view, await find_tag(view))
    audit_details(view.request, count=count)
    words = view.translate_count("The tag is gone from %(n)s lead.", "The tag is gone from %(n)s leads.", count)
    view.redirect(view.path(TAGS_PAGE), words)


async def _delete(view: PageView, connection: Connection, tag_id: int, shown: int) -> int:
    """Delete a tag and return how many leads had it. Raises TagCountMoved."""
    workspace_id = view.workspace.workspace_id
    tag = await tag_management.lock_tag(connection, workspace_id, tag_id)
    if has_moved(shown, tag.leads_count):
        raise TagCountMoved(tag.leads_count, shown)
    await tag_management.delete_tag(connection, workspace_id, tag_id)
    return tag.leads_count


async def _ask_again(view: PageView, tag: ManagedTag) -> web.Response:
    problem = view.translate("That is not the number of leads that have it now.")
    return await render_page(view, TagDialog("delete", tag, {"count": ""}, {"count": problem}))


def _sent_fields(form: Mapping[str, str]) -> dict[str, Any]:
    return {"name": form.get("name", ""), "color": color_of_hue(form.get("hue", ""))}


def _problems(view: PageView, refused: ValidationFailed) -> dict[str, str]:
    message = (refused.errors or {}).get("name", [""])[0]
    if "taken" in message:
        return {
            "name": view.translate("There is a tag of this name already, in any case of its letters."),
            "taken": "1",
        }
    return {"name": view.translate("Write a name of 1 to 100 characters.")}
