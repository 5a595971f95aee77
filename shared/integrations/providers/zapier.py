"""Zapier: requests of "Webhooks by Zapier", whose names the user chooses.

Source: https://help.zapier.com/hc/en-us/articles/8496326446989 (payload types, `__` for nested names, wrapping in an
array).
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

ZAPIER = IntegrationType(
    "zapier",
    "Zapier",
    INBOUND_ONLY,
    (HEADER_SECRET_FIELD,),
    BY_HEADER_VERIFICATION,
    "https://help.zapier.com/hc/en-us/articles/8496326446989",
)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return the leads of the request. Raises UnreadableBody."""
    return read_generic(request)


PROVIDER = Provider(
    type=ZAPIER,
    verify=verify_by_header_secret,
    read=read,
    sample=SampleRequest(
        body=b'{"event_id":"zap-sample-1","contact__name":"Sam Sample","contact__email":"sam@example.com",'
        b'"contact__phone":"+14155550123","budget":"10,000","utm_source":"newsletter","utm_campaign":"spring"}'
    ),
)
