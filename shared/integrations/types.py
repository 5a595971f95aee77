"""The catalogue of all integration types: credentials, verification and vendor documentation. Pure."""

from shared.integrations.advertising import ADVERTISING
from shared.integrations.fields import IntegrationType
from shared.integrations.forms import FORMS
from shared.integrations.messaging import MESSAGING
from shared.integrations.platforms import PLATFORMS

TYPES: dict[str, IntegrationType] = {
    kind.type: kind for family in (ADVERTISING, MESSAGING, FORMS, PLATFORMS) for kind in family
}
