"""Who is told nothing, whatever was set off: the switched off, the suppressed, and records of secrets."""

import pytest

from shared.outbound.deliveries import (
    counted_target,
    enqueue_deliveries,
    mail_to_lead,
    mail_to_user,
    notification_to_user,
    sms_to_lead,
)
from tests.support.receivers import MailServer, Receiver
from tests.support.sending import Outbox, tell

pytestmark = pytest.mark.integration


async def use(outbox: Outbox, server: MailServer) -> int:
    return await outbox.integrate("smtp", host="127.0.0.1", port=str(server.port), **{"from": "crm@example.com"})


async def states(outbox: Outbox) -> list[str]:
    return [one["state"] for one in await outbox.deliveries()]


async def test_suppression_ignores_letter_case(outbox: Outbox) -> None:
    suppressed = "INSERT INTO suppressions (workspace_id, email, reason) VALUES (%s, 'ada@example.com', 'manual')"
    with MailServer() as server:
        await use(outbox, server)
        await outbox.connection.execute(suppressed, (outbox.workspace_id,))
        lead = await outbox.lead("Ada@Example.com")
        await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, lead, "A", "B")])
        await outbox.send()
    assert (server.mails, await states(outbox)) == ([], ["suppressed"])


@pytest.mark.parametrize(("address", "state"), [("ADA+news@example.com", "sent"), ("victim@example.com", "cancelled")])
async def test_a_mail_goes_to_the_mailbox_that_it_was_counted_for(outbox: Outbox, address: str, state: str) -> None:
    with MailServer() as server:
        await use(outbox, server)
        lead = await outbox.lead("ada@example.com")
        target = counted_target(outbox.cipher, "ada@example.com")
        mail = mail_to_lead(outbox.workspace_id, lead, "A", "B", target=target)
        await enqueue_deliveries(outbox.connection, [mail])
        await outbox.connection.execute("UPDATE leads SET email = %s", (address,))
        await outbox.send()
    assert ([mail.rcpt_tos for mail in server.mails], await states(outbox)) == (
        [[address]] if state == "sent" else [],
        [state],
    )


async def test_a_user_who_was_switched_off_is_told_of_no_lead(outbox: Outbox) -> None:
    with MailServer() as server:
        await use(outbox, server)
        user = await outbox.user("gone@example.com")
        await outbox.connection.execute("UPDATE users SET is_active = false")
        await enqueue_deliveries(outbox.connection, [mail_to_user(outbox.workspace_id, user, "A", "B")])
        await outbox.send()
    assert (server.mails, await states(outbox)) == ([], ["cancelled"])


async def test_a_subscription_that_was_switched_off_gets_nothing_that_waits(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.connection.execute("UPDATE webhook_subscriptions SET is_active = false")
    await outbox.send()
    assert (receiver.requests, await states(outbox)) == ([], ["cancelled"])


async def test_credentials_go_to_their_own_kind_alone(outbox: Outbox, receiver: Receiver) -> None:
    slack = await outbox.integrate(
        "slack", webhook_url=f"{receiver.url}/x", account_sid="A", auth_token="t", **{"from": "+1"}
    )
    outbox.settings = outbox.settings.model_copy(update={"twilio_url": receiver.url})
    await enqueue_deliveries(
        outbox.connection, [sms_to_lead(outbox.workspace_id, slack, await outbox.lead(phone="+14155550100"), "B")]
    )
    await outbox.send()
    assert (receiver.requests, await states(outbox)) == ([], ["failed"])


async def test_a_mail_server_that_was_switched_off_is_not_used(outbox: Outbox) -> None:
    with MailServer() as off, MailServer() as on:
        await use(outbox, off)
        await outbox.connection.execute("UPDATE integrations SET is_active = false")
        await use(outbox, on)
        user = await outbox.user("b@example.com")
        await enqueue_deliveries(outbox.connection, [notification_to_user(outbox.workspace_id, user, "A", "B")])
        await outbox.send()
    assert (len(off.mails), len(on.mails)) == (0, 1)


async def test_recorded_attempt_holds_no_signature(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    (attempt,) = await outbox.attempts()
    assert receiver.requests
    assert "signature" not in str(attempt["request"]).lower()
