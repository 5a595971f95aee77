"""Integration types for CRMs, shops, automation platforms and generic webhooks."""

from shared.integrations.integration_type import (
    BY_HEADER_VERIFICATION,
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    CredentialField,
    IntegrationType,
)

SIGNATURE_HEADER = "X-Webhook-Signature"

PLATFORM_TYPES = (
    IntegrationType(
        "hubspot",
        "HubSpot",
        INBOUND_ONLY,
        (CredentialField("client_secret", "Client secret"), CredentialField("access_token", "Access token")),
        "HMAC-SHA256 of method, address, body and time with the client secret, in X-HubSpot-Signature-v3, at most "
        "5 minutes old.",
        "https://developers.hubspot.com/docs/api/webhooks/validating-requests",
    ),
    IntegrationType(
        "intercom",
        "Intercom",
        INBOUND_ONLY,
        (CredentialField("client_secret", "Client secret"),),
        "HMAC-SHA1 of the body with the client secret, in X-Hub-Signature.",
        "https://developers.intercom.com/docs/references/webhooks/webhook-models",
    ),
    IntegrationType(
        "shopify",
        "Shopify",
        INBOUND_ONLY,
        (CredentialField("client_secret", "Client secret of the app, or the shop's signing secret"),),
        "HMAC-SHA256 of the body with the client secret, in X-Shopify-Hmac-Sha256.",
        "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
    ),
    IntegrationType(
        "zapier",
        "Zapier",
        INBOUND_ONLY,
        (HEADER_SECRET_FIELD,),
        BY_HEADER_VERIFICATION,
        "https://help.zapier.com/hc/en-us/articles/8496326446989",
    ),
    IntegrationType(
        "make",
        "Make",
        INBOUND_ONLY,
        (HEADER_SECRET_FIELD,),
        BY_HEADER_VERIFICATION,
        "https://www.make.com/en/help/tools/http",
    ),
    IntegrationType(
        "webhook",
        "Webhook",
        INBOUND_ONLY,
        (
            CredentialField("secret", "Signing secret", required=False),
            CredentialField(
                "signature_header",
                f"Header with the signature; {SIGNATURE_HEADER} unless set",
                required=False,
                secret=False,
                kind="header",
            ),
        ),
        "Where a secret is set, HMAC-SHA256 of the body in hex or base64, with or without sha256= before it, in the "
        "header that signature_header names.",
        "https://www.rfc-editor.org/rfc/rfc2104",
    ),
    IntegrationType(
        "standard_webhooks",
        "Standard Webhooks",
        INBOUND_ONLY,
        (CredentialField("secret", "Signing secret (whsec_…)", kind="whsec"),),
        "HMAC-SHA256 of id, time and body with the secret, in webhook-signature, at most 5 minutes old.",
        "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    ),
)
