"""A delivery on its way: as it was claimed, as it is sent, and what came back. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Any


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in this sender's hands until its lease ends. `now` is the database's time of the claim."""

    workspace_id: int
    id: int
    number: int  # of this attempt, from 1
    tries: int  # the same, counted since it was last sent again by hand
    now: datetime
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


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request. `shown` are the URL and headers as they are put on record, without secrets.

    `is_secret`: path and query of the URL are masked in what comes back as well, such as in a `Location`.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    shown: Mapping[str, Any]
    trusted: bool = False  # the URL is the operator's own: it may be private
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server. `tls`: from the first byte; else by STARTTLS where it is offered. A login demands either."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool
    trusted: bool = False  # the operator's own: it may be private


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one recipient."""

    message: EmailMessage
    sender: str
    recipient: str
    relay: Relay


@dataclass(frozen=True, slots=True)
class Unsent:
    """It does not go out, and why: `cancelled`, `suppressed` or `failed`."""

    state: str
    reason: str


Prepared = Call | Letter | Unsent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one attempt. `hopeless`: another would end the same way. `personal`: it is about who the
    message is for, and tells nothing of the receiver, which takes others."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    error: str | None = None
    hopeless: bool = False
    personal: bool = False
    request: Mapping[str, Any] | None = None
    ms: int = 0
    retry_after: float | None = None
