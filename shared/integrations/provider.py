"""Define a provider: how its requests are verified, what they mean, and what it is answered. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shared.integrations.integration_type import IntegrationType
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    JSON_MEDIA_TYPE,
    MAX_WEBHOOK_ITEMS,
    CaseInsensitive,
    Credentials,
    TooManyItems,
    WebhookAnswer,
    WebhookRequest,
)

RequestVerifier = Callable[[WebhookRequest, Credentials], None]
RequestReader = Callable[[WebhookRequest, Credentials], Iterable[SourceEvent]]
OneTimeTokenReader = Callable[[WebhookRequest], str | None]
EMPTY_ANSWER = WebhookAnswer()
HandshakeAnswerer = Callable[[WebhookRequest, Credentials], WebhookAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """A made-up request of the provider, unsigned, for "send the sample" and for the preview of a mapping."""

    body: bytes
    media_type: str = JSON_MEDIA_TYPE
    headers: dict[str, str] = field(default_factory=dict)  # those that the reader needs

    def to_request(self, url: str, now: float) -> WebhookRequest:
        headers = CaseInsensitive({"Content-Type": self.media_type, **self.headers})
        return WebhookRequest("POST", url, headers, self.body, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A source of webhooks.

    `verify` raises SignatureRefused for a request that is not the provider's, on the raw bytes, in constant time.
    `read` returns the items of a verified request; it raises UnreadableBody and nothing else, whatever the body holds.
    Where a body may hold many items, they are read one by one as they are taken.
    `answer_handshake` answers a GET, or a POST that `is_handshake` recognises; it raises SignatureRefused. Without it a
    GET is answered 405.
    `one_time_token` returns the token of a signature that does not cover the body: it may come with one body only.
    `answer` is what every verified request gets.
    `methods` are the methods that deliver.
    `receives_mail` says that mails with attachments come, so that a body may be larger than others.
    `is_id_only` says that only ids arrive, so that a worker fetches the leads.
    """

    type: IntegrationType
    verify: RequestVerifier
    read: RequestReader
    sample: SampleRequest
    answer_handshake: HandshakeAnswerer | None = None
    is_handshake: Callable[[WebhookRequest], bool] = lambda request: request.method == "GET"
    one_time_token: OneTimeTokenReader | None = None
    answer: WebhookAnswer = EMPTY_ANSWER
    methods: tuple[str, ...] = ("POST",)
    is_id_only: bool = False
    receives_mail: bool = False

    def read_items(self, request: WebhookRequest, credentials: Credentials) -> Iterator[SourceEvent]:
        """Yield the items of a verified request. Raises UnreadableBody, or TooManyItems past the limit."""
        for position, event in enumerate(self.read(request, credentials)):
            if position == MAX_WEBHOOK_ITEMS:
                raise TooManyItems
            yield event
