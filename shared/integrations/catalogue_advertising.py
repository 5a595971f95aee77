"""Integration types for lead forms of advertising platforms."""

from shared.integrations.integration_type import (
    BY_HEADER_VERIFICATION,
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    CredentialField,
    IntegrationType,
)

ADVERTISING_TYPES = (
    IntegrationType(
        "meta_lead_ads",
        "Meta Lead Ads (Facebook, Instagram)",
        INBOUND_ONLY,
        (
            CredentialField("app_secret", "App secret"),
            CredentialField("verify_token", "Verify token"),
            CredentialField("page_access_token", "Page access token"),
        ),
        "HMAC-SHA256 of the body with the app secret, in X-Hub-Signature-256; the handshake by the verify token.",
        "https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving",
    ),
    IntegrationType(
        "google_ads",
        "Google Ads lead forms (YouTube too)",
        INBOUND_ONLY,
        (CredentialField("google_key", "Webhook key"),),
        "The google_key in the body must be the one set here.",
        "https://developers.google.com/google-ads/webhook/docs/overview",
    ),
    IntegrationType(
        "linkedin",
        "LinkedIn Lead Sync",
        INBOUND_ONLY,
        (CredentialField("client_secret", "Client secret"), CredentialField("access_token", "Access token")),
        "HMAC-SHA256 of the body with the client secret, in X-LI-Signature; the handshake by a challenge code.",
        "https://learn.microsoft.com/linkedin/shared/api-guide/webhook-validation",
    ),
    IntegrationType(
        "tiktok",
        "TikTok lead generation",
        INBOUND_ONLY,
        (CredentialField("app_secret", "App secret"),),
        "HMAC-SHA256 of the body with the app secret, in X-Open-Signature.",
        "https://business-api.tiktok.com/portal/docs",
    ),
    IntegrationType(
        "microsoft_ads",
        "Microsoft Advertising lead forms",
        INBOUND_ONLY,
        (HEADER_SECRET_FIELD,),
        BY_HEADER_VERIFICATION,
        "https://learn.microsoft.com/advertising/",
    ),
    IntegrationType(
        "snapchat",
        "Snapchat lead generation",
        INBOUND_ONLY,
        (HEADER_SECRET_FIELD,),
        BY_HEADER_VERIFICATION,
        "https://developers.snap.com/api/marketing-api/Ads-API/lead-generation-ads",
    ),
    IntegrationType(
        "pinterest",
        "Pinterest lead ads",
        INBOUND_ONLY,
        (CredentialField("cryptographic_key", "Cryptographic key of the subscription"),),
        "The body is encrypted: only what AES-256-GCM authenticates with the subscription's key is taken.",
        "https://developers.pinterest.com/docs/work-with-ads/lead-ads/",
    ),
)
