"""What a provider's request tells us, item by item. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.integrations.attribution import Attribution

SourceEventKind = Literal["lead", "fetch", "deletion", "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """One item of a request.

    `kind`:
    - `lead`: a person, described by `lead`.
    - `fetch`: only the id of a lead (`object_id`), which a worker has to fetch.
    - `deletion`: the provider asks us to forget the person with `object_id`.
    - `ignored`: nothing for us, such as a delivery receipt. `note` says what it is. Nothing is stored.

    `event_id` is the provider's own id of the item: redelivered items bear it again. None if the provider has none; a
    hash of the raw body takes its place for ten minutes.
    `lead` has the fields of an inbound lead, in any length; neither email nor phone is required.
    `external_id` is the person's id at the provider, without the type's name. It identifies people who have neither
    email nor phone.
    `former_external_id` and `former_phone` are those that the person had before a change that the event reports.
    `account_id` is the page, phone number, portal, workspace, owner or advertiser that the item is for, where one
    callback serves many.
    `document` is what a mapping of the integration reads: the JSON of the item, or its form as an object.
    """

    kind: SourceEventKind = "lead"
    event_id: str | None = None
    lead: Mapping[str, Any] = field(default_factory=dict)
    attribution: Attribution = field(default_factory=lambda: Attribution())
    external_id: str | None = None
    former_external_id: str | None = None
    former_phone: str | None = None
    account_id: str | None = None
    object_id: str | None = None
    is_test: bool = False
    note: str = ""
    document: Any = None
