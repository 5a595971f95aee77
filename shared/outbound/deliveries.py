"""Outbound messages: rows written in the transaction that decided to send them, and sent later by the workers.

Each row is one message to one receiver. Its payload is fixed here, so that every attempt sends the same bytes under the
same id. A hint after the commit makes a worker send it at once; without a hint the sweeper finds it.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from shared.outbound.double_opt_in_links import CONFIRMATION_EVENT
from shared.outbound.trial_events import MAIL_TRIAL_EVENT
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import StatementExecutor

REPLY_EVENT = "form.reply"  # the event of a form's own reply to who filled it in
DeliveryKind = Literal["webhook", "email", "sms", "slack", "notice", "conversion"]

# The limit of one statement. Each message to a subscription contains the whole lead, so that the messages of one batch
# may be gigabytes together.
MAX_INSERT_BYTES = 4 << 20
MAIL_ENDPOINT = "mail"  # the endpoint of all mails of a workspace, whichever integration sends them
MAIL_INTEGRATION_TYPES = ("smtp", "mailgun")  # the types of integrations that send mail
COUNTED_ADDRESS_KEY = "counted_address"  # in the target of a mail to a lead
LINK_PLACEHOLDER = "[link]"  # in the body of a mail whose link is secret, and encrypted in its target
NO_MAIL_MESSAGE = "No way to send mail is set up: add an integration of type smtp or mailgun."

INSERT_DELIVERIES_SQL = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, lead_id, subscription_id, integration_id, user_id,
                        target, endpoint, payload)
SELECT workspace_id, message_id, kind, event, lead_id, subscription_id, integration_id, user_id,
       convert_to(target, 'UTF8'), endpoint, convert_to(payload::text, 'UTF8')
FROM json_to_recordset(%s::json) AS d(
    workspace_id bigint, message_id text, kind text, event text, lead_id bigint, subscription_id bigint,
    integration_id bigint, user_id bigint, target text, endpoint text, payload json)
RETURNING message_id, id
"""


def new_message_id() -> str:
    """Return the id of a message, which its receiver gets as `webhook-id`."""
    return f"msg_{os.urandom(16).hex()}"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be sent. Use the functions below to make one. `target` is encrypted JSON."""

    workspace_id: int
    kind: DeliveryKind
    endpoint: str
    payload: Mapping[str, Any]
    event: str | None = None
    lead_id: int | None = None
    subscription_id: int | None = None
    integration_id: int | None = None
    user_id: int | None = None
    target: bytes | None = None
    message_id: str = field(default_factory=new_message_id)


def subscription_endpoint(id_: int) -> str:
    """Return the endpoint of a subscription's webhooks."""
    return f"subscription:{id_}"


def integration_endpoint(type_: str, id_: int) -> str:
    """Return the endpoint of messages that an integration of that type sends."""
    return MAIL_ENDPOINT if type_ in MAIL_INTEGRATION_TYPES else f"integration:{id_}"


def webhook_to_subscription(workspace_id: int, subscription_id: int, webhook_event: WebhookEvent) -> NewDelivery:
    """Make a webhook to a subscription. Its address and secret are read when it is sent."""
    id_ = new_message_id()
    return NewDelivery(
        workspace_id,
        "webhook",
        subscription_endpoint(subscription_id),
        webhook_event.payload(id_),
        webhook_event.event,
        webhook_event.lead_id,
        subscription_id=subscription_id,
        message_id=id_,
    )


def webhook_to_url(
    cipher: TransactionCipher, workspace_id: int, url: str, secret: str | None, webhook_event: WebhookEvent
) -> NewDelivery:
    """Make a webhook to a given address, signed if there is a secret. Both may be confidential and are encrypted."""
    id_ = new_message_id()
    target = cipher.encrypt(orjson.dumps({"url": url, "secret": secret}).decode())
    endpoint = f"host:{_host_digest(url)}"
    return NewDelivery(
        workspace_id,
        "webhook",
        endpoint,
        webhook_event.payload(id_),
        webhook_event.event,
        webhook_event.lead_id,
        target=target,
        message_id=id_,
    )


def mail_to_lead(
    workspace_id: int, lead_id: int, subject: str, body: str, *, target: bytes | None = None
) -> NewDelivery:
    """Make a mail with an unsubscribe link to the address that the lead has when it is sent.

    With a `target` by `counted_target` it is only sent to that mailbox.
    """
    payload = {"subject": subject, "body": body}
    return NewDelivery(workspace_id, "email", MAIL_ENDPOINT, payload, lead_id=lead_id, target=target)


def counted_target(cipher: TransactionCipher, address: str) -> bytes:
    """Return the target of a mail that was counted for the address of a lead, and may go to no other."""
    return cipher.encrypt(orjson.dumps({COUNTED_ADDRESS_KEY: address}).decode())


def mail_to_user(
    workspace_id: int, user_id: int, subject: str, body: str, *, lead_id: int | None = None
) -> NewDelivery:
    """Make a mail to a user. It appears on the timeline of the lead, if one is given."""
    payload = {"subject": subject, "body": body}
    return NewDelivery(workspace_id, "email", MAIL_ENDPOINT, payload, lead_id=lead_id, user_id=user_id)


def notification_to_user(
    workspace_id: int, user_id: int, subject: str, body: str, *, lead_id: int | None = None, event: str | None = None
) -> NewDelivery:
    """Make a notification to a user: a mail with the service's own text."""
    payload = {"subject": subject, "body": body}
    return NewDelivery(workspace_id, "notice", MAIL_ENDPOINT, payload, event, lead_id, user_id=user_id)


def notification_to_address(
    cipher: TransactionCipher,
    workspace_id: int,
    address: str,
    subject: str,
    body: str,
    *,
    lead_id: int,
    event: str | None = None,
) -> NewDelivery:
    """Make a notification to an address that is not a user's. Later changes of the settings do not affect it.

    `event` is `REPLY_EVENT` where the address is the lead's own.
    """
    target = cipher.encrypt(orjson.dumps({"to": address}).decode())
    payload = {"subject": subject, "body": body}
    return NewDelivery(workspace_id, "notice", MAIL_ENDPOINT, payload, event, lead_id, target=target)


def mail_on_trial(cipher: TransactionCipher, workspace_id: int, address: str, subject: str, body: str) -> NewDelivery:
    """Make a mail that an admin sends to their own mailbox, to see whether mails go out."""
    target = cipher.encrypt(orjson.dumps({"to": address}).decode())
    return NewDelivery(
        workspace_id, "notice", MAIL_ENDPOINT, {"subject": subject, "body": body}, MAIL_TRIAL_EVENT, target=target
    )


def mail_with_secret_link(
    cipher: TransactionCipher,
    workspace_id: int,
    address: str,
    subject: str,
    body: str,
    link: str,
    *,
    by_installation: bool,
) -> NewDelivery:
    """Make a notification whose link is stored encrypted; `body` has `[link]` in its place.

    With `by_installation` it goes by `LEADHUB_SMTP_URL` only: whoever manages the workspace can read what its own mail
    server sends.
    """
    secret = {"to": address, "link": link, "by_installation": by_installation}
    target = cipher.encrypt(orjson.dumps(secret).decode())
    payload = {"subject": subject, "body": body}
    return NewDelivery(workspace_id, "notice", MAIL_ENDPOINT, payload, target=target)


def mail_to_confirm(
    workspace_id: int, form_id: int, submission_id: str, address: str, content: Mapping[str, str]
) -> NewDelivery:
    """Make a mail that asks a visitor to confirm a submission.

    `content`: its subject, and its body with `[link]` in the place of the link.
    """
    payload = {**content, "to": address, "submission_id": submission_id, "form_id": form_id}
    return NewDelivery(workspace_id, "notice", MAIL_ENDPOINT, payload, CONFIRMATION_EVENT)


def sms_to_lead(workspace_id: int, integration_id: int, lead_id: int, body: str) -> NewDelivery:
    """Make a text message to the number that the lead has when it is sent."""
    endpoint = integration_endpoint("twilio", integration_id)
    return NewDelivery(workspace_id, "sms", endpoint, {"body": body}, lead_id=lead_id, integration_id=integration_id)


def slack_message(workspace_id: int, integration_id: int, text: str, *, lead_id: int | None = None) -> NewDelivery:
    """Make a message to the channel of a Slack integration."""
    endpoint = integration_endpoint("slack", integration_id)
    return NewDelivery(workspace_id, "slack", endpoint, {"text": text}, lead_id=lead_id, integration_id=integration_id)


def conversions_to_platform(workspace_id: int, integration_id: int, count: int) -> NewDelivery:
    """Make a batch of events for an ad platform. Its events are rows of `conversions` that name the delivery.

    The payload has no data of a person: these are read and hashed when it is sent.
    """
    return NewDelivery(
        workspace_id,
        "conversion",
        f"integration:{integration_id}",
        {"events": count},
        integration_id=integration_id,
    )


def trial_event_to_platform(workspace_id: int, integration_id: int, event: str | None) -> NewDelivery:
    """Make a test event of a made-up person for an ad platform."""
    payload = {"test": {"event": event}}
    return NewDelivery(
        workspace_id, "conversion", f"integration:{integration_id}", payload, integration_id=integration_id
    )


async def enqueue_deliveries(connection: StatementExecutor, deliveries: Sequence[NewDelivery]) -> dict[str, int]:
    """Write deliveries in the caller's transaction, in this order. Return their ids by message id.

    Messages of one lead to one receiver are sent in the order of their ids: enqueue them in the order of occurrence.
    Several statements are used if one would become too large.
    """
    ids: dict[str, int] = {}
    part: list[bytes] = []
    size = 0
    for row in (orjson.dumps(_delivery_row(delivery)) for delivery in deliveries):
        if part and size + len(row) > MAX_INSERT_BYTES:
            ids |= await _insert_deliveries(connection, part)
            part, size = [], 0
        part.append(row)
        size += len(row)
    if part:
        ids |= await _insert_deliveries(connection, part)
    return ids


async def _insert_deliveries(connection: StatementExecutor, rows: Sequence[bytes]) -> dict[str, int]:
    made = await connection.execute(INSERT_DELIVERIES_SQL, ((b"[" + b",".join(rows) + b"]").decode(),))
    return dict(await made.fetchall())


def _delivery_row(new: NewDelivery) -> dict[str, Any]:
    target = new.target.decode() if new.target else None
    return {name: getattr(new, name) for name in NewDelivery.__slots__} | {"target": target}


def _host_digest(url: str) -> str:
    netloc = url.partition("//")[2].partition("/")[0]  # not `urlsplit`, which raises for text that is not a URL
    return hashlib.sha256(netloc.rpartition("@")[2].lower().encode()).hexdigest()[:16]
