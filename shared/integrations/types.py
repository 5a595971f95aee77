"""Every type of integration, once: what it needs, how it is verified, where its vendor tells of it. Pure."""

from shared.integrations.advertising import ADVERTISING
from shared.integrations.fields import IntegrationType
from shared.integrations.forms import FORMS
from shared.integrations.messaging import MESSAGING
from shared.integrations.platforms import PLATFORMS

TYPES: dict[str, IntegrationType] = {
    kind.type: kind for family in (ADVERTISING, MESSAGING, FORMS, PLATFORMS) for kind in family
}
