"""An alarm on trial: to whoever is told of it, marked as a test."""

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.workspace.workspace_page import WORKSPACE_PAGE
from shared.auth.roles import Permission
from shared.operations.workspace_alarms import ALARM_CODES
from shared.outbound.alarm_trials import NOBODY_MESSAGE, send_alarm_trial
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, RateLimited
from shared.service_app.audit import audit_details

ALARMS_ANCHOR = "#alarms"


@workspace_page(Permission.ADMINISTER)
async def send(view: PageView) -> web.StreamResponse:
    """Send an alarm as a test. What else the form holds is not saved."""
    code = (await view.read_fields()).get("alarm", "")
    if code not in ALARM_CODES:
        raise NotFound
    audit_details(view.request, object=("workspace", view.workspace.workspace_id), after={"alarm": code})
    path = view.path(WORKSPACE_PAGE) + ALARMS_ANCHOR
    workspace_id, settings = view.workspace.workspace_id, view.console.settings

    async def enqueue(connection: Connection) -> int:
        return await send_alarm_trial(connection, settings, workspace_id, code)

    try:
        readers = await view.console.writing(enqueue)
    except Conflict as refused:
        nobody = str(refused) == NOBODY_MESSAGE
        view.redirect(
            path,
            view.translate("Nobody is told of it.") if nobody else view.translate("No mail server is set up."),
        )
    except RateLimited:
        view.redirect(path, view.translate("One was sent just now. Wait a moment."))
    view.redirect(path, view.translate("The test is on its way. People who are told: %(n)s.", n=readers))
