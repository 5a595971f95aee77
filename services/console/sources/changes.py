"""What can be done with a source: switch it, give it secrets and settings, renew its address, delete it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.sources.forms import problem_words, read_credentials, read_settings, read_texts
from services.console.sources.source_page import SentForm, find_source, render_source, shown_settings
from services.console.web.access import workspace_page
from services.console.web.form_marks import MARK_FIELD, outdated_problem
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_fields import CHANGED_INTEGRATION
from shared.integrations.integration_management import (
    IntegrationRow,
    change_integration,
    delete_integration,
    rotate_webhook_url,
)
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch a source on or off."""
    is_on = (await view.read_form()).get("on", "") == "1"
    id_ = path_id(view.request)
    await change_source(view, id_, {"is_active": is_on})
    said = view.translate("The source is switched on.") if is_on else view.translate("The source is switched off.")
    view.redirect(source_path(view, id_), said)


@workspace_page(Permission.SET_UP)
async def credentials(view: PageView) -> web.StreamResponse:
    """Change the secrets of a source. Those that are made here are shown in this answer, and never again."""
    id_, form = path_id(view.request), read_texts(await view.read_fields())
    kind = PROVIDERS_BY_TYPE[(await _stored(view, id_))["type"]].type
    sent_source = read_credentials(kind, form)
    try:
        await change_source(view, id_, sent_source.fields)
    except ValidationFailed as error:
        problems = problem_words(view, kind.type, error.errors or {})
        return await render_source(view, id_, 422, sent_form=SentForm(form, problems, part="credentials"))
    if sent_source.made:
        return await render_source(view, id_, sent_form=SentForm(made=sent_source.made))
    view.redirect(source_path(view, id_), view.translate("The secrets are saved."))


@workspace_page(Permission.SET_UP)
async def settings(view: PageView) -> web.StreamResponse:
    """Change the name and the settings of a source."""
    id_, form = path_id(view.request), read_texts(await view.read_fields())
    stored = await _stored(view, id_)
    type_ = stored["type"]
    if problem := outdated_problem(view, form.get(MARK_FIELD, ""), shown_settings(stored)):
        return await render_source(view, id_, 409, sent_form=SentForm(form, {"": problem}, part="settings"))
    try:
        await change_source(view, id_, {"name": form.get("name", ""), "settings": read_settings(type_, form)})
    except ValidationFailed as error:
        problems = problem_words(view, type_, error.errors or {})
        return await render_source(view, id_, 422, sent_form=SentForm(form, problems, part="settings"))
    view.redirect(source_path(view, id_), view.translate("The settings are saved."))


@workspace_page(Permission.SET_UP)
async def renew(view: PageView) -> web.StreamResponse:
    """Give a source another address. The old one stops within five seconds, since gateways remember it for so long."""
    id_ = path_id(view.request)
    audit_details(view.request, action="integration.rotate_url", object=("integration", id_))
    await _stored(view, id_)
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher
    await view.console.writing(lambda connection: rotate_webhook_url(connection, cipher, workspace_id, id_))
    sentence = view.translate(
        "The address is new, and the old one stops within five seconds. Enter the new one at the provider."
    )
    view.redirect(source_path(view, id_), sentence)


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a source. One that automations use stays, and the page names them."""
    id_ = path_id(view.request)
    stored = await _stored(view, id_)
    audit_details(
        view.request,
        action="integration.deleted",
        object=("integration", id_),
        before={"name": stored["name"], "type": stored["type"]},
    )
    workspace_id = view.workspace.workspace_id
    try:
        await view.console.writing(lambda connection: delete_integration(connection, workspace_id, id_))
    except Conflict as error:
        names = str(error).partition(": ")[2].rstrip(".")
        return await render_source(view, id_, 409, sent_form=SentForm(asked="delete", conflict=names))
    view.redirect(view.path("sources"), view.translate("The source is deleted. Its leads and submissions stay."))


def source_path(view: PageView, id_: int, below: str = "", **query: object) -> str:
    """Return the address of a source's page."""
    return view.path(f"sources/{id_}{f'/{below}' if below else ''}", **query)


async def change_source(view: PageView, id_: int, changes: Mapping[str, Any]) -> IntegrationRow:
    """Change an integration, with an entry in the audit log. Raises NotFound or ValidationFailed."""
    fields, errors = CHANGED_INTEGRATION.validate_fields(changes)
    audit_details(view.request, action="integration.changed", object=("integration", id_), after=told_changes(changes))
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher

    def note_stored(row: IntegrationRow) -> None:
        settings = {name: row["settings"].get(name) for name in changes.get("settings") or {}}
        told = {name: row[name] for name in ("name", "is_active") if name in changes}
        audit_details(view.request, before={**told, **({"settings": settings} if settings else {})})

    async def change(connection: Connection) -> IntegrationRow:
        await find_source(connection, workspace_id, id_)
        return await change_integration(connection, cipher, workspace_id, id_, fields, errors, note_stored)

    return await view.console.writing(change)


def told_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes as the audit log may have them: of credentials only the names."""
    told = {name: value for name, value in changes.items() if name != "credentials"}
    return {**told, **({"credentials": sorted(changes["credentials"])} if changes.get("credentials") else {})}


async def _stored(view: PageView, id_: int) -> IntegrationRow:
    async with view.console.reading() as connection:
        return await find_source(connection, view.workspace.workspace_id, id_)
