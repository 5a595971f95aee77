"""Sources as they are shown."""

from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

ReceivedCounts = TypedDict("ReceivedCounts", {"1h": int, "24h": int, "7d": int})


class SourceRecord(TypedDict):
    """An integration, form or API key that leads come from.

    `rejected_24h` counts requests that were refused, by reason: `missing_signature, bad_signature, stale, wrong_token,
    replayed, too_many_items, handshake`. A source is silent if its `silence_after_minutes` are over without a lead, or,
    where that is not set, if it has sent nothing for much longer than it ever does.
    """

    kind: Literal["integration", "form", "key"]
    id: int
    name: str
    type: str | None
    is_active: bool
    last_received_at: datetime | None
    received: ReceivedCounts
    duplicates_24h: int
    held_24h: int
    rejected_24h: dict[str, int]
    silence_after_minutes: int | None
    is_silent: bool


class CheckStep(TypedDict):
    """A step of the doctor. `ok` is null where nothing is known yet, such as after a refused handshake."""

    step: str
    ok: bool | None
    seen: str
    advice: str | None


class IntegrationCheckRecord(TypedDict):
    ok: bool
    steps: list[CheckStep]


class TryFields(TypedDict, total=False):
    """`body` is the text of a request, or its JSON; without it the type's own sample is read."""

    body: Any
    content_type: str | None
    headers: dict[str, str] | None


class TriedItem(TypedDict):
    """An item of the body, with the lead that would come of it. Nothing is stored."""

    kind: Literal["lead", "fetch", "deletion", "ignored"]
    event_id: str | None
    is_test: bool
    note: str
    lead: dict[str, Any]
    attribution: dict[str, Any]
    external_id: str | None
    account_id: str | None
    object_id: str | None
    document: Any


class TriedBody(TypedDict):
    """What a body means. `problem` says why it cannot be read."""

    items: list[TriedItem]
    problem: str | None
