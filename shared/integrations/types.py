"""The catalogue of all integration types: credentials, verification and vendor documentation. Pure."""

from shared.integrations.advertising import ADVERTISING_TYPES
from shared.integrations.fields import IntegrationType
from shared.integrations.forms import FORM_TYPES
from shared.integrations.messaging import MESSAGING_TYPES
from shared.integrations.platforms import PLATFORM_TYPES

INTEGRATION_TYPES: dict[str, IntegrationType] = {
    kind.type: kind for family in (ADVERTISING_TYPES, MESSAGING_TYPES, FORM_TYPES, PLATFORM_TYPES) for kind in family
}
