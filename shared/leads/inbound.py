"""The body of `POST /api/inbound/leads`: what may be sent, and what a caller is told when it may not.

`InboundLead` is the authority, for the check and for the OpenAPI document alike. Checks of shape only: what the
database alone can tell becomes a warning later, and never refuses a lead.
"""

import json
import re
from math import isinf
from typing import Annotated, Any, NoReturn, Required

import orjson
from pydantic import AfterValidator, Field, Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict

from shared.leads.contact import Invalid, normalise_email
from shared.leads.forms import MAX_DEPTH, Malformed, typed_fields

__all__ = [
    "INBOUND_LEAD",
    "MAX_DEPTH",
    "InboundLead",
    "Malformed",
    "Unacceptable",
    "parse",
    "validate",
    "validate_form",
    "validate_object",
]

_INT64 = 2**63
_UINT64 = 2**64


_MESSAGES = {
    "missing": "The {field} field is required.",
    "string_too_short": "The {field} field is required.",
    "string_type": "The {field} field must be a string.",
    "string_too_long": "The {field} field must not be greater than {max_length} characters.",
    "email": "The {field} field must be a valid email address.",
    "int_type": "The {field} field must be an integer.",
    "greater_than_equal": "The {field} field must be at least {ge}.",
    "less_than_equal": "The {field} field must not be greater than {le}.",
    "bool_type": "The {field} field must be true or false.",
    "list_type": "The {field} field must be an array.",
    "dict_type": "The {field} field must be an object.",
    "too_long": "The {field} field must not have more than {max_length} items.",
}
_BAD_KEY = "The {field} field must have keys of 1 to 100 characters."
_BAD_TEXT = "The {field} field must not contain null characters or lone surrogates."
_BAD_NUMBER = "The {field} field must be a number of at most 64 bits."


class Unacceptable(ValueError):
    """The body was read, but fields in it cannot be taken (422)."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("The given data was invalid.")
        self.errors = errors


def _is_email(text: str) -> str:
    try:
        normalise_email(text)
    except Invalid as error:
        raise PydanticCustomError("email", "not an email address") from error
    return text


Text50 = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=50)]
Text64 = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=64)]
Text100 = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=100)]
Text255 = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=255)]
Notes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=10_000)]
Email = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=254),
    AfterValidator(_is_email),
    Field(json_schema_extra={"format": "email"}),
]
Id = Annotated[int, Strict(), Field(ge=1, le=_INT64 - 1)]
Flag = Annotated[bool, Strict()]
Tags = Annotated[list[Text100], Strict(), Field(max_length=100)]
CustomKey = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]
CustomFields = Annotated[dict[CustomKey, Any], Strict(), Field(max_length=200)]


class InboundLead(TypedDict, total=False):
    """One lead as a source sends it. Null and blank mean "not sent", unknown fields are ignored."""

    email: Required[Email]
    first_name: Text255 | None
    last_name: Text255 | None
    phone: Text64 | None
    company: Text255 | None
    job_title: Text255 | None
    country: Text100 | None
    source: Text255 | None
    status: Text50 | None
    notes: Notes | None
    tags: Tags | None
    custom_fields: CustomFields | None
    pipeline_id: Id | None
    pipeline_stage_id: Id | None
    assigned_user_id: Id | None
    starred: Flag | None


# What may be an integer beyond 64 bits: a walk through the value is only then worth its price.
_LONG_NUMBER = re.compile(rb"[0-9]{19}|[0-9.][eE]").search

INBOUND_LEAD: TypeAdapter[InboundLead] = TypeAdapter(InboundLead)
_validate = INBOUND_LEAD.validator.validate_python


def parse(body: bytes, *, levels: int = MAX_DEPTH) -> Any:
    """The JSON value of a body, nested at most `levels` deep. Raises `Malformed`."""
    return _read(body, levels)[0]


def validate(body: bytes) -> dict[str, Any]:
    """The fields of a lead that were sent and may be kept. Raises `Malformed` or `Unacceptable`."""
    value, plain = _read(body, MAX_DEPTH)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return _checked(value) if plain else _checked_closely(value)


def validate_object(value: dict[str, Any]) -> dict[str, Any]:
    """As `validate`, for an object that `parse` read already (an item of a batch)."""
    return _checked(value) if _is_plain(value) else _checked_closely(value)


def validate_form(form: dict[str, Any]) -> dict[str, Any]:
    """As `validate`, for what `read_form` returns: ids and `starred` come as text there."""
    return validate_object(typed_fields(form))


def _read(body: bytes, levels: int) -> tuple[Any, bool]:
    """The value, and whether it is plain: sure to hold no text and no number that the store could not keep."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:  # lone surrogates are legal JSON, but not to orjson
        value = _read_slowly(body)
        _limit_depth(value, body, levels)
        return value, False
    _limit_depth(value, body, levels)
    if b"\\u0000" in body or (_LONG_NUMBER(body) and _has_huge_float([value])):
        return _read_slowly(body), False
    return value, True


def _read_slowly(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_float=_finite, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise Malformed("The body is nested too deeply.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error


def _finite(digits: str) -> float:
    number = float(digits)
    return _refuse(digits) if isinf(number) else number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _limit_depth(value: Any, body: bytes, levels: int) -> None:
    # No value is nested deeper than it has opening brackets, and most have far fewer than the limit.
    if body.count(b"{") + body.count(b"[") > levels and _is_deeper(value, levels):
        raise Malformed(f"The body is nested over {levels} levels.")


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        layer = [node for node in layer if isinstance(node, dict | list)]
        if not layer:
            return False
        layer = [child for node in layer for child in (node.values() if isinstance(node, dict) else node)]
    return True


def _has_huge_float(node: Any) -> bool:
    """Whether a number may be an integer beyond 64 bits, which orjson silently reads as a float."""
    for value in node.values() if node.__class__ is dict else node:
        kind = value.__class__
        if kind is float:
            if not -_INT64 < value < _INT64:
                return True
        elif (kind is dict or kind is list) and _has_huge_float(value):
            return True
    return False


def _is_plain(value: dict[str, Any]) -> bool:
    try:
        return b"\\u0000" not in orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate, or an integer beyond 64 bits
        return False


def _checked(value: dict[str, Any]) -> dict[str, Any]:
    try:
        fields = _validate(value)
    except ValidationError as error:
        raise Unacceptable(_messages(error)) from error
    sent = {name: field for name, field in fields.items() if field is not None and field != ""}
    if "tags" in sent:
        sent["tags"] = [tag for tag in sent["tags"] if tag]
    return sent


def _checked_closely(value: dict[str, Any]) -> dict[str, Any]:
    """As `_checked`, with a message for each text and number that is legal JSON but could not be stored."""
    unstorable: dict[str, list[str]] = {}
    cleaned = _cleaned(value, "", unstorable)
    try:
        sent = _checked(cleaned)
    except Unacceptable as refusal:
        raise Unacceptable(refusal.errors | unstorable) from refusal
    if unstorable:
        raise Unacceptable(unstorable)
    return sent


def _cleaned(value: Any, field: str, errors: dict[str, list[str]]) -> Any:
    """A copy that could be stored and shown, with what could not noted in `errors` under its field."""
    if isinstance(value, dict):
        fields = {key: f"{field}.{_storable(key)}".lstrip(".") for key in value}
        return {_cleaned(key, fields[key], errors): _cleaned(item, fields[key], errors) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, f"{field}.{index}", errors) for index, item in enumerate(value)]
    if isinstance(value, str):
        text = _storable(value)
        if text != value:
            errors[field] = [_BAD_TEXT.format(field=field)]
        return text
    if isinstance(value, int) and not -_INT64 <= value < _UINT64 and field.startswith("custom_fields."):
        errors[field] = [_BAD_NUMBER.format(field=field)]
    return value


def _storable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\u0000")


def _messages(error: ValidationError) -> dict[str, list[str]]:
    messages: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        field, message = _message(detail)
        if message not in messages.setdefault(field, []):
            messages[field].append(message)
    return messages


def _message(detail: ErrorDetails) -> tuple[str, str]:
    location, kind = detail["loc"], detail["type"]
    if location[-1] == "[key]":
        field = str(location[0])
        return field, _BAD_KEY.format(field=field)
    field = ".".join(map(str, location))
    if field == "email" and detail["input"] is None:
        kind = "missing"
    template = _MESSAGES.get(kind, "The {field} field is invalid.")
    return field, template.format(field=field, **detail.get("ctx", {}))
