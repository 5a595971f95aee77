"""Effects of runs beyond changes of their leads: deliveries and tasks."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from services.workers.automations import form_notification
from services.workers.automations.auto_replies import RenderedReply, render_reply
from services.workers.automations.form_notification import FormNotification
from services.workers.automations.lead_messages import LeadMessage, find_unsent
from services.workers.automations.types import ActiveRun
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_notices import webhook_delivery
from services.workers.outbox.webhook_subscriptions import LeadView, WebhookNotice
from shared.automations.action_handlers import ACTIONS_WITH_EFFECTS, ActionEffect, StepReport, StepRun
from shared.leads.submission import LeadKey
from shared.outbound import deliveries
from shared.outbound.deliveries import NewDelivery
from shared.outbound.staff_texts import staff_texts
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection, as_json

AUTOMATION_RAN = "automation.ran"  # the event name in webhooks that an automation sends

INSERT_TASKS_SQL = """
INSERT INTO tasks (workspace_id, lead_id, title, due_at, user_id)
SELECT workspace_id, lead_id, title, due_at, user_id FROM json_to_recordset(%s::json) AS t(
    workspace_id bigint, lead_id bigint, title text, due_at timestamptz, user_id bigint)
"""


class BatchEffects:
    """The deliveries and tasks of a batch, in order."""

    def __init__(self, cipher: Callable[[], TransactionCipher]) -> None:
        self._vault = cipher
        self._deliveries: list[NewDelivery] = []
        self._replies: list[RenderedReply] = []
        self._lead_messages: list[LeadMessage] = []
        self._tasks: list[dict[str, Any]] = []
        self._sending_steps: list[tuple[StepReport, str]] = []  # the outcome of a step, and the message it sent

    def notify_subscription(self, notice: WebhookNotice, leads: Mapping[LeadKey, LeadView]) -> None:
        """Add a webhook to a subscription, unless its filters leave the event out."""
        if delivery := webhook_delivery(notice, leads):
            self._deliveries.append(delivery)

    def mail_form_notification(self, event: OutboxEvent, filled: FormNotification) -> None:
        """Add a mail with the submitted values to each address that the form notifies."""
        for address in filled.addresses:
            texts = staff_texts(filled.languages.get(address.lower()))
            subject, body = form_notification.mail_subject(filled, texts), form_notification.mail_body(filled, texts)
            self._deliveries.append(
                deliveries.notification_to_address(
                    self._vault(), event.workspace_id, address, subject, body, lead_id=event.lead_id
                )
            )

    def mail_auto_reply(self, event: OutboxEvent, filled: FormNotification) -> None:
        """Add the reply of a form to the address that the visitor gave, if it can be rendered."""
        if filled.auto_reply and filled.lead["email"] and (reply := render_reply(self._vault(), event, filled)):
            self._replies.append(reply)

    def add_run(self, run: ActiveRun, walked: StepRun, now: datetime) -> None:
        """Add the effects of a run. Each step that is done and of a type with an effect has exactly one."""
        done = [one for one in walked.outcomes if one["outcome"] == "done" and one["type"] in ACTIONS_WITH_EFFECTS]
        for outcome, effect in zip(done, walked.effects, strict=True):
            if effect.type == "create_task":
                self._tasks.append({"workspace_id": run.workspace_id, "lead_id": run.lead_id, **effect.data})
                continue
            new_deliveries = list(self._deliveries_for(run, effect, walked, now))
            self._deliveries += new_deliveries
            self._sending_steps += [(outcome, one.message_id) for one in new_deliveries]
            if _is_lead_mail(effect):
                self._lead_messages += [LeadMessage(one, walked.lead["email"], outcome) for one in new_deliveries]
            elif effect.type == "send_sms":
                self._lead_messages += [LeadMessage(one, walked.lead["phone"], outcome) for one in new_deliveries]

    async def write_all(self, connection: Connection) -> bool:
        """Write all effects and note delivery ids in the outcomes of steps. Return whether there are deliveries.

        It counts mails, and so takes locks that come after those of leads and tags.
        """
        self._deliveries += [reply.delivery for reply in self._replies]
        if self._replies or self._lead_messages:
            unsent = await find_unsent(connection, self._vault().signing_key(), self._replies, self._lead_messages)
            self._deliveries = [one for one in self._deliveries if one.message_id not in unsent]
        ids = await deliveries.enqueue_deliveries(connection, self._deliveries)
        for outcome, message_id in self._sending_steps:
            if message_id in ids:
                outcome["data"].setdefault("delivery_ids", []).append(ids[message_id])
        if self._tasks:
            await connection.execute(INSERT_TASKS_SQL, (as_json(self._tasks),))
        return bool(self._deliveries)

    def _deliveries_for(
        self, run: ActiveRun, effect: ActionEffect, walked: StepRun, now: datetime
    ) -> Iterator[NewDelivery]:
        w, lead, data = run.workspace_id, run.lead_id, effect.data
        match effect.type:
            case "send_webhook":
                yield self._webhook_delivery(run, data, now)
            case "send_email" if _is_lead_mail(effect):
                target = deliveries.counted_target(self._vault(), walked.lead["email"])
                yield deliveries.mail_to_lead(w, lead, data["subject"], data["body"], target=target)
            case "send_email":
                for user in data["to"]:
                    yield deliveries.mail_to_user(w, user, data["subject"], data["body"], lead_id=lead)
            case "send_sms":
                yield deliveries.sms_to_lead(w, data["integration_id"], lead, data["body"])
            case "notify_slack":
                yield deliveries.slack_message(w, data["integration_id"], data["text"], lead_id=lead)
            case "notify_users":
                for user in data["to"]:
                    yield deliveries.notification_to_user(w, user, run.name, data["text"], lead_id=lead)

    def _webhook_delivery(self, run: ActiveRun, data: Mapping[str, Any], now: datetime) -> NewDelivery:
        about = {"automation_id": run.automation_id, "run_id": run.id}
        what = WebhookEvent(AUTOMATION_RAN, now, run.lead_id, data["lead"], about)
        return deliveries.webhook_to_url(
            self._vault(), run.workspace_id, data["url"], self._webhook_secret(run, data["url"]), what
        )

    def _webhook_secret(self, run: ActiveRun, url: str) -> str | None:
        if not run.secrets:
            return None
        secret: str | None = orjson.loads(self._vault().decrypt(run.secrets)).get(url)
        return secret


def _is_lead_mail(effect: ActionEffect) -> bool:
    return effect.type == "send_email" and effect.data["to"] is None
