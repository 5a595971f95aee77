"""Microsoft Advertising lead forms: they have no webhook, so another service has to post their leads.

The API of Microsoft Advertising knows no webhook for leads and no call that reads them. Leads come by the import of a
CSV file, or by a service such as Zapier or Make, whose requests are read here as a JSON object or a form.
"""

from collections.abc import Iterable

from shared.integrations.integration_type import HEADER_SECRET_FIELD, INBOUND_ONLY, LEADHUB_HEADER, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.generic_reading import read_generic, verify_by_header_secret
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, WebhookRequest

MICROSOFT_ADS = IntegrationType(
    "microsoft_ads",
    "Microsoft Advertising lead forms",
    INBOUND_ONLY,
    (HEADER_SECRET_FIELD,),
    "Microsoft Advertising has no webhook for leads: import its CSV file, or let Zapier, Make or the like post here. "
    f"Where header_secret is set, the header {LEADHUB_HEADER} must have that value.",
    "https://learn.microsoft.com/advertising/",
)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterable[SourceEvent]:
    """Return the leads of the request: an object, an array of objects, or a form. Raises UnreadableBody."""
    return read_generic(request)


PROVIDER = Provider(
    type=MICROSOFT_ADS,
    verify=verify_by_header_secret,
    read=read,
    sample=SampleRequest(
        body=b'{"First name":"Sam","Last name":"Sample","Email":"sam@example.com","Phone number":"+14155550123",'
        b'"Which service do you need?":"Solar panels","utm_source":"bing","utm_campaign":"spring",'
        b'"msclkid":"sample-click"}'
    ),
)
