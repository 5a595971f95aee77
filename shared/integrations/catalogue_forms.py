"""Integration types for form builders, page builders and schedulers."""

from shared.integrations.integration_type import (
    BY_HEADER_VERIFICATION,
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    URL_ALONE_VERIFICATION,
    CredentialField,
    IntegrationType,
)

FORM_TYPES = (
    IntegrationType(
        "typeform",
        "Typeform",
        INBOUND_ONLY,
        (CredentialField("secret", "Webhook secret"),),
        "HMAC-SHA256 of the body with the secret, in Typeform-Signature.",
        "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
    ),
    IntegrationType(
        "jotform",
        "Jotform",
        INBOUND_ONLY,
        (),
        URL_ALONE_VERIFICATION,
        "https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/",
    ),
    IntegrationType(
        "calendly",
        "Calendly",
        INBOUND_ONLY,
        (CredentialField("signing_key", "Webhook signing key"),),
        "HMAC-SHA256 of time and body with the signing key, in Calendly-Webhook-Signature, at most 3 minutes old.",
        "https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures",
    ),
    IntegrationType(
        "tally",
        "Tally",
        INBOUND_ONLY,
        (CredentialField("signing_secret", "Signing secret"),),
        "HMAC-SHA256 of the body with the signing secret, in Tally-Signature.",
        "https://tally.so/help/webhooks",
    ),
    IntegrationType(
        "webflow",
        "Webflow",
        INBOUND_ONLY,
        (CredentialField("signing_secret", "Webhook secret key, or the app's client secret", required=False),),
        "Where signing_secret is set, HMAC-SHA256 of time and body in X-Webflow-Signature, at most 5 minutes old; "
        "webhooks made in the dashboard are not signed.",
        "https://developers.webflow.com/data/docs/working-with-webhooks",
    ),
    IntegrationType(
        "gravity_forms",
        "Gravity Forms",
        INBOUND_ONLY,
        (HEADER_SECRET_FIELD,),
        BY_HEADER_VERIFICATION,
        "https://docs.gravityforms.com/category/add-ons-gravity-forms/webhooks-add-on/",
    ),
    IntegrationType(
        "wpforms",
        "WPForms",
        INBOUND_ONLY,
        (CredentialField("secret", "Webhook secret"),),
        "HMAC-SHA256 of time and body with the secret, in X-WPForms-Webhook-Signature.",
        "https://wpforms.com/docs/how-to-install-and-use-the-webhooks-addon-with-wpforms/",
    ),
    IntegrationType(
        "elementor",
        "Elementor forms",
        INBOUND_ONLY,
        (),
        URL_ALONE_VERIFICATION,
        "https://elementor.com/help/webhook-integrations/",
    ),
    IntegrationType(
        "unbounce",
        "Unbounce",
        INBOUND_ONLY,
        (),
        URL_ALONE_VERIFICATION,
        "https://documentation.unbounce.com/hc/en-us/articles/203510044",
    ),
    IntegrationType(
        "netlify",
        "Netlify Forms",
        INBOUND_ONLY,
        (CredentialField("jws_secret", "JWS secret token", required=False),),
        "Where jws_secret is set, X-Webhook-Signature must be an HS256 token of the body made with it.",
        "https://docs.netlify.com/forms/notifications/",
    ),
)
