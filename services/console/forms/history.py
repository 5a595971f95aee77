"""The versions of a form: what was published when, by whom, what it changed, and back to one of them."""

from itertools import zip_longest

from aiohttp import web

from services.console.forms.builder_view import builder_path
from services.console.forms.changes import form_changes
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.forms.form_editing import find_draft, find_form, list_versions, restore_version
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the published versions of a form, newest first, each with what it changed."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        form = await find_form(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
        versions = await list_versions(connection, workspace_id, id_)
    shown = [
        (version, form_changes(view, before, version) if before else None)
        for version, before in zip_longest(versions, versions[1:])
    ]
    return await view.render(
        "forms/versions.html",
        form=form,
        draft=draft,
        draft_changes=form_changes(view, form, draft) if draft["is_changed"] else [],
        versions=shown,
        may_change=view.permits(Permission.SET_UP),
        address=lambda below="", **query: builder_path(view, id_, below, **query),
    )


@workspace_page(Permission.SET_UP)
async def restore(view: PageView) -> web.StreamResponse:
    """Make a published version the draft. Visitors see it once the draft is published."""
    id_, version = path_id(view.request), path_id(view.request, "version")
    workspace_id, author = view.workspace.workspace_id, view.account.name
    audit_details(view.request, action="form.restored", object=("form", id_), after={"version": version})
    await view.console.writing(lambda connection: restore_version(connection, workspace_id, id_, version, author))
    said = view.translate("Version %(n)s is the draft now. Publish it to show it again.", n=version)
    view.redirect(builder_path(view, id_), said)
