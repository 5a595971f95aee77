"""The types of a delivery: as claimed, as sent, and its result. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from services.workers.conversions.conversion_types import JudgedConversions


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that belongs to this sender until its lease ends. `claimed_at` is the database's time."""

    workspace_id: int
    id: int
    attempt_number: int  # of this attempt, from 1
    attempts_since_resend: int  # attempts since the last manual resend, with this one
    claimed_at: datetime
    kind: str
    message_id: str
    event: str | None
    lead_id: int | None
    subscription_id: int | None
    integration_id: int | None
    user_id: int | None
    target: bytes | None
    endpoint: str
    payload: bytes
    waited_seconds: float | None = None  # between its due time and the claim


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request. `recorded` has the URL and headers as they are recorded, without secrets.

    `is_secret`: path and query of the URL are also masked in the recorded response, for example in a `Location`.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    recorded: Mapping[str, Any]
    is_trusted: bool = False  # the operator set the URL, so its address may be private
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class HttpDocument:
    """An answer with its whole body. The body is not decompressed: none is asked for that is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """A request without an answer, and why. `hopeless`: another attempt would fail as well."""

    error: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server.

    `uses_tls`: TLS from the first byte; otherwise STARTTLS if offered. A login requires one of them, and with
    `needs_tls` so does every mail. `sender_name` stands before the sender's address.
    """

    host: str
    port: int
    username: str | None
    password: str | None
    uses_tls: bool
    is_trusted: bool = False  # the operator set the server, so its address may be private
    needs_tls: bool = False
    sender_name: str = ""


@dataclass(frozen=True, slots=True)
class SmtpMessage:
    """A mail to one recipient."""

    message: EmailMessage
    sender: str
    recipient: str
    server: SmtpServer


@dataclass(frozen=True, slots=True)
class SkippedDelivery:
    """A delivery that is not sent, with its state (`cancelled`, `suppressed` or `failed`) and the reason."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """Events for an ad platform, by the type of its integration. With `account_key` a token is asked for first."""

    platform: str
    request: HttpRequest
    account_key: str | None = None


@dataclass(frozen=True, slots=True)
class PreparedConversions:
    """The message of a delivery of events, and which of these it has."""

    message: ConversionRequest | SkippedDelivery
    judged: JudgedConversions


PreparedDelivery = HttpRequest | SmtpMessage | ConversionRequest | SkippedDelivery


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of one attempt.

    `hopeless`: another attempt would fail as well. `personal`: the error concerns the recipient, not the receiving
    server, which accepts other messages. `is_divisible`: a part of the message is at fault, and may be left out.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    error: str | None = None
    hopeless: bool = False
    personal: bool = False
    is_divisible: bool = False
    request: Mapping[str, Any] | None = None
    ms: int = 0
    retry_after: float | None = None
