"""Connecting a source: the gallery of types, the form of one, and making it."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.console.sources.changes import source_path
from services.console.sources.forms import credential_inputs, problem_words, read_credentials, read_texts
from services.console.sources.setup_steps import setup_steps
from services.console.sources.source_page import SentForm, render_source
from services.console.sources.words import GALLERY_GROUPS, type_initials, type_name, type_note
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_fields import NEW_INTEGRATION
from shared.integrations.integration_management import IntegrationRow, create_integration, list_integrations
from shared.platform.errors import NotFound, ValidationFailed
from shared.service_app.audit import audit_details


@dataclass(frozen=True)
class GalleryEntry:
    """A type in the gallery. `in_use` counts the integrations of the workspace."""

    type: str
    name: str
    initials: str
    note: str
    in_use: int


@workspace_page(Permission.SET_UP)
async def gallery(view: PageView) -> web.StreamResponse:
    """Show the types of sources by kind, those that match the search `q` and the group `group`."""
    async with view.console.reading() as connection:
        rows = await list_integrations(connection, view.workspace.workspace_id)
    search, group = view.request.query.get("q", ""), view.request.query.get("group", "")
    found_groups = [
        (one, found)
        for one in GALLERY_GROUPS
        if group in ("", one.name) and (found := _entries(view, one.types, rows, search))
    ]
    return await view.render(
        "sources/connect.html",
        gallery=found_groups,
        all_groups=GALLERY_GROUPS,
        chosen_group=group,
        search=search[:200],
        count=len(PROVIDERS_BY_TYPE),
    )


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the form of a new source. Raises NotFound for a type that does not exist."""
    type_ = view.request.query.get("type", "webhook")
    return await _render_form(view, type_, {})


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a source, and show it. Secrets that were made for it are in this answer, and never again."""
    form = read_texts(await view.read_fields())
    type_ = form.get("type", "")
    if type_ not in PROVIDERS_BY_TYPE:
        raise NotFound
    sent_source = read_credentials(PROVIDERS_BY_TYPE[type_].type, form)
    fields, errors = NEW_INTEGRATION.validate_fields(
        {"type": type_, "name": form.get("name", ""), **sent_source.fields}
    )
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher
    told = {"type": type_, "name": fields.get("name"), "credentials": sorted(sent_source.fields["credentials"])}
    audit_details(view.request, action="integration.created", after=told)
    try:
        source: IntegrationRow = await view.console.writing(
            lambda connection: create_integration(connection, cipher, workspace_id, fields, errors)
        )
    except ValidationFailed as error:
        return await _render_form(view, type_, form, problem_words(view, type_, error.errors or {}))
    audit_details(view.request, object=("integration", source["id"]))
    if sent_source.made:
        return await render_source(view, source["id"], sent_form=SentForm(made=sent_source.made, part="new"))
    view.redirect(
        source_path(view, source["id"]), view.translate("The source is made. Enter its address at the provider.")
    )


async def _render_form(
    view: PageView, type_: str, form: dict[str, str], problems: dict[str, str] | None = None
) -> web.Response:
    if type_ not in PROVIDERS_BY_TYPE:
        raise NotFound
    kind = PROVIDERS_BY_TYPE[type_].type
    shown: dict[str, Any] = {
        "type": type_,
        "provider_name": type_name(type_),
        "initials": type_initials(type_),
        "note": type_note(view, type_),
        "docs": kind.docs,
        "docs_page": f"providers/{type_}.md",
        "form": form,
        "inputs": credential_inputs(view, kind, {}, form),
        "problems": problems or {},
        "steps": setup_steps(view, type_),
    }
    return await view.render("sources/new.html", 422 if problems else 200, **shown)


def _entries(view: PageView, types: tuple[str, ...], rows: list[IntegrationRow], search: str) -> list[GalleryEntry]:
    entries = [
        GalleryEntry(
            type_,
            type_name(type_),
            type_initials(type_),
            type_note(view, type_),
            sum(row["type"] == type_ for row in rows),
        )
        for type_ in types
    ]
    words = search.casefold().split()
    return [one for one in entries if all(word in f"{one.name} {one.note} {one.type}".casefold() for word in words)]
