"""A tag is merged into another, and another name of a tag is forgotten."""

from aiohttp import web

from services.console.tags.tag_mentions import change_tag_mentions
from services.console.tags.tags_page import TAGS_PAGE, TagDialog, find_tag, render_page
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.typed_count import plain_digits
from shared.auth.roles import Permission
from shared.leads.tag_management import ManagedTag, find_tag_named
from shared.leads.tag_merging import TagCountMoved, forget_alias, merge_tags
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
async def merge(view: PageView) -> web.StreamResponse:
    """Merge a tag into another, once the number of its leads was typed."""
    form, tag = await view.read_fields(), await find_tag(view)
    workspace_id, typed = view.workspace.workspace_id, plain_digits(form.get("count", ""))
    audit_details(
        view.request,
        object=("tag", tag.id),
        before={"name": tag.name},
        after={"into": form.get("into", "")},
        count=tag.leads_count,
    )
    if tag.leads_count and typed != str(tag.leads_count):
        return await _refuse(view, tag, form.get("into", ""), "count")

    async def merge_in_transaction(connection: Connection) -> ManagedTag:
        name = form.get("into", "").replace("\0", "")[:1000]
        into = await find_tag_named(connection, workspace_id, name) if name.strip() else None
        if into is None:
            raise ValidationFailed({"into": [""]})
        merged = await merge_tags(connection, workspace_id, tag.id, into.id, tag.leads_count)
        if form.get("changes_mentions"):
            await change_tag_mentions(connection, workspace_id, tag.name, merged.name)
        return merged

    try:
        merged = await view.console.writing(merge_in_transaction)
    except ValidationFailed:
        return await _refuse(view, tag, form.get("into", ""), "into")
    except TagCountMoved:
        return await _refuse(view, tag, form.get("into", ""), "count")
    words = view.translate_count(
        "%(n)s lead has %(name)s now.", "%(n)s leads have %(name)s now.", tag.leads_count, name=merged.name
    )
    view.redirect(view.path(TAGS_PAGE), words)


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
