"""The catalogue of all integration types: credentials, verification and vendor documentation. Pure."""

from shared.integrations.catalogue_advertising import ADVERTISING_TYPES
from shared.integrations.catalogue_forms import FORM_TYPES
from shared.integrations.catalogue_messaging import MESSAGING_TYPES
from shared.integrations.catalogue_platforms import PLATFORM_TYPES
from shared.integrations.integration_type import IntegrationType

INTEGRATION_TYPES: dict[str, IntegrationType] = {
    kind.type: kind for family in (ADVERTISING_TYPES, MESSAGING_TYPES, FORM_TYPES, PLATFORM_TYPES) for kind in family
}
