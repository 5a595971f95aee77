"""A mail on trial: to the reader, by the server that sends the workspace's mails."""

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.workspace.workspace_page import WORKSPACE_PAGE
from shared.auth.roles import Permission
from shared.outbound.mail_trials import MOST_AN_HOUR, TOO_MANY_MESSAGE, send_mail_trial
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, RateLimited

MAIL_ANCHOR = "#mail"


@workspace_page(Permission.ADMINISTER)
async def send(view: PageView) -> web.StreamResponse:
    """Send a mail to the reader, at most one in a while: one that comes too soon goes out after the pause."""
    await view.read_fields()
    workspace_id, settings = view.workspace.workspace_id, view.console.settings
    path = view.path(WORKSPACE_PAGE) + MAIL_ANCHOR

    async def enqueue(connection: Connection) -> None:
        cipher = await view.console.cipher.in_transaction(connection)
        await send_mail_trial(
            connection, cipher, settings, workspace_id, view.account.email, view.language.code, may_wait=True
        )

    try:
        await view.console.writing(enqueue)
    except Conflict:
        view.redirect(path, view.translate("No mail server is set up."))
    except RateLimited as refused:
        if str(refused) == TOO_MANY_MESSAGE:
            view.redirect(path, view.translate("An hour has %(n)s test mails at most.", n=MOST_AN_HOUR))
        view.redirect(path, view.translate("A test mail is under way. Wait for its result."))
    view.redirect(path, view.translate("The mail is on its way to %(email)s.", email=view.account.email))
