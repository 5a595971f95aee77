"""What can be done with a connection to an ad platform: switch it, try it, delete it, and change what it is set to."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.console.conversions.conversion_page import ConversionQuestion, render_conversion
from services.console.conversions.list_page import CONVERSIONS_PAGE
from services.console.conversions.reads import find_conversion
from services.console.sources.changes import told_changes
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.integrations.conversion_trials import NO_TEST_CODE_MESSAGE, send_trial_event
from shared.integrations.integration_fields import CHANGED_INTEGRATION
from shared.integrations.integration_management import IntegrationRow, change_integration, delete_integration
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details


@workspace_page(Permission.SET_UP)
async def switch(view: PageView) -> web.StreamResponse:
    """Switch a connection on or off."""
    is_on, id_ = (await view.read_fields()).get("on", "") == "1", path_id(view.request)
    await change_conversion(view, id_, {"is_active": is_on})
    sentence = (
        view.translate("Events are told from now on.")
        if is_on
        else view.translate("No event is told. Those that happen meanwhile are not told later.")
    )
    view.redirect(conversion_path(view, id_), sentence)


@workspace_page(Permission.SET_UP)
async def send_test(view: PageView) -> web.StreamResponse:
    """Send an event of a made-up lead, by the name of one that is set, and show what becomes of it."""
    form, id_, workspace_id = await view.read_fields(), path_id(view.request), view.workspace.workspace_id
    event = form.get("event", "")
    audit_details(view.request, object=("integration", id_))

    async def work(connection: Connection) -> int:
        row = await find_conversion(connection, workspace_id, id_)
        events = (row["settings"].get("conversions") or {}).get("events") or []
        name = event if any(each.get("event") == event for each in events) else None
        return await send_trial_event(connection, workspace_id, id_, name)

    try:
        delivery_id = await view.console.writing(work)
    except Conflict as error:
        problem = (
            view.translate("Enter the code for test events first: Edit.")
            if str(error) == NO_TEST_CODE_MESSAGE
            else view.translate("It is switched off: switch it on to try it.")
        )
        return await render_conversion(view, id_, 409, question=ConversionQuestion("test", problem))
    path = conversion_path(view, id_, delivery=delivery_id)
    view.redirect(f"{path}#d-{delivery_id}", view.translate("The test event is on its way."))


@workspace_page(Permission.SET_UP)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a connection. One that automations use stays."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, object=("integration", id_))
    async with view.console.reading() as connection:
        row = await find_conversion(connection, workspace_id, id_)
    audit_details(view.request, before={"name": row["name"], "type": row["type"]})
    try:
        await view.console.writing(lambda connection: delete_integration(connection, workspace_id, id_))
    except Conflict:
        problem = view.translate("Automations use it, so it stays. Take it out there first.")
        return await render_conversion(view, id_, 409, question=ConversionQuestion("delete", problem))
    view.redirect(view.path(CONVERSIONS_PAGE), view.translate("The connection is deleted. No more events are told."))


async def change_conversion(view: PageView, id_: int, changes: Mapping[str, Any]) -> IntegrationRow:
    """Change a connection, with an entry in the audit log. Raises NotFound or ValidationFailed."""
    fields, errors = CHANGED_INTEGRATION.validate_fields(changes)
    audit_details(view.request, object=("integration", id_), after=told_changes(changes))
    workspace_id, cipher = view.workspace.workspace_id, view.console.cipher

    def note_stored(row: IntegrationRow) -> None:
        told = {name: row[name] for name in ("name", "is_active") if name in changes}
        settings = {name: row["settings"].get(name) for name in changes.get("settings") or {}}
        audit_details(view.request, before={**told, **({"settings": settings} if settings else {})})

    async def change(connection: Connection) -> IntegrationRow:
        await find_conversion(connection, workspace_id, id_)
        return await change_integration(connection, cipher, workspace_id, id_, fields, errors, note_stored)

    return await view.console.writing(change)


def conversion_path(view: PageView, id_: int, below: str = "", **query: object) -> str:
    """Return the address of a connection's page."""
    return view.path(f"{CONVERSIONS_PAGE}/{id_}{f'/{below}' if below else ''}", **query)
