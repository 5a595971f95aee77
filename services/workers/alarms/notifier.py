"""Send messages about alarms, by mail and to Slack. They need neither PostgreSQL nor Redis."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from services.workers.alarms.alarm_rules import AlarmChange
from services.workers.deliveries.http_client import HttpClient, SafeResolver
from services.workers.deliveries.mail_format import MailDraft, server_from_url, smtp_message
from services.workers.deliveries.providers import slack_request
from services.workers.deliveries.smtp_client import SmtpClient
from services.workers.deliveries.types import AttemptResult
from shared.outbound.address_policy import AddressPolicy
from shared.platform.setting_checks import split_addresses
from shared.platform.settings import Settings

NO_MAIL_SERVER_MESSAGE = "LEADHUB_ALARM_EMAIL is set, but neither LEADHUB_ALARM_SMTP_URL nor LEADHUB_SMTP_URL."
SLACK_TARGET = "Slack"
MESSAGE_FOOTER = 'docs/operations/monitoring.md, section "Alarms", says more.'


@dataclass(frozen=True, slots=True)
class AlarmMessage:
    """A message to operators."""

    subject: str
    text: str


class AlarmNotifier:
    """Sends messages to the targets of the settings: addresses, and Slack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resolver = SafeResolver(AddressPolicy.from_text(settings.allowed_targets))
        self.targets = tuple(_list_targets(settings))

    def make_message(self, change: AlarmChange) -> AlarmMessage:
        """Make the message about an alarm that was raised or cleared."""
        word = "Alarm" if change.is_raised else "Cleared"
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        lines = [change.title if change.is_raised else f"Well again: {change.rule.code}", f"At {now}."]
        if change.is_raised:
            lines += ["", change.rule.advice, MESSAGE_FOOTER]
        return self._name_installation(f"{word}: {change.rule.code}", "\n".join(lines))

    def make_test_message(self) -> AlarmMessage:
        """Make a message that shows whether alarms arrive."""
        return self._name_installation("Test", "This is a test. Alarms arrive here.")

    async def send(self, target: str, message: AlarmMessage) -> AttemptResult:
        """Send a message to a target and return the result. Never raises for anything that the server does."""
        return await (self._post_to_slack(message) if target == SLACK_TARGET else self._mail(target, message))

    def _name_installation(self, subject: str, text: str) -> AlarmMessage:
        name = self._settings.public_url
        return AlarmMessage(f"[LeadHub] {subject}", f"{text}\n\n{name}".strip())

    async def _mail(self, recipient: str, message: AlarmMessage) -> AttemptResult:
        url = self._settings.alarm_smtp_url or self._settings.smtp_url
        if not url:
            return AttemptResult(error=NO_MAIL_SERVER_MESSAGE, hopeless=True)
        now = datetime.now(UTC)
        draft = MailDraft(f"alarm_{secrets.token_hex(12)}", recipient, message.subject, message.text, now)
        try:
            mail = smtp_message(draft, self._settings.mail_from or recipient, server_from_url(url))
        except ValueError as error:
            return AttemptResult(error=str(error), hopeless=True)
        return await SmtpClient(self._resolver).send_mail(mail)

    async def _post_to_slack(self, message: AlarmMessage) -> AttemptResult:
        client = HttpClient(self._resolver)
        try:
            text = f"*{message.subject}*\n{message.text}"
            return await client.send_request(slack_request({"webhook_url": self._settings.alarm_slack_url}, text))
        finally:
            await client.close()


def _list_targets(settings: Settings) -> Iterator[str]:
    yield from split_addresses(settings.alarm_email)
    if settings.alarm_slack_url:
        yield SLACK_TARGET


def is_sent(result: AttemptResult) -> bool:
    """Return whether the receiving server took the message."""
    return result.error is None and result.status is not None and 200 <= result.status < 300
