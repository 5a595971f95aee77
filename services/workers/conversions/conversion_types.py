"""The values that pass between the modules of conversions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.integrations.conversion_settings import ConversionSettingsRecord

# Reasons for which an event is not sent. The lead's timeline shows them.
SkipReason = Literal[
    "consent_denied",
    "consent_unknown",
    "event_too_old",
    "lead_too_old",
    "no_identifier",
    "lead_deleted",
    "integration_off",
]


@dataclass(frozen=True, slots=True)
class ConversionPerson:
    """What is known of a lead's person, as the lead has it."""

    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class LeadConversion:
    """An event of a lead. `attributions` are the lead's last one and its first one, in this order.

    `person` and `lead_created_at` are None if the lead was deleted. `event_id` is the same however often the event is
    sent: by it the platform knows a repeat.
    """

    id: int
    event: str
    event_id: str
    occurred_at: datetime
    value: float | None = None
    currency: str | None = None
    conversion_action: str | None = None
    lead_created_at: datetime | None = None
    person: ConversionPerson | None = None
    attributions: Sequence[Mapping[str, Any]] = ()
    was_skipped: bool = False


@dataclass(frozen=True, slots=True)
class PlatformAccess:
    """How an integration reaches its platform, and what it is told to send."""

    base_url: str
    version: str
    credentials: Mapping[str, str]
    settings: ConversionSettingsRecord


@dataclass(frozen=True, slots=True)
class PlatformCall:
    """A request to a platform, without what authorizes it if that is a token that has to be asked for."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """The answer of a platform. `body` is its beginning."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class PlatformProblem:
    """Why a platform did not take the events. `sentence` is for the admin and quotes nothing that it sent.

    `is_hopeless`: another attempt would fail as well. `is_divisible`: an event of the batch is at fault, and the others
    may be taken without it.
    """

    sentence: str
    is_hopeless: bool = False
    is_divisible: bool = False


@dataclass(frozen=True, slots=True)
class ConversionSkip:
    """An event that is not sent, and why."""

    id: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class JudgedConversions:
    """The events of a delivery: those to send, and those that are skipped."""

    workspace_id: int
    sendable: Sequence[LeadConversion] = ()
    skipped: Sequence[ConversionSkip] = ()
