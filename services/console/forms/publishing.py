"""What can be done with a form as a whole: publish its draft or throw it away, switch it on or off, delete it."""

from aiohttp import web

from services.console.forms.builder_view import BuilderNews, builder_path, render_builder
from services.console.forms.changes import form_changes
from services.console.forms.draft_form import BuilderState
from services.console.sources.forms import read_texts
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.forms.form_cache import forget_form
from shared.forms.form_editing import (
    FormRow,
    change_form,
    delete_form,
    discard_draft,
    find_draft,
    find_form,
    lock_form,
    publish_draft,
)
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
async def publish(view: PageView) -> web.StreamResponse:
    """Publish the draft: visitors see it from now on. One that somebody else changed meanwhile stays a draft."""
    id_, workspace_id, author = path_id(view.request), view.workspace.workspace_id, view.account.name
    revision = read_texts(await view.read_fields()).get("revision", "")
    audit_details(view.request, action="form.published", object=("form", id_))

    async def work(connection: Connection) -> FormRow:
        form = await find_form(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
        told = [" ".join(filter(None, (one.text, one.label))) for one in form_changes(view, form, draft)]
        audit_details(view.request, before={"version": form["version"]}, after={"changes": told})
        wanted = int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 19 else None
        return await publish_draft(connection, view.console.settings, workspace_id, id_, author, wanted)

    try:
        form = await view.console.writing(work)
    except ValidationFailed:
        return await render_builder(view, id_, BuilderState(), BuilderNews(), 422)
    except Conflict:
        return await _refuse_stale(view, id_)
    forget_form(view.request.app, workspace_id, form)
    said = view.translate("Version %(n)s is published. Visitors see it from now on.", n=form["version"])
    view.redirect(builder_path(view, id_), said)


@workspace_page(Permission.SET_UP)
async def discard(view: PageView) -> web.StreamResponse:
    """Throw the draft away. What visitors see stays as it is."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="form.draft_discarded", object=("form", id_))
    await view.console.writing(lambda connection: discard_draft(connection, workspace_id, id_))
    view.redirect(builder_path(view, id_), view.translate("The draft is thrown away. The form is as visitors see it."))


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch a form on or off. A draft of it stays."""
    id_, workspace_id, author = path_id(view.request), view.workspace.workspace_id, view.account.name
    is_on = read_texts(await view.read_fields()).get("on") == "1"
    audit_details(view.request, action="form.changed", object=("form", id_), after={"is_active": is_on})

    async def work(connection: Connection) -> FormRow:
        stored = await lock_form(connection, workspace_id, id_)
        audit_details(view.request, before={"is_active": stored["is_active"]})
        settings, sent = view.console.settings, {"is_active": is_on}
        return await change_form(connection, settings, workspace_id, stored, sent, {}, author)

    try:
        form = await view.console.writing(work)
    except ValidationFailed:
        return await render_builder(view, id_, BuilderState(), BuilderNews(), 422)
    forget_form(view.request.app, workspace_id, form)
    said = view.translate("The form is switched on.") if is_on else view.translate("The form is switched off.")
    view.redirect(builder_path(view, id_), said)


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a form with its versions. Its submissions and leads stay."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="form.deleted", object=("form", id_))

    async def work(connection: Connection) -> FormRow:
        form = await find_form(connection, workspace_id, id_)
        audit_details(view.request, before={"name": form["name"]})
        await delete_form(connection, workspace_id, id_)
        return form

    forget_form(view.request.app, workspace_id, await view.console.writing(work))
    view.redirect(view.path("forms"), view.translate("The form is deleted. Its leads and submissions stay."))


async def _refuse_stale(view: PageView, id_: int) -> web.Response:
    """Show the draft as it is now. There is none any more if somebody else published it."""
    async with view.console.reading() as connection:
        draft = await find_draft(connection, view.workspace.workspace_id, id_)
    if not draft["is_changed"]:
        view.redirect(builder_path(view, id_), view.translate("There is no draft: nothing is left to publish."))
    return await render_builder(view, id_, BuilderState(), BuilderNews(conflict=draft), 409)
