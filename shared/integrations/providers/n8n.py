"""n8n: requests of its HTTP Request node, whose names the user chooses.

Source: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.httprequest/ (body types).
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

N8N = IntegrationType(
    "n8n",
    "n8n",
    INBOUND_ONLY,
    (HEADER_SECRET_FIELD,),
    BY_HEADER_VERIFICATION,
    "https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.httprequest/",
)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return the leads of the request. Raises UnreadableBody."""
    return read_generic(request)


PROVIDER = Provider(
    type=N8N,
    verify=verify_by_header_secret,
    read=read,
    sample=SampleRequest(
        body=b'[{"event_id":"n8n-sample-1","person":{"firstName":"Sam","lastName":"Sample","email":"sam@example.com",'
        b'"phone":"+14155550123"},"What is your budget?":"10,000","utm":{"source":"newsletter","campaign":"spring"}}]'
    ),
)
