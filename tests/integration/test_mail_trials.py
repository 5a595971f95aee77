"""Mails on trial: by a real mail server, once, with its own answer, and not as often as somebody likes."""

import asyncio
from collections.abc import Iterator

import pytest

from services.workers.deliveries.http_client import ADDRESS_BLOCKED_MESSAGE
from services.workers.deliveries.smtp_client import TLS_WANTED_MESSAGE
from shared.outbound.mail_trials import MOST_AN_HOUR, MailTrial, read_mail_trial, send_mail_trial
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict, RateLimited
from tests.support.receivers import MailServer, flooding
from tests.support.sending import Outbox
from tests.support.tiers import first_in_tier

pytestmark = pytest.mark.integration

AGE_TRIALS = "UPDATE deliveries SET created_at = created_at - interval '21 seconds'"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


async def connect_server(outbox: Outbox, port: int, **more: str) -> None:
    await outbox.integrate("smtp", host="127.0.0.1", port=str(port), **{"from": "crm@firm.example", **more})


async def ask(outbox: Outbox) -> MailTrial:
    async with outbox.connection.transaction():
        return await send_mail_trial(
            outbox.connection, outbox.cipher, outbox.settings, outbox.workspace_id, "boss@firm.example", "en"
        )


async def tried(outbox: Outbox) -> MailTrial:
    """What became of a mail on trial."""
    assert (await ask(outbox)).state == "pending"
    await outbox.send()
    trial = await read_mail_trial(outbox.connection, outbox.workspace_id)
    assert trial is not None
    return trial


async def test_the_servers_own_answer_is_kept(outbox: Outbox, mail_server: MailServer) -> None:
    mail_server.answer_to_data = "250 2.0.0 queued as 4F2A"
    await connect_server(outbox, mail_server.port, from_name="Nordlys, Sales")
    trial = await tried(outbox)
    assert (trial.state, trial.error, trial.answer) == ("sent", None, "2.0.0 queued as 4F2A")
    (mail,) = mail_server.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("crm@firm.example", ["boss@firm.example"])
    assert isinstance(mail.content, bytes)
    assert b'From: "Nordlys, Sales" <crm@firm.example>' in mail.content


async def test_a_refused_trial_is_tried_once(outbox: Outbox, mail_server: MailServer) -> None:
    mail_server.answer = "451 greylisted, come again"
    await connect_server(outbox, mail_server.port)
    trial = await tried(outbox)
    assert (trial.state, trial.answer) == ("failed", "greylisted, come again")
    await outbox.make_due()
    await outbox.send()
    assert [one["number"] for one in await outbox.attempts()] == [1]


async def test_no_mail_goes_without_tls_where_it_is_wanted(outbox: Outbox, mail_server: MailServer) -> None:
    await connect_server(outbox, mail_server.port, security="starttls")
    trial = await tried(outbox)
    assert (trial.state, trial.error, mail_server.mails) == ("failed", TLS_WANTED_MESSAGE, [])


async def test_a_private_server_is_not_connected_to(outbox: Outbox, mail_server: MailServer) -> None:
    outbox.settings = outbox.settings.model_copy(update={"allowed_targets": ""})
    await connect_server(outbox, mail_server.port)
    trial = await tried(outbox)
    assert (trial.state, trial.error, trial.answer) == ("failed", ADDRESS_BLOCKED_MESSAGE, None)
    assert mail_server.mails == []


@pytest.mark.extended
@pytest.mark.parametrize("first", first_in_tier(b"220-more\r\n", b"x", b"220 hello\0\r\n"))
async def test_endless_answers_end_the_attempt(outbox: Outbox, first: bytes) -> None:
    with flooding(first, first) as url:
        await connect_server(outbox, int(url.rpartition(":")[2].strip("/")))
        trial = await tried(outbox)
    assert trial.state == "failed"
    assert len(trial.answer or "") < 10_000


async def test_a_workspace_sends_few_trials(outbox: Outbox, mail_server: MailServer) -> None:
    await connect_server(outbox, mail_server.port)
    await ask(outbox)
    with pytest.raises(RateLimited) as refused:
        await ask(outbox)
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 20
    for _ in range(MOST_AN_HOUR - 1):
        await outbox.connection.execute(AGE_TRIALS)
        await ask(outbox)
    await outbox.connection.execute(AGE_TRIALS)
    with pytest.raises(RateLimited):
        await ask(outbox)
    await outbox.connection.execute("UPDATE deliveries SET created_at = created_at - interval '1 hour'")
    await ask(outbox)


async def test_a_trial_that_may_wait_goes_out_after_the_pause_and_is_the_newest(
    outbox: Outbox, mail_server: MailServer
) -> None:
    mail_server.answer = "451 greylisted, come again"
    await connect_server(outbox, mail_server.port)
    assert (await tried(outbox)).state == "failed"
    mail_server.answer = "250 OK"

    async def ask_again() -> MailTrial:
        async with outbox.connection.transaction():
            return await send_mail_trial(
                outbox.connection,
                outbox.cipher,
                outbox.settings,
                outbox.workspace_id,
                "boss@firm.example",
                "en",
                may_wait=True,
            )

    put_off = await ask_again()
    assert put_off.due_at is not None
    assert 0 < (put_off.due_at - put_off.created_at).total_seconds() <= 20
    with pytest.raises(RateLimited):  # one waits
        await ask_again()
    await outbox.send()
    newest = await read_mail_trial(outbox.connection, outbox.workspace_id)
    assert newest is not None
    assert (newest.id, newest.state) == (put_off.id, "pending")
    await outbox.make_due()
    await outbox.send()
    newest = await read_mail_trial(outbox.connection, outbox.workspace_id)
    assert newest is not None
    assert (newest.id, newest.state) == (put_off.id, "sent")


async def test_of_two_that_ask_at_once_one_sends(outbox: Outbox, mail_server: MailServer) -> None:
    await connect_server(outbox, mail_server.port)
    async with connect(outbox.url, "tests") as other:

        async def ask_by(connection: Connection) -> MailTrial:
            async with connection.transaction():
                return await send_mail_trial(
                    connection, outbox.cipher, outbox.settings, outbox.workspace_id, "boss@firm.example", "en"
                )

        results = await asyncio.gather(ask_by(outbox.connection), ask_by(other), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["MailTrial", "RateLimited"]
    assert len(await outbox.deliveries()) == 1


async def test_nothing_is_sent_without_a_server(outbox: Outbox) -> None:
    with pytest.raises(Conflict):
        await ask(outbox)
    assert await outbox.deliveries() == []
