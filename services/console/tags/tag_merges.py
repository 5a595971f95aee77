"""A tag is merged into another, and another name of a tag is forgotten."""

from collections.abc import Mapping

from aiohttp import web

from services.console.tags.tag_mentions import change_tag_mentions
from services.console.tags.tags_page import TAGS_PAGE, TagDialog, find_tag, render_page
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.typed_count import confirmed_count
from shared.auth.roles import Permission
from shared.leads.shown_counts import has_moved
from shared.leads.tag_management import ManagedTag, find_tag_named, lock_tag
from shared.leads.tag_merging import TagCountMoved, forget_alias, merge_tags
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
async def merge(view: PageView) -> web.StreamResponse:
    """Merge a tag into another, once the number of its leads was typed. Those that got it meanwhile are meant too."""
    form, tag = await view.read_fields(), await find_tag(view)
    into = form.get("into", "")
    audit_details(
        view.request, object=("tag", tag.id), before={"name": tag.name}, after={"into": into}, count=tag.leads_count
    )
    shown = confirmed_count(form, tag.leads_count)
    if shown is None:
        return await _refuse(view, tag, into, "count")
    try:
        name, count = await view.console.writing(lambda connection: _merge(view, connection, tag, form, shown))
    except ValidationFailed:
        return await _refuse(view, tag, into, "into")
    except TagCountMoved:
        return await _refuse(view, await find_tag(view), into, "count")
    audit_details(view.request, count=count)
    words = view.translate_count("%(n)s lead has %(name)s now.", "%(n)s leads have %(name)s now.", count, name=name)
    view.redirect(view.path(TAGS_PAGE), words)


async def _merge(
    view: PageView, connection: Connection, tag: ManagedTag, form: Mapping[str, str], shown: int
) -> tuple[str, int]:
    """Return the name of the tag that stays, and how many leads had the other. Raises as `merge_tags` does."""
    workspace_id, name = view.workspace.workspace_id, form.get("into", "").replace("\0", "")[:1000]
    count = (await lock_tag(connection, workspace_id, tag.id)).leads_count
    into = await find_tag_named(connection, workspace_id, name) if name.strip() else None
    if into is None:
        raise ValidationFailed({"into": [""]})
    if has_moved(shown, count):
        raise TagCountMoved(count, shown)
    merged = await merge_tags(connection, workspace_id, tag.id, into.id)
    if form.get("changes_mentions"):
        await change_tag_mentions(connection, workspace_id, tag.name, merged.name)
    return merged.name, count


@workspace_page(Permission.SET_UP)
async def forget(view: PageView) -> web.StreamResponse:
    """Take another name of a tag away."""
    form, tag, workspace_id = await view.read_fields(), await find_tag(view), view.workspace.workspace_id
    name = form.get("alias", "")
    audit_details(view.request, object=("tag", tag.id), before={"alias": name})
    if "\0" in name:
        raise NotFound
    try:
        await view.console.writing(lambda connection: forget_alias(connection, workspace_id, tag.id, name))
    except Conflict:
        view.redirect(view.path(TAGS_PAGE, edit=tag.id), view.translate("Leads still get the tag. Try it again soon."))
    view.redirect(
        view.path(TAGS_PAGE, edit=tag.id), view.translate("What arrives as %(name)s is a new tag.", name=name)
    )


async def _refuse(view: PageView, tag: ManagedTag, into: str, field: str) -> web.Response:
    words = {
        "count": view.translate("That is not the number of leads that have it now."),
        "into": view.translate("There is no other tag of this name."),
    }
    return await render_page(view, TagDialog("merge", tag, {"into": into, "count": ""}, {field: words[field]}))
