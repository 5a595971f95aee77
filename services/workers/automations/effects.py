"""Effects of runs beyond changes of their leads: deliveries and tasks."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from services.workers.automations import letters
from services.workers.automations.letters import Filled
from services.workers.automations.values import Event, Run
from shared import deliveries
from shared.automations.perform import EFFECTS, Effect, Outcome, Walk
from shared.db import Connection, as_json
from shared.deliveries import Happening, NewDelivery
from shared.leads.events import Fact
from shared.leads.submission import LeadKey
from shared.vault import Vault

Lead = Mapping[str, Any]

RAN = "automation.ran"  # the event name in webhooks that an automation sends

TASKS = """
INSERT INTO tasks (workspace_id, lead_id, title, due_at, user_id)
SELECT workspace_id, lead_id, title, due_at, user_id FROM json_to_recordset(%s::json) AS t(
    workspace_id bigint, lead_id bigint, title text, due_at timestamptz, user_id bigint)
"""


class Effects:
    """The deliveries and tasks of a batch, in order."""

    def __init__(self, vault: Callable[[], Vault]) -> None:
        self._vault = vault
        self._deliveries: list[NewDelivery] = []
        self._tasks: list[dict[str, Any]] = []
        self._steps: list[tuple[Outcome, str]] = []  # the outcome of a step, and the message it sent

    def tell(self, event: Event, fact: Fact, subscription_id: int, leads: Mapping[LeadKey, Lead]) -> None:
        """Add a webhook to a subscription, with the lead as it is now, or as it was when it was deleted."""
        if fact.type == "lead.deleted":
            lead, data = fact.data.get("lead") or {"id": event.lead_id}, {}
        else:
            lead, data = leads.get(event.lead, {"id": event.lead_id}), fact.data
        what = Happening(fact.type, event.occurred_at, event.lead_id, lead, data)
        self._deliveries.append(deliveries.to_subscription(event.workspace_id, subscription_id, what))

    def mail(self, event: Event, filled: Filled) -> None:
        """Add a mail with the submitted values to each address that the form notifies."""
        subject, body = letters.subject(filled), letters.body(filled)
        for address in filled.addresses:
            self._deliveries.append(
                deliveries.notice_to_address(
                    self._vault(), event.workspace_id, address, subject, body, lead_id=event.lead_id
                )
            )

    def add(self, run: Run, walked: Walk, now: datetime) -> None:
        """Add the effects of a run. Each step that is done and of a type with an effect has exactly one."""
        done = [one for one in walked.outcomes if one["outcome"] == "done" and one["type"] in EFFECTS]
        for outcome, effect in zip(done, walked.effects, strict=True):
            if effect.type == "create_task":
                self._tasks.append({"workspace_id": run.workspace_id, "lead_id": run.lead_id, **effect.data})
                continue
            made = list(self._made(run, effect, now))
            self._deliveries += made
            self._steps += [(outcome, one.message_id) for one in made]

    async def keep(self, connection: Connection) -> bool:
        """Write all effects and note delivery ids in the outcomes of steps. Return whether there are deliveries."""
        ids = await deliveries.enqueue(connection, self._deliveries)
        for outcome, message_id in self._steps:
            outcome["data"].setdefault("delivery_ids", []).append(ids[message_id])
        if self._tasks:
            await connection.execute(TASKS, (as_json(self._tasks),))
        return bool(self._deliveries)

    def _made(self, run: Run, effect: Effect, now: datetime) -> Iterator[NewDelivery]:
        w, lead, data = run.workspace_id, run.lead_id, effect.data
        match effect.type:
            case "send_webhook":
                yield self._webhook(run, data, now)
            case "send_email" if data["to"] is None:
                yield deliveries.mail_to_lead(w, lead, data["subject"], data["body"])
            case "send_email":
                for user in data["to"]:
                    yield deliveries.mail_to_user(w, user, data["subject"], data["body"], lead_id=lead)
            case "send_sms":
                yield deliveries.sms(w, data["integration_id"], lead, data["body"])
            case "notify_slack":
                yield deliveries.slack(w, data["integration_id"], data["text"], lead_id=lead)
            case "notify_users":
                for user in data["to"]:
                    yield deliveries.notice(w, user, run.name, data["text"], lead_id=lead)

    def _webhook(self, run: Run, data: Mapping[str, Any], now: datetime) -> NewDelivery:
        about = {"automation_id": run.automation_id, "run_id": run.id}
        what = Happening(RAN, now, run.lead_id, data["lead"], about)
        return deliveries.to_url(self._vault(), run.workspace_id, data["url"], self._secret(run, data["url"]), what)

    def _secret(self, run: Run, url: str) -> str | None:
        if not run.secrets:
            return None
        secret: str | None = orjson.loads(self._vault().decrypt(run.secrets)).get(url)
        return secret
