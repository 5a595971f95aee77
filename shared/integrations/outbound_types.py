"""Integration types that only send. Types that receive are in `providers/`. Pure."""

from shared.integrations.integration_type import OUTBOUND_ONLY, CredentialField, IntegrationType

_NOTHING_COMES_IN = "It only receives: no request comes from it."

OUTBOUND_TYPES = (
    IntegrationType(
        "smtp",
        "Mail server (SMTP)",
        OUTBOUND_ONLY,
        (
            CredentialField("host", "Host", secret=False, kind="host"),
            CredentialField("port", "Port", secret=False, kind="port"),
            CredentialField("security", "TLS: tls, or starttls", required=False, secret=False, kind="mail_security"),
            CredentialField("username", "User name", required=False, secret=False),
            CredentialField("password", "Password", required=False),
            CredentialField("from", "Sender's address", secret=False, kind="email"),
            CredentialField("from_name", "Sender's name", required=False, secret=False, kind="line"),
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
    IntegrationType(
        "meta_conversions",
        "Meta Conversions API",
        OUTBOUND_ONLY,
        (
            CredentialField("dataset_id", "Dataset id", secret=False, kind="digits"),
            CredentialField("access_token", "Access token of the dataset", kind="token"),
        ),
        _NOTHING_COMES_IN,
        "https://developers.facebook.com/documentation/ads-commerce/conversions-api/conversion-leads-integration",
    ),
    IntegrationType(
        "google_data_manager",
        "Google Data Manager",
        OUTBOUND_ONLY,
        (
            CredentialField("customer_id", "Customer id of the Google Ads account", secret=False, kind="digits"),
            CredentialField("conversion_action", "Conversion action id", secret=False, kind="digits"),
            CredentialField(
                "login_customer_id", "Customer id of the manager account", required=False, secret=False, kind="digits"
            ),
            CredentialField("service_account_key", "JSON key of the service account", kind="service_account"),
        ),
        _NOTHING_COMES_IN,
        "https://developers.google.com/data-manager/api/devguides/events/google-ads/offline",
    ),
)
