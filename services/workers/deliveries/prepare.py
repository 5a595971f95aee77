"""Turn a claimed delivery and its target into the message to send, or a reason not to. No database, no network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.workers.deliveries import mail, providers
from services.workers.deliveries.mail import BadAddress, Draft
from services.workers.deliveries.messages import Claimed, Prepared, Unsent
from services.workers.deliveries.targets import Row, Targets
from services.workers.deliveries.webhooks import webhook
from shared import unsubscribing
from shared.settings import Settings
from shared.unsubscribing import Unsubscriber
from shared.vault import Unreadable, Vault

NO_MAIL = "No way to send mail is set up: add an integration of type smtp or mailgun."

# The credentials that a mail integration needs for sending. A Mailgun integration may exist only for receiving.
SENDS = {"smtp": {"host", "port", "from"}, "mailgun": {"api_key", "domain"}}


class Stop(Exception):
    """The delivery is not sent."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.unsent = Unsent(state, reason)


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares deliveries with the settings and the encryption keys."""

    settings: Settings
    vault: Vault

    def prepare(self, claimed: Claimed, targets: Targets) -> Prepared:
        """Return the message to send. Never raises for a faulty target."""
        try:
            return _WAYS[claimed.kind](self, claimed, targets)
        except Stop as stop:
            return stop.unsent
        except (Unreadable, BadAddress) as error:
            return Unsent("failed", str(error))
        except ValueError:  # its message may contain a password
            return Unsent("failed", "The address cannot be read.")
        except KeyError as missing:
            return Unsent("failed", f"The integration lacks the credential {missing}.")

    def webhook(self, claimed: Claimed, targets: Targets) -> Prepared:
        if claimed.subscription_id is None:
            target = self._target(claimed)
            return webhook(claimed, target["url"], [target["secret"]] if target["secret"] else [], is_secret=True)
        found = targets.subscriptions.get((claimed.workspace_id, claimed.subscription_id))
        if found is None or not found["is_active"]:
            raise Stop("cancelled", "The subscription is disabled." if found else "The subscription was deleted.")
        secrets = [self.vault.decrypt(found[name]) for name in ("secret", "old_secret") if found[name]]
        return webhook(claimed, found["url"], secrets)

    def sms(self, claimed: Claimed, targets: Targets) -> Prepared:
        credentials = self._credentials(claimed, targets)
        phone = _lead(claimed, targets)["phone"]
        if not phone:
            raise Stop("cancelled", "The lead has no phone.")
        return providers.twilio(credentials, self.settings.twilio_url, phone, orjson.loads(claimed.payload)["body"])

    def slack(self, claimed: Claimed, targets: Targets) -> Prepared:
        return providers.slack(self._credentials(claimed, targets), orjson.loads(claimed.payload)["text"])

    def mail(self, claimed: Claimed, targets: Targets) -> Prepared:
        draft = self._draft(claimed, targets)
        mailer = targets.mailers.get(claimed.workspace_id)
        credentials = self._decrypted(mailer) if mailer else {}
        if not mailer or not SENDS[mailer["type"]] <= credentials.keys():
            return self._by_operator(draft)
        if mailer["type"] == "mailgun":
            fields = mail.fields(draft, credentials.get("from") or f"leads@{credentials['domain']}")
            return providers.mailgun(credentials, self.settings.mailgun_url, fields)
        return mail.letter(draft, credentials["from"], mail.relay_of(credentials))

    def _by_operator(self, draft: Draft) -> Prepared:
        if not self.settings.smtp_url or not self.settings.mail_from:
            raise Stop("failed", NO_MAIL)
        return mail.letter(draft, self.settings.mail_from, mail.relay_at(self.settings.smtp_url))

    def _draft(self, claimed: Claimed, targets: Targets) -> Draft:
        content = orjson.loads(claimed.payload)
        recipient, unsubscribe = self._recipient(claimed, targets), None
        if claimed.kind == "email" and claimed.user_id is None:
            unsubscribe = self._link(Unsubscriber(claimed.workspace_id, recipient), targets)
        return Draft(claimed.message_id, recipient, content["subject"], content["body"], claimed.now, unsubscribe)

    def _link(self, who: Unsubscriber, targets: Targets) -> str:
        key = targets.mail_keys.get(who.workspace_id)
        if key is None:
            raise Unreadable
        return unsubscribing.link(self.settings, key, who)

    def _recipient(self, claimed: Claimed, targets: Targets) -> str:
        if claimed.target is not None:
            return str(self._target(claimed)["to"])
        if claimed.user_id is not None:
            user = targets.users.get((claimed.workspace_id, claimed.user_id))
            if user is None or not user["is_active"]:
                raise Stop("cancelled", "The user is not there any more, or not active.")
            return str(user["email"])
        lead = _lead(claimed, targets)
        if not lead["email"]:
            raise Stop("cancelled", "The lead has no email.")
        if lead["suppressed"]:
            raise Stop("suppressed", "The lead's address gets no mail.")
        return str(lead["email"])

    def _credentials(self, claimed: Claimed, targets: Targets) -> Mapping[str, str]:
        found = targets.integrations.get((claimed.workspace_id, claimed.integration_id or 0))
        if found is None or not found["is_active"]:
            raise Stop("cancelled", "The integration is not active." if found else "The integration was deleted.")
        if found["type"] != {"sms": "twilio"}.get(claimed.kind, claimed.kind):
            raise Stop("failed", "The integration is of another type.")
        return self._decrypted(found)

    def _decrypted(self, integration: Row) -> dict[str, str]:
        found: dict[str, str] = orjson.loads(self.vault.decrypt(integration["credentials"]))
        return found

    def _target(self, claimed: Claimed) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.vault.decrypt(claimed.target or b""))
        return found


def _lead(claimed: Claimed, targets: Targets) -> Row:
    found = targets.leads.get((claimed.workspace_id, claimed.lead_id or 0))
    if found is None:
        raise Stop("cancelled", "The lead was deleted.")
    return found


_WAYS = {
    "webhook": Preparer.webhook,
    "sms": Preparer.sms,
    "slack": Preparer.slack,
    "email": Preparer.mail,
    "notice": Preparer.mail,
}
