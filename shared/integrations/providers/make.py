"""Make: requests of its HTTP module, whose names the user chooses.

Source: https://www.make.com/en/help/tools/http (body types).
"""

from collections.abc import Iterable

from shared.integrations.integration_type import (
    BY_HEADER_VERIFICATION,
    HEADER_SECRET_FIELD,
    INBOUND_ONLY,
    IntegrationType,
)
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.generic_reading import read_generic, verify_by_header_secret
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, WebhookRequest

MAKE = IntegrationType(
    "make",
    "Make",
    INBOUND_ONLY,
    (HEADER_SECRET_FIELD,),
    BY_HEADER_VERIFICATION,
    "https://www.make.com/en/help/tools/http",
)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return the leads of the request. Raises UnreadableBody."""
    return read_generic(request)


PROVIDER = Provider(
    type=MAKE,
    verify=verify_by_header_secret,
    read=read,
    sample=SampleRequest(
        body=b'{"event_id":"make-sample-1","first_name":"Sam","last_name":"Sample","email":"sam@example.com",'
        b'"phone":14155550123,"company":{"name":"Sample Ltd"},"budget":10000,"utm_source":"newsletter"}'
    ),
)
