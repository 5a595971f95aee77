"""Integration types for mail, messengers and SMS."""

from shared.integrations.integration_type import (
    BOTH_WAYS,
    INBOUND_ONLY,
    OUTBOUND_ONLY,
    CredentialField,
    IntegrationType,
)

_NOTHING_COMES_IN = "It only receives: no request comes from it."

MESSAGING_TYPES = (
    IntegrationType(
        "whatsapp",
        "WhatsApp Cloud API",
        INBOUND_ONLY,
        (CredentialField("app_secret", "App secret"), CredentialField("verify_token", "Verify token")),
        "HMAC-SHA256 of the body with the app secret, in X-Hub-Signature-256; the handshake by the verify token.",
        "https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks",
    ),
    IntegrationType(
        "telegram",
        "Telegram bot",
        INBOUND_ONLY,
        (CredentialField("secret_token", "Secret token given to setWebhook"),),
        "The header X-Telegram-Bot-Api-Secret-Token must have the secret token.",
        "https://core.telegram.org/bots/api#setwebhook",
    ),
    IntegrationType(
        "viber",
        "Viber bot",
        INBOUND_ONLY,
        (CredentialField("auth_token", "Authentication token"),),
        "HMAC-SHA256 of the body with the authentication token, in X-Viber-Content-Signature.",
        "https://developers.viber.com/docs/api/rest-bot-api/",
    ),
    IntegrationType(
        "mailgun",
        "Mailgun",
        BOTH_WAYS,
        (
            CredentialField("signing_key", "HTTP webhook signing key"),
            CredentialField("api_key", "Sending API key", required=False),
            CredentialField("domain", "Sending domain", required=False, secret=False),
            CredentialField("region", "Region: us or eu", required=False, secret=False),
            CredentialField("from", "Sender's address", required=False, secret=False, kind="email"),
        ),
        "HMAC-SHA256 of timestamp and token with the signing key, in the body; a token is taken once.",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
    ),
    IntegrationType(
        "sendgrid",
        "SendGrid Inbound Parse",
        INBOUND_ONLY,
        (CredentialField("verification_key", "Public verification key", required=False, secret=False),),
        "Where verification_key is set, an ECDSA signature of time and body in X-Twilio-Email-Event-Webhook-Signature; "
        "else the address itself is the secret.",
        "https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook",
    ),
    IntegrationType(
        "twilio",
        "Twilio SMS",
        BOTH_WAYS,
        (
            CredentialField("account_sid", "Account SID", secret=False),
            CredentialField("auth_token", "Auth token"),
            CredentialField("from", "Sender's number or messaging service SID", required=False, secret=False),
        ),
        "HMAC-SHA1 of the address and the parameters with the auth token, in X-Twilio-Signature.",
        "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
    ),
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
