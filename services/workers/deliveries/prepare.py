"""Turn a claimed delivery and its target into the message to send, or a reason not to. No database, no network."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from services.workers.deliveries import conversion_requests, mail_format, providers
from services.workers.deliveries.delivery_traces import trace_headers
from services.workers.deliveries.mail_format import InvalidMailAddress, MailDraft
from services.workers.deliveries.targets import DeliveryTargets, TargetRow
from services.workers.deliveries.types import (
    ClaimedDelivery,
    PreparedConversions,
    PreparedDelivery,
    SkippedDelivery,
)
from services.workers.deliveries.webhook_request import webhook_request
from shared.expressions.expression_errors import ExpressionProblem
from shared.outbound import unsubscribe_links
from shared.outbound.deliveries import COUNTED_ADDRESS_KEY, LINK_PLACEHOLDER, NO_MAIL_MESSAGE
from shared.outbound.double_opt_in_links import CONFIRMATION_EVENT, UnconfirmedSubmission, confirmation_link
from shared.outbound.mailboxes import mailbox_of
from shared.outbound.subscription_expressions import MAPPING_FAILED, mapped_body
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.settings import Settings

OTHER_ADDRESS_MESSAGE = "The lead has another address than when the mail was written."

# The credentials that a mail integration needs for sending. A Mailgun integration may exist only for receiving.
REQUIRED_CREDENTIALS = {"smtp": {"host", "port", "from"}, "mailgun": {"api_key", "domain"}}


class CannotDeliver(Exception):
    """The delivery is not sent."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.skipped = SkippedDelivery(state, reason)


@dataclass(frozen=True, slots=True)
class DeliveryPreparer:
    """Prepares deliveries with the settings and the encryption keys."""

    settings: Settings
    cipher: Cipher

    def prepare(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedDelivery | PreparedConversions:
        """Return the message to send. Never raises for a faulty target."""
        try:
            return _PREPARE_BY_KIND[claimed.kind](self, claimed, targets)
        except CannotDeliver as stop:
            return stop.skipped
        except (DecryptionError, InvalidMailAddress) as error:
            return SkippedDelivery("failed", str(error))
        except ValueError:  # its message may contain a password
            return SkippedDelivery("failed", "The address cannot be read.")
        except KeyError as missing:
            return SkippedDelivery("failed", f"The integration lacks the credential {missing}.")

    def prepare_webhook(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedDelivery:
        traced = trace_headers(claimed)
        if claimed.subscription_id is None:
            target = self._decrypt_target(claimed)
            secrets = [target["secret"]] if target["secret"] else []
            return webhook_request(claimed, target["url"], secrets, is_secret=True, traced=traced)
        subscription = targets.subscriptions.get((claimed.workspace_id, claimed.subscription_id))
        if subscription is None or not subscription["is_active"]:
            raise CannotDeliver(
                "cancelled", "The subscription is disabled." if subscription else "The subscription was deleted."
            )
        secrets = [self.cipher.decrypt(subscription[name]) for name in ("secret", "old_secret") if subscription[name]]
        return webhook_request(_with_own_body(claimed, subscription), subscription["url"], secrets, traced=traced)

    def prepare_sms(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedDelivery:
        credentials = self._integration_credentials(claimed, targets)
        phone = _find_lead(claimed, targets)["phone"]
        if not phone:
            raise CannotDeliver("cancelled", "The lead has no phone.")
        return providers.twilio_request(
            credentials, self.settings.twilio_url, phone, orjson.loads(claimed.payload)["body"]
        )

    def prepare_slack(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedDelivery:
        return providers.slack_request(
            self._integration_credentials(claimed, targets), orjson.loads(claimed.payload)["text"]
        )

    def prepare_mail(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedDelivery:
        draft = self._draft_mail(claimed, targets)
        mailer = None if draft.by_installation else targets.mail_integrations.get(claimed.workspace_id)
        credentials = self._decrypt_credentials(mailer) if mailer else {}
        if not mailer or not REQUIRED_CREDENTIALS[mailer["type"]] <= credentials.keys():
            return self._mail_by_operator(draft)
        if mailer["type"] == "mailgun":
            fields = mail_format.mailgun_fields(draft, credentials.get("from") or f"leads@{credentials['domain']}")
            return providers.mailgun_request(credentials, self.settings.mailgun_url, fields)
        return mail_format.smtp_message(draft, credentials["from"], mail_format.server_from_credentials(credentials))

    def _mail_by_operator(self, draft: MailDraft) -> PreparedDelivery:
        if not self.settings.smtp_url or not self.settings.mail_from:
            raise CannotDeliver("failed", NO_MAIL_MESSAGE)
        return mail_format.smtp_message(
            draft, self.settings.mail_from, mail_format.server_from_url(self.settings.smtp_url)
        )

    def _draft_mail(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> MailDraft:
        if claimed.event == CONFIRMATION_EVENT:
            return self._draft_confirmation(claimed, targets)
        content = orjson.loads(claimed.payload)
        secret = self._decrypt_target(claimed) if claimed.target is not None else {}
        recipient, unsubscribe = str(secret.get("to") or self._mail_recipient(claimed, targets)), None
        if mailbox_of(secret.get(COUNTED_ADDRESS_KEY) or recipient) != mailbox_of(recipient):
            raise CannotDeliver("cancelled", OTHER_ADDRESS_MESSAGE)
        if claimed.kind == "email" and claimed.user_id is None:
            unsubscribe = self._unsubscribe_link(UnsubscribeTarget(claimed.workspace_id, recipient), targets)
        body = content["body"].replace(LINK_PLACEHOLDER, secret["link"]) if "link" in secret else content["body"]
        by_installation = bool(secret.get("by_installation"))
        return MailDraft(
            claimed.message_id, recipient, content["subject"], body, claimed.claimed_at, unsubscribe, by_installation
        )

    def _unsubscribe_link(self, who: UnsubscribeTarget, targets: DeliveryTargets) -> str:
        return unsubscribe_links.unsubscribe_link(self.settings, _mail_key(who.workspace_id, targets), who)

    def _draft_confirmation(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> MailDraft:
        """Return the mail that asks a visitor to confirm a submission. Its link is made here, and stored nowhere."""
        content, key = orjson.loads(claimed.payload), _mail_key(claimed.workspace_id, targets)
        submission_id = uuid.UUID(content["submission_id"])
        held = UnconfirmedSubmission(claimed.workspace_id, submission_id, content["form_id"])
        body = content["body"].replace(LINK_PLACEHOLDER, confirmation_link(self.settings, key, held))
        return MailDraft(claimed.message_id, content["to"], content["subject"], body, claimed.claimed_at)

    def _mail_recipient(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> str:
        if claimed.user_id is not None:
            user = targets.users.get((claimed.workspace_id, claimed.user_id))
            if user is None or not user["is_active"]:
                raise CannotDeliver("cancelled", "The user is not there any more, or not active.")
            return str(user["email"])
        lead = _find_lead(claimed, targets)
        if not lead["email"]:
            raise CannotDeliver("cancelled", "The lead has no email.")
        if lead["suppressed"]:
            raise CannotDeliver("suppressed", "The lead's address gets no mail.")
        return str(lead["email"])

    def prepare_conversions(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> PreparedConversions:
        integration = _find_integration(claimed, targets)
        access = (self._decrypt_credentials(integration), integration["settings"])
        events = targets.conversions.get((claimed.workspace_id, claimed.id), [])
        return conversion_requests.conversion_message(claimed, self.settings, integration["type"], *access, events)

    def _integration_credentials(self, claimed: ClaimedDelivery, targets: DeliveryTargets) -> Mapping[str, str]:
        integration = _find_integration(claimed, targets)
        if integration["type"] != {"sms": "twilio"}.get(claimed.kind, claimed.kind):
            raise CannotDeliver("failed", "The integration is of another type.")
        return self._decrypt_credentials(integration)

    def _decrypt_credentials(self, integration: TargetRow) -> dict[str, str]:
        found: dict[str, str] = orjson.loads(self.cipher.decrypt(integration["credentials"]))
        return found

    def _decrypt_target(self, claimed: ClaimedDelivery) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.cipher.decrypt(claimed.target or b""))
        return found


def _with_own_body(claimed: ClaimedDelivery, subscription: TargetRow) -> ClaimedDelivery:
    """Return the delivery with the body that the subscription's mapping makes of it, if it has one.

    The mapping is the one of now, so that a failed delivery can be sent again after it was mended.
    """
    if not subscription["body_expression"]:
        return claimed
    try:
        return replace(claimed, payload=mapped_body(subscription["body_expression"], orjson.loads(claimed.payload)))
    except ExpressionProblem as problem:
        raise CannotDeliver("failed", f"{MAPPING_FAILED} {problem}") from None


def _find_integration(claimed: ClaimedDelivery, targets: DeliveryTargets) -> TargetRow:
    integration = targets.integrations.get((claimed.workspace_id, claimed.integration_id or 0))
    if integration is None or not integration["is_active"]:
        raise CannotDeliver(
            "cancelled", "The integration is not active." if integration else "The integration was deleted."
        )
    return integration


def _mail_key(workspace_id: int, targets: DeliveryTargets) -> str:
    key = targets.mail_keys.get(workspace_id)
    if key is None:
        raise DecryptionError
    return key


def _find_lead(claimed: ClaimedDelivery, targets: DeliveryTargets) -> TargetRow:
    lead = targets.leads.get((claimed.workspace_id, claimed.lead_id or 0))
    if lead is None:
        raise CannotDeliver("cancelled", "The lead was deleted.")
    return lead


_PREPARE_BY_KIND = {
    "webhook": DeliveryPreparer.prepare_webhook,
    "sms": DeliveryPreparer.prepare_sms,
    "slack": DeliveryPreparer.prepare_slack,
    "email": DeliveryPreparer.prepare_mail,
    "notice": DeliveryPreparer.prepare_mail,
    "conversion": DeliveryPreparer.prepare_conversions,
}
