"""A form's reply to the visitor: once a submission, to the address that was typed, and never an advertisement."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from shared.intake.journal import JournalItem
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.ids import now_ms, uuid7
from tests.support.automating import SETTINGS, run
from tests.support.ingesting import accept, drain, workspace_id
from tests.support.receivers import MailServer
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

REPLY = {"subject": "Thank you, {{ first_name }}", "body": "Dear {{ first_name | default('friend') }},\nwe call you."}


@pytest_asyncio.fixture
async def outbox(database_url: str, database: Connection) -> Outbox:
    found = Outbox(database_url, database, await workspace_id(database))
    found.settings = SETTINGS.model_copy(update={"allowed_targets": "127.0.0.0/8"})
    found.cipher = TransactionCipher.from_settings(found.settings)
    return found


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


async def _submit(outbox: Outbox, server: MailServer, *leads: dict[str, Any]) -> list[Any]:
    """Has a form with a reply filled in. Return the mails that came of it."""
    await outbox.integrate("smtp", host="127.0.0.1", port=str(server.port), **{"from": "crm@example.com"})
    insert = (
        "INSERT INTO forms (workspace_id, name, public_id, settings)"
        " VALUES (%s, 'Contact', gen_random_uuid()::text, %s) RETURNING id"
    )
    form_id = int(await outbox.one(insert, outbox.workspace_id, Jsonb({"auto_reply": REPLY})))
    part = {"_form": {"id": form_id, "values": {}, "policy": None}}
    items = [
        JournalItem(
            uuid7(at := now_ms()), at, outbox.workspace_id, f"form:{form_id}", "form", json.dumps(lead | part).encode()
        )
        for lead in leads
    ]
    await accept(outbox.connection, items)
    await drain(outbox.url)
    await run(outbox.url)
    await outbox.send()
    assert all(isinstance(mail.content, bytes) for mail in server.mails)
    return [message_from_bytes(mail.content, policy=policy.default) for mail in server.mails]  # type: ignore[arg-type]


async def test_each_submission_is_replied_to_once(outbox: Outbox, mail_server: MailServer) -> None:
    ada = {"email": "ada@example.com", "first_name": "Ada"}
    mails = await _submit(outbox, mail_server, ada, {"phone": "+49 30 901820", "first_name": "Without mail"})
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [("ada@example.com", "Thank you, Ada")]
    assert "Dear Ada,\r\nwe call you." in mails[0].get_content().replace("\r\n", "\n").replace("\n", "\r\n")


@pytest.mark.parametrize(
    "name",
    [
        "Eve\r\nBcc: victims@example.net",
        "Win at https://casino.example/now",
        "visit www.casino.example",
        "casino.example",
        "x" * 101,
    ],
)
async def test_a_reply_repeats_no_advertisement_and_adds_no_header(
    outbox: Outbox, mail_server: MailServer, name: str
) -> None:
    [mail] = await _submit(outbox, mail_server, {"email": "victim@example.com", "first_name": name})
    assert (mail["Bcc"], mail_server.mails[0].rcpt_tos) == (None, ["victim@example.com"])
    text = f"{mail['Subject']} {mail.get_content()}"
    assert "casino" not in text
    assert "x" * 101 not in text


async def test_whoever_wants_no_mail_gets_no_reply(outbox: Outbox, mail_server: MailServer) -> None:
    await outbox.connection.execute(
        "INSERT INTO suppressions (workspace_id, email, reason) VALUES (%s, 'no@example.com', 'unsubscribed')",
        (outbox.workspace_id,),
    )
    assert await _submit(outbox, mail_server, {"email": "No@example.com", "first_name": "No"}) == []
