"""`/api/v1/workspace/mail-test`: a mail on trial, and what the mail server said."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import SETTINGS_KEY, driver_connection, reading, transaction_cipher, writing
from services.api.record_responses import record_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.workspace import MailTrialFields, MailTrialRecord
from shared.outbound.mail_readers import read_user_mailbox
from shared.outbound.mail_trials import MailTrial, read_mail_trial, send_mail_trial
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.web.openapi import request_body, responds
from shared.service_app.authorization import requires_scope

NO_USER_MESSAGE = "The user_id field: there is no such user, or they are not active."


@requires_scope("*")
@responds(MailTrialRecord, other_statuses=(404,))
async def show(request: web.Request) -> web.Response:
    """Show the newest test mail of the workspace, with the mail server's own answer."""
    async with reading(request) as connection:
        trial = await read_mail_trial(await driver_connection(connection), workspace_of(request))
    if trial is None:
        raise NotFound("No test mail was sent yet.")
    return record_response(request, _trial_record(trial))


@requires_scope("*")
@request_body(MailTrialFields, required=("user_id",), example={"user_id": 1})
@responds(MailTrialRecord, status=202, other_statuses=(409,))
async def send(request: web.Request) -> web.Response:
    """Send a test mail to a user of the workspace, by the server that sends its mails. It is tried once.

    It is a conflict without a mail server. A workspace may send one every 20 seconds, and 10 an hour; beyond it, 429.
    """
    fields, workspace_id, settings = await body_of(request), workspace_of(request), request.app[SETTINGS_KEY]

    async def send_in_transaction(connection: AsyncConnection) -> MailTrial:
        database, cipher = await driver_connection(connection), await transaction_cipher(request, connection)
        address, language = await _mailbox_of(database, workspace_id, fields["user_id"])
        return await send_mail_trial(database, cipher, settings, workspace_id, address, language)

    return record_response(request, _trial_record(await writing(request, send_in_transaction)), 202)


async def _mailbox_of(connection: Connection, workspace_id: int, user_id: int) -> tuple[str, str | None]:
    mailbox = await read_user_mailbox(connection, workspace_id, user_id)
    if mailbox is None:
        raise ValidationFailed({"user_id": [NO_USER_MESSAGE]})
    return mailbox


def _trial_record(trial: MailTrial) -> MailTrialRecord:
    return {
        "state": trial.state,  # type: ignore[typeddict-item]
        "error": trial.error,
        "answer": trial.answer,
        "created_at": trial.created_at,
        "finished_at": trial.finished_at,
    }
