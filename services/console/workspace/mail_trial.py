"""A mail on trial: to the reader, by the server that sends the workspace's mails."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.workspace import reads
from services.console.workspace.workspace_page import WORKSPACE_PAGE
from shared.auth.roles import Permission
from shared.outbound.deliveries import enqueue_deliveries, mail_on_trial
from shared.outbound.mail_setup import can_send_mail
from shared.outbound.staff_texts import staff_texts
from shared.platform.db.connections import Connection

MAIL_ANCHOR = "#mail"
SHORTEST_PAUSE = timedelta(seconds=20)  # between two mails


@workspace_page(Permission.ADMINISTER)
async def send(view: PageView) -> web.StreamResponse:
    """Send a mail to the reader, at most one in a while."""
    await view.read_fields()
    workspace_id, settings = view.workspace.workspace_id, view.console.settings
    path = view.path(WORKSPACE_PAGE) + MAIL_ANCHOR
    async with view.console.reading() as connection:
        trial = await reads.read_trial(connection, workspace_id)
        can_send = await can_send_mail(connection, settings, workspace_id)
    if not can_send:
        view.redirect(path, view.translate("No mail server is set up."))
    if trial and datetime.now(UTC) - trial.created_at < SHORTEST_PAUSE:
        view.redirect(path, view.translate("One was sent just now. Wait a moment."))
    texts = staff_texts(view.language.code)
    subject, body = texts.mail("mail_trial", workspace=view.workspace.workspace_name)

    async def enqueue(connection: Connection) -> None:
        cipher = await view.console.cipher.in_transaction(connection)
        mail = mail_on_trial(cipher, workspace_id, view.account.email, subject, body)
        await enqueue_deliveries(connection, [mail])

    await view.console.writing(enqueue)
    view.redirect(path, view.translate("The mail is on its way to %(email)s.", email=view.account.email))
