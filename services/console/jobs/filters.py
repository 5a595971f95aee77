"""What a bulk action is asked for, as an address says it: the kind of job, the filter and changes to payloads. Pure."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode

from multidict import MultiMapping
from typing_extensions import TypedDict

from shared.intake.payload_changes import PayloadChange, validate_changes
from shared.jobs.job_kinds import JobKind
from shared.outbound.deliveries import DeliveryKind
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import INT64_LIMIT, QueryFlag, QueryId, QueryText, UtcTime

JOB_KINDS: Final[tuple[JobKind, ...]] = ("replay", "release", "reject", "deliveries")
MAX_NAMED_IDS = 1000  # ids that an address may name
MAX_CHANGES = 50
MAX_CHANGES_LENGTH = 20_000  # characters of JSON
MAX_TEXT_LENGTH = 255  # characters of a channel or a source
LARGE_COUNT = 1000  # rows above which the number has to be typed
IGNORED_NAMES = frozenset(("kind", "ids", "changes", "page", "per_page", "sort"))  # names that are no filters
DELIVERY_KIND = "delivery_kind"  # `kind` says what is done, so that the kind of the deliveries has another name


class SubmissionBulkQuery(TypedDict, total=False):
    """The filters of the list of submissions."""

    state: Literal["dead", "quarantined"]
    channel: QueryText
    source: QueryText
    lead_id: QueryId
    cause: QueryId
    job: QueryId
    is_duplicate: QueryFlag
    rejected: QueryFlag
    unconfirmed: QueryFlag
    spam_reason: QueryText
    received_after: UtcTime
    received_before: UtcTime
    search: QueryText


class DeliveryBulkQuery(TypedDict, total=False):
    """The filters of the list of deliveries."""

    state: Literal["sent", "failed", "cancelled", "suppressed"]
    delivery_kind: DeliveryKind
    lead_id: QueryId
    cause: QueryId
    subscription_id: QueryId
    integration_id: QueryId
    created_after: UtcTime
    created_before: UtcTime


_SUBMISSION_SCHEMA = FieldsSchema(SubmissionBulkQuery)
_DELIVERY_SCHEMA = FieldsSchema(DeliveryBulkQuery)


@dataclass(frozen=True)
class BulkSelection:
    """The rows that a bulk action is for, and what is changed in them before they are replayed.

    `errors` name what the address says wrongly: such a selection must not be acted on, since a filter that is left out
    lets more match.
    """

    kind: JobKind
    filters: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[PayloadChange] | None = None
    errors: FieldErrors = field(default_factory=dict)

    def needs_typed_count(self, count: int) -> bool:
        """Return whether the number has to be typed."""
        return self.kind == "reject" or count > LARGE_COUNT

    def query_string(self) -> str:
        """Return the selection as the query of an address."""
        return urlencode({"kind": self.kind, **filter_values(self.kind, self.filters, self.changes)})


def filter_values(
    kind: str, filters: Mapping[str, Any], changes: Sequence[PayloadChange] | None = None
) -> dict[str, str]:
    """Return the values of a filter as an address spells them."""
    values = {
        DELIVERY_KIND if name == "kind" and kind == "deliveries" else name: _spelled(value)
        for name, value in filters.items()
        if value is not None
    }
    if changes:
        values["changes"] = json.dumps(changes, separators=(",", ":"), ensure_ascii=False)
    return values


def read_selection(query: MultiMapping[str]) -> BulkSelection | None:
    """Return the selection of an address, None if its kind is none."""
    kind = next((kind for kind in JOB_KINDS if kind == query.get("kind")), None)
    if kind is None:
        return None
    schema = _DELIVERY_SCHEMA if kind == "deliveries" else _SUBMISSION_SCHEMA
    sent = {name: query[name] for name in schema.fields.__annotations__ if query.get(name, "").strip()}
    filters, errors = schema.validate_fields(sent)
    for name in query.keys() - schema.fields.__annotations__.keys() - IGNORED_NAMES:
        errors[name] = ["There is no such filter."]
    for name in ("channel", "source", "spam_reason"):
        if len(filters.get(name) or "") > MAX_TEXT_LENGTH:
            errors[name] = ["This text is too long."]
    if DELIVERY_KIND in filters:
        filters["kind"] = filters.pop(DELIVERY_KIND)
    named = [text for part in query.getall("ids", []) for text in part.split(",") if text.strip()]
    if named:
        filters["ids"] = _read_ids(kind, named, errors)
    changes = _read_changes(query.get("changes", ""), errors) if kind == "replay" else None
    return BulkSelection(kind, {name: value for name, value in filters.items() if value is not None}, changes, errors)


def _read_ids(kind: JobKind, named: Sequence[str], errors: FieldErrors) -> list[Any]:
    try:
        if len(named) > MAX_NAMED_IDS:
            raise ValueError("too many")
        return [_delivery_id(text) if kind == "deliveries" else uuid.UUID(text.strip()) for text in named]
    except ValueError:
        errors["ids"] = [f"These are no ids, or more than {MAX_NAMED_IDS}."]
        return []


def _delivery_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) < INT64_LIMIT):
        raise ValueError("no id")
    return int(text)


def _read_changes(text: str, errors: FieldErrors) -> list[PayloadChange] | None:
    """Return the changes that an address names. Errors are added for what is no change."""
    if not text.strip():
        return None
    try:
        changes = json.loads(text) if len(text) <= MAX_CHANGES_LENGTH else None
    except (ValueError, RecursionError):
        changes = None
    if not isinstance(changes, list) or len(changes) > MAX_CHANGES or not all(_is_change(one) for one in changes):
        errors["changes"] = ["These are no changes."]
        return None
    errors |= validate_changes(changes)
    return cast("list[PayloadChange]", changes) or None


def _is_change(change: object) -> bool:
    return (
        isinstance(change, dict)
        and change.get("op") in ("set", "map", "drop")
        and isinstance(change.get("field"), str)
        and 0 < len(change["field"]) <= MAX_TEXT_LENGTH
        and isinstance(change.get("values", {}), dict)
        and change.keys() <= {"op", "field", "value", "values"}
    )


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return str(value)
