"""The registry of providers and the catalogue of all integration types. Pure.

To add a provider, write its module in `providers/` and name it here.
"""

from shared.integrations.integration_type import IntegrationType
from shared.integrations.outbound_types import OUTBOUND_TYPES
from shared.integrations.provider import Provider
from shared.integrations.providers import (
    calendly,
    elementor,
    google_ads,
    gravity_forms,
    hubspot,
    intercom,
    jotform,
    linkedin,
    mailgun,
    make,
    meta_lead_ads,
    microsoft_ads,
    n8n,
    netlify,
    pinterest,
    sendgrid,
    shopify,
    snapchat,
    standard_webhooks,
    tally,
    telegram,
    tiktok,
    twilio,
    typeform,
    unbounce,
    viber,
    webflow,
    webhook,
    whatsapp,
    wpforms,
    zapier,
)

# In the order in which they are offered.
PROVIDER_MODULES = (
    *(meta_lead_ads, google_ads, linkedin, tiktok, snapchat, pinterest, microsoft_ads),
    *(whatsapp, telegram, viber, mailgun, sendgrid, twilio),
    *(typeform, jotform, calendly, tally, webflow, gravity_forms, wpforms, elementor, unbounce, netlify),
    *(hubspot, intercom, shopify, zapier, make, n8n, webhook, standard_webhooks),
)
PROVIDERS_BY_TYPE: dict[str, Provider] = {module.PROVIDER.type.type: module.PROVIDER for module in PROVIDER_MODULES}
INTEGRATION_TYPES: dict[str, IntegrationType] = {
    **{name: provider.type for name, provider in PROVIDERS_BY_TYPE.items()},
    **{kind.type: kind for kind in OUTBOUND_TYPES},
}
