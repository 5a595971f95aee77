"""The part of a submission's body that belongs to the provider's webhook by which it came. Pure.

It stands under `SOURCE_KEY`, beside the fields of the lead, so that it is as durable as these, in the journal and in
the spool. It exists for submissions on the channel `integration:<id>`.
"""

import base64
from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from shared.leads.duplicate_policy import MergePolicy


class SourcePart(TypedDict, total=False):
    """What a webhook says beside the lead.

    `type`: the integration's type. `policy`: its merge policy, if it has one.
    `attribution`: see `shared/integrations/attribution.py`. `external_id`: an identity, as `<type>:<id>`.
    `former_external_id`, `former_phone`: by which the person was known before a change.
    `document`: the item as it came, as JSON. `raw`, in the first item of a request only: the request's body and some
    of its headers. `raw_in`: the id of the submission with that body, in the others.
    `is_test`: no lead is made. `unreadable`: why the body could not be read; it becomes a dead submission.
    `fetch`: the id of a lead that a worker has to fetch. `deletion`: the id of a person whom the provider wants
    forgotten.
    """

    type: str
    policy: MergePolicy | None
    attribution: dict[str, Any]
    external_id: str
    former_external_id: str
    former_phone: str
    document: Any
    raw: dict[str, Any]
    raw_in: str
    is_test: bool
    unreadable: str
    fetch: str
    deletion: str


class RawRequest(TypedDict, total=False):
    """A request's body and headers. `text` if the body is UTF-8 without NUL, else `base64`. `size` is in bytes.

    A body beyond the limit is cut: `is_cut`.
    """

    method: str
    headers: dict[str, str]
    text: str
    base64: str
    size: int
    is_cut: bool


def makes_no_lead(body: dict[str, Any], part: SourcePart) -> bool:
    """Return whether a submission makes no lead by itself: a test, an unreadable body, or only an id.

    A body that was fixed has fields of a lead beside its source part.
    """
    if part.get("is_test"):
        return True
    return len(body) == 1 and any(name in part for name in ("unreadable", "fetch", "deletion"))


def raw_bytes(raw: Mapping[str, Any]) -> bytes:
    """Return the body of a raw request."""
    if "base64" in raw:
        return base64.b64decode(raw["base64"])
    return str(raw.get("text", "")).encode(errors="surrogatepass")
