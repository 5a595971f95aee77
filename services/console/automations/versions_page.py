"""The versions of an automation: what was published when, by whom, what it changed, and back to one of them."""

from collections.abc import Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, Final

from aiohttp import web

from services.console.automations.builder_view import builder_path
from services.console.automations.definition_changes import DefinitionChanges, definition_changes
from services.console.automations.reads import DefinitionNames, read_definition_names
from services.console.automations.step_words import automation_sentence
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.automation_drafts import find_draft, list_versions, restore_version
from shared.automations.automation_editing import find_automation
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_VERSION: Final = 2**31 - 1  # as the database holds one
LISTED_VERSIONS: Final = 10  # a page; more would take long, since a version may be large
TOLD_CHANGES: Final = 10  # of a version


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the published versions of an automation, newest first, each with what it changed."""
    before = view.request.query.get("before", "")
    end = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else MAX_VERSION
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        automation = await find_automation(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
        listed = await list_versions(connection, workspace_id, id_, end, LISTED_VERSIONS + 1)
        names = await read_definition_names(connection, workspace_id)
    oldest = listed[LISTED_VERSIONS - 1]["version"] if len(listed) > LISTED_VERSIONS else None
    return await view.render(
        "automations/versions.html",
        automation=automation,
        draft=draft,
        draft_changes=_told_changes(view, names, automation, draft) if draft["is_changed"] and not before else None,
        versions=_told_versions(view, names, listed),
        sentence=lambda one: automation_sentence(view, names, one["trigger"], one["steps"]),
        may_change=view.permits(Permission.SET_UP),
        first_path=builder_path(view, id_, "versions") if before else "",
        older_path=builder_path(view, id_, "versions", before=oldest) if oldest else "",
        address=lambda below="", **query: builder_path(view, id_, below, **query),
    )


@workspace_page(Permission.SET_UP)
async def restore(view: PageView) -> web.StreamResponse:
    """Make a published version the draft. It acts once the draft is published."""
    id_, version = path_id(view.request), path_id(view.request, "version")
    workspace_id, author = view.workspace.workspace_id, view.account.name
    audit_details(view.request, action="automation.restored", object=("automation", id_), after={"version": version})
    await view.console.writing(lambda connection: restore_version(connection, workspace_id, id_, version, author))
    said = view.translate("Version %(n)s is the draft now. Publish it to have it act again.", n=version)
    view.redirect(builder_path(view, id_), said)


def _told_versions(
    view: PageView, names: DefinitionNames, listed: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], DefinitionChanges | None]]:
    """Return the versions of a page, each with what it changed. Of the first that is known nobody knows it."""
    pairs = islice(zip_longest(listed, listed[1:]), LISTED_VERSIONS)
    return [(version, _told_changes(view, names, before, version) if before else None) for version, before in pairs]


def _told_changes(
    view: PageView, names: DefinitionNames, old: Mapping[str, Any], new: Mapping[str, Any]
) -> DefinitionChanges:
    return definition_changes(view, names, old, new, TOLD_CHANGES)
