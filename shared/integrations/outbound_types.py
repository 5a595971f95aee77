"""Integration types that only send. Types that receive are in `providers/`. Pure."""

from shared.integrations.integration_type import OUTBOUND_ONLY, CredentialField, IntegrationType

_NOTHING_COMES_IN = "It only receives: no request comes from it."

OUTBOUND_TYPES = (
    IntegrationType(
        "smtp",
        "Mail server (SMTP)",
        OUTBOUND_ONLY,
        (
            CredentialField("host", "Host", secret=False),
            CredentialField("port", "Port", secret=False, kind="port"),
            CredentialField("username", "User name", required=False, secret=False),
            CredentialField("password", "Password", required=False),
            CredentialField("from", "Sender's address", secret=False, kind="email"),
        ),
        _NOTHING_COMES_IN,
        "https://www.rfc-editor.org/rfc/rfc6409",
    ),
    IntegrationType(
        "slack",
        "Slack",
        OUTBOUND_ONLY,
        (CredentialField("webhook_url", "Incoming webhook URL", kind="url"),),
        _NOTHING_COMES_IN,
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
    ),
)
