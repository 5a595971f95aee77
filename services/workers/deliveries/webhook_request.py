"""Make the HTTP request of a webhook. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from services.workers.deliveries import signatures
from services.workers.deliveries.types import ClaimedDelivery, HttpRequest
from shared import __version__
from shared.platform.masking import SECRET_MASK

USER_AGENT = f"LeadHub/{__version__}"
JSON_CONTENT_TYPE = "application/json"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def webhook_request(
    claimed: ClaimedDelivery,
    url: str,
    secrets: Sequence[str],
    *,
    is_secret: bool = False,
    traced: Mapping[str, str] = NO_HEADERS,
) -> HttpRequest:
    """Return the request of one attempt. Its time is the database's, since the sender's clock may be wrong.

    `is_secret`: the URL itself is a secret, because anybody who knows it can post there. `traced`: the headers that
    carry its trace.
    """
    named = {"Content-Type": JSON_CONTENT_TYPE, "User-Agent": USER_AGENT, **traced}
    signed = signatures.signature_headers(
        claimed.message_id, int(claimed.claimed_at.timestamp()), claimed.payload, secrets
    )
    shown = {**named, **{name: value for name, value in signed.items() if name in ("webhook-id", "webhook-timestamp")}}
    return HttpRequest(
        url, {**named, **signed}, claimed.payload, recorded_request(url, shown, path=not is_secret), is_secret=is_secret
    )


def recorded_request(url: str, headers: Mapping[str, str], *, path: bool = True) -> dict[str, Any]:
    """Return the recorded form of a request: headers, and the URL without user, password and query.

    `path`: whether the path is recorded. Otherwise a mask replaces it.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return {"url": f"{parts.scheme}://{host}{parts.path if path else f'/{SECRET_MASK}'}", "headers": dict(headers)}
