"""The fields of a webhook subscription as they are sent, and whether its address may be one. No database."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.outbound.address_policy import AddressPolicy
from shared.outbound.subscription_expressions import (
    MAX_FILTER_LENGTH,
    MAX_MAPPING_LENGTH,
    filter_problem,
    mapping_problem,
)
from shared.outbound.subscription_filters import SubscriptionFilters
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.validation.messages import ERROR_MESSAGES
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import HttpUrl, LongText, StrictFlag

FeedEventType = Literal[
    "lead.created",
    "lead.updated",
    "lead.deleted",
    "lead.merged",
    "lead.unmerged",
    "lead.duplicate",
    "lead.stage_changed",
    "lead.assigned",
    "tag.added",
    "form.submitted",
    "source.silent",
]
WebhookEventType = Literal[FeedEventType, "*"]
ALL_EVENTS: Final = "*"
EVENT_TYPES: Final[tuple[str, ...]] = get_args(FeedEventType)
MAX_RATE: Final = 6_000  # attempts a minute
FilterText = Annotated[str, StringConstraints(strict=True, max_length=MAX_FILTER_LENGTH)]
MappingText = Annotated[str, StringConstraints(strict=True, max_length=MAX_MAPPING_LENGTH)]
EXPRESSION_CHECKS: Final = {"filter_expression": filter_problem, "body_expression": mapping_problem}
EXPRESSION_MESSAGE: Final = "The {field} field cannot be read. {problem}"
PRIVATE_ADDRESS_MESSAGE: Final = (
    "The {field} field must not name a private address: nothing is sent there unless LEADHUB_ALLOWED_TARGETS has it."
)


class WebhookFields(TypedDict, total=False):
    url: HttpUrl
    events: Annotated[list[WebhookEventType], Strict(), Field(min_length=1, max_length=100)]
    description: LongText | None
    filters: SubscriptionFilters | None
    filter_expression: FilterText | None
    body_expression: MappingText | None
    max_per_minute: Annotated[int, Strict(), Field(ge=1, le=MAX_RATE)] | None
    is_active: StrictFlag


NEW_SUBSCRIPTION = FieldsSchema(WebhookFields, required=("url", "events"))
CHANGED_SUBSCRIPTION = FieldsSchema(WebhookFields)


def checked_fields(fields: Mapping[str, Any], errors: FieldErrors, allowed_targets: str) -> dict[str, Any]:
    """Return valid fields, each event once, and blank expressions as none.

    Raises ValidationFailed with `errors`, for an address that is blocked, and for an expression that cannot be read.
    Most addresses are only judged when their name is resolved.
    """
    checked = with_expressions(fields)
    all_errors = (target_errors(fields["url"], allowed_targets) if "url" in fields else {}) | errors
    all_errors |= expression_errors(checked)
    if all_errors:
        raise ValidationFailed(all_errors)
    if "events" in checked:
        checked["events"] = list(dict.fromkeys(checked["events"]))
    if checked.get("filters") is not None:
        checked["filters"] = {name: value for name, value in checked["filters"].items() if value is not None} or None
    return checked


def with_expressions(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields, with null for an expression that is blank."""
    blank = {name: None for name in EXPRESSION_CHECKS if name in fields and not (fields[name] or "").strip()}
    return {**fields, **blank}


def expression_errors(fields: Mapping[str, Any]) -> FieldErrors:
    """Return what is wrong with the expressions, each with its place in the text."""
    errors: FieldErrors = {}
    for name, find_problem in EXPRESSION_CHECKS.items():
        if fields.get(name) and (problem := find_problem(fields[name])):
            errors[name] = [EXPRESSION_MESSAGE.format(field=name, problem=problem)]
    return errors


def target_errors(url: str, allowed_targets: str, field: str = "url") -> FieldErrors:
    """Return what is wrong with an address that something shall be sent to, as far as its text tells."""
    try:
        is_refused = AddressPolicy.from_text(allowed_targets).refuses_url(url)
    except ValueError:
        return {field: [ERROR_MESSAGES["url"].format(field=field)]}
    return {field: [PRIVATE_ADDRESS_MESSAGE.format(field=field)]} if is_refused else {}
