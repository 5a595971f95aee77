"""Parse and validate the body of `POST /api/inbound/leads`. Pure.

`InboundLead` defines both the check and the OpenAPI document. Only the shape is checked here. A problem that only the
database can find becomes a warning later and never refuses a lead.
"""

import codecs
import json
import re
from collections.abc import Iterator
from math import isinf
from typing import Annotated, Any, NoReturn, Required

import orjson
from pydantic import AfterValidator, Field, Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.form_encoding import MAX_NESTING_DEPTH, MalformedBody, typed_fields
from shared.leads.submission import KNOWN_FIELDS
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import messages_by_field
from shared.platform.validation.schema import InvalidFields, clean_value
from shared.platform.validation.types import INT64_LIMIT, UINT64_LIMIT, RecordId, StrictFlag, Text100, Text255

__all__ = [
    "INBOUND_LEAD",
    "MAX_NESTING_DEPTH",
    "TOO_DEEP_MESSAGE",
    "InboundLead",
    "InvalidFields",
    "MalformedBody",
    "iter_array_items",
    "parse_item",
    "parse_json",
    "validate_form",
    "validate_lead",
    "validate_object",
]


def _check_email(text: str) -> str:
    try:
        normalise_email(text)
    except InvalidContact as error:
        raise PydanticCustomError("email", "not an email address") from error
    return text


InboundNotes = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, max_length=10_000)]
EmailAddress = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=254),
    AfterValidator(_check_email),
    Field(json_schema_extra={"format": "email"}),
]
InboundTags = Annotated[list[Text100], Strict(), Field(max_length=100)]
CustomFieldKey = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100)]
CustomFields = Annotated[dict[CustomFieldKey, Any], Strict(), Field(max_length=200)]


class InboundLead(TypedDict, total=False):
    """One lead as a source sends it. Null and blank mean "not sent"; unknown fields stay on the submission alone."""

    email: Required[EmailAddress]
    first_name: Text255 | None
    last_name: Text255 | None
    phone: Text255 | None
    company: Text255 | None
    job_title: Text255 | None
    country: Text100 | None
    source: Text255 | None
    status: Text255 | None
    notes: InboundNotes | None
    tags: InboundTags | None
    custom_fields: CustomFields | None
    pipeline_id: RecordId | None
    pipeline_stage_id: RecordId | None
    assigned_user_id: RecordId | None
    starred: StrictFlag | None


# This many digits in a row may be an integer beyond 64 bits. Only then is the whole value searched for one.
_LONG_NUMBER = b"0" * 19
_DIGIT_MASK = bytes(ord("0") if chr(byte).isdecimal() else ord(" ") for byte in range(256))

_MAX_INTEGER_LENGTH = 1000  # characters; Python reads up to 4,300, in quadratic time

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")
_NON_JSON_CONSTANT = re.compile(r'"(?:[^"\\]++|\\.)*+"|(-?Infinity|NaN)', re.DOTALL)
TOO_DEEP_MESSAGE = f"The body is nested over {MAX_NESTING_DEPTH} levels."

INBOUND_LEAD: TypeAdapter[InboundLead] = TypeAdapter(InboundLead)
_validate_python = INBOUND_LEAD.validator.validate_python


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body, nested at most `MAX_NESTING_DEPTH` deep. Raises `MalformedBody`."""
    return _parse_body(body)[0]


def iter_array_items(body: bytes) -> Iterator[Any]:
    """Yield the values of a JSON array, each read on demand, of any depth. Raises `MalformedBody`."""
    text = _decode_utf8(body)
    at = _skip_white_space(text, 0)
    if text[at : at + 1] != "[":
        raise MalformedBody("The body must be a JSON array.")
    end, at = at, _skip_white_space(text, at + 1)
    mark = ","
    if text[at : at + 1] == "]":
        mark, end, at = "]", at, _skip_white_space(text, at + 1)
    while mark == ",":
        try:
            value, at = _JSON_DECODER.raw_decode(text, at)
        except (RecursionError, ValueError) as error:
            raise _malformed_value(error, text, at) from error
        yield value
        end = _skip_white_space(text, at)
        mark = text[end : end + 1]
        at = _skip_white_space(text, end + 1)
    if mark != "]":
        raise _invalid_json(text, end, "expecting ',' or ']'")
    if at < len(text):
        raise _invalid_json(text, at, "extra data")


def parse_item(line: bytes, number: int = 1) -> Any:
    """Return the JSON value, of any depth, of a body or of one line of a body. Raises `MalformedBody`."""
    text = _decode_utf8(line)
    try:
        return _JSON_DECODER.decode(text)
    except (RecursionError, ValueError) as error:
        raise _malformed_value(error, text, 0, number) from error


def validate_lead(body: bytes) -> dict[str, Any]:
    """Return the sent fields of a lead, unknown ones too. Raises `MalformedBody` or the validation error."""
    value, plain = _parse_body(body)
    if not isinstance(value, dict):
        raise MalformedBody("The body must be a JSON object.")
    return _checked_fields(value) if plain else _checked_closely(value)


def validate_object(value: dict[str, Any]) -> dict[str, Any]:
    """Validate an object that was parsed already, such as an item of a batch. Raises the validation error."""
    return _checked_fields(value) if _is_storable(value) else _checked_closely(value)


def validate_form(form: dict[str, Any]) -> dict[str, Any]:
    """Validate the result of `read_form`, in which ids and `starred` are text. Raises the validation error."""
    return validate_object(typed_fields(form))


def _parse_body(body: bytes) -> tuple[Any, bool]:
    """Return the value, and whether every text and number in it is known to be storable."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:  # lone surrogates are legal JSON, but orjson refuses them
        value = parse_item(body)
        _limit_depth(value, body)
        return value, False
    _limit_depth(value, body)
    if b"\\u0000" in body or (_LONG_NUMBER in body.translate(_DIGIT_MASK) and _has_huge_float([value])):
        return parse_item(body), False
    return value, True


def _decode_utf8(body: bytes) -> str:
    if body.startswith(codecs.BOM_UTF8):
        raise MalformedBody(
            "The body begins with a byte order mark, which is no JSON: send it without (UTF-8, no BOM)."
        )
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not valid UTF-8.") from error


def _malformed_value(error: RecursionError | ValueError, text: str, start: int, first: int = 1) -> MalformedBody:
    """Return the error for the value that begins at `start`. `first` is the number of the text's first line."""
    if isinstance(error, RecursionError):
        return MalformedBody("The body is nested too deeply.")
    if isinstance(error, json.JSONDecodeError):
        wrong = error.msg.removesuffix(" at").removesuffix(" starting")  # the position is appended below
        return _invalid_json(text, error.pos, wrong[:1].lower() + wrong[1:], first)
    # The decoder does not say where a constant is. All before it is valid, so it is the first one outside a string.
    found = next((match for match in _NON_JSON_CONSTANT.finditer(text, start) if match[1]), None)
    return _invalid_json(text, found.start() if found else start, str(error), first)


def _invalid_json(text: str, at: int, wrong: str, first: int = 1) -> MalformedBody:
    """Return the error for JSON that is not valid at that position."""
    line, column = text.count("\n", 0, at) + first, at - text.rfind("\n", 0, at)
    return MalformedBody(f"The body is not valid JSON at line {line}, column {column}: {wrong}.")


def _skip_white_space(text: str, at: int) -> int:
    """Return the position behind the white space that begins at `at`."""
    found = _WHITE_SPACE.match(text, at)
    return found.end() if found else at


class _UnstorableNumber(int):
    """A number that cannot be stored, with its digits. It compares as an integer of more than 64 bits."""

    digits: str

    def __str__(self) -> str:
        return self.digits


def _unstorable_number(digits: str) -> _UnstorableNumber:
    number = _UnstorableNumber(-(2 * UINT64_LIMIT) if digits.startswith("-") else 2 * UINT64_LIMIT)
    number.digits = digits
    return number


def _parse_float(digits: str) -> float | _UnstorableNumber:
    return _unstorable_number(digits) if isinf(number := float(digits)) else number


def _parse_integer(digits: str) -> int:
    return int(digits) if len(digits) < _MAX_INTEGER_LENGTH else _unstorable_number(digits)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


_JSON_DECODER = json.JSONDecoder(parse_float=_parse_float, parse_int=_parse_integer, parse_constant=_refuse_constant)


def _limit_depth(value: Any, body: bytes) -> None:
    # A value is never nested deeper than its number of opening brackets, and most have far fewer than the limit.
    if body.count(b"{") + body.count(b"[") > MAX_NESTING_DEPTH and _is_too_deep(value):
        raise MalformedBody(TOO_DEEP_MESSAGE)


def _is_too_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(MAX_NESTING_DEPTH + 1):
        layer = [node for node in layer if isinstance(node, dict | list)]
        if not layer:
            return False
        layer = [child for node in layer for child in (node.values() if isinstance(node, dict) else node)]
    return True


def _has_huge_float(node: Any) -> bool:
    """Return whether a float may be an integer beyond 64 bits. orjson silently reads such integers as floats."""
    for value in node.values() if node.__class__ is dict else node:
        kind = value.__class__
        if kind is float:
            if not -INT64_LIMIT < value < INT64_LIMIT:
                return True
        elif (kind is dict or kind is list) and _has_huge_float(value):
            return True
    return False


def _is_storable(value: dict[str, Any]) -> bool:
    try:
        return b"\\u0000" not in orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate, or an integer beyond 64 bits
        return False


def _checked_fields(value: dict[str, Any]) -> dict[str, Any]:
    try:
        fields = _validate_python(value)
    except ValidationError as error:
        # A blank value counts as not sent, even in a field that takes no text: no-code tools send empty fields as "",
        # and PHP writes an object without members as `[]`. This is checked last to keep ordinary leads fast.
        told = {name: part for name, part in value.items() if not _is_blank(name, part)}
        if len(told) < len(value):
            return _checked_fields(told)
        raise InvalidFields(_error_messages(error)) from error
    filled_fields = {name: field for name, field in fields.items() if field is not None and field != ""}
    if "tags" in filled_fields:
        filled_fields["tags"] = [tag for tag in filled_fields["tags"] if tag]
    if len(fields) < len(value):
        filled_fields |= {name: _storable_unknown(field) for name, field in value.items() if name not in KNOWN_FIELDS}
    return filled_fields


def _is_blank(name: str, value: Any) -> bool:
    return not value.strip() if isinstance(value, str) else name == "custom_fields" and value == []


def _storable_unknown(unknown: Any) -> Any:
    """Return an unknown field as the submission keeps it. A number that orjson cannot write becomes text."""
    return str(unknown) if isinstance(unknown, int) and not -INT64_LIMIT <= unknown < UINT64_LIMIT else unknown


def _checked_closely(value: dict[str, Any]) -> dict[str, Any]:
    """Check fields, with a message for each text and number that is legal JSON but cannot be stored."""
    unstorable: FieldErrors = {}
    sound = clean_value(value, unstorable)
    try:
        checked_fields = _checked_fields(sound)
    except InvalidFields as refusal:
        raise InvalidFields(refusal.errors | unstorable) from refusal
    if unstorable:
        raise InvalidFields(unstorable)
    return checked_fields


def _error_messages(error: ValidationError) -> FieldErrors:
    """Return the messages by field. An email of null counts as not sent."""
    found = messages_by_field(error)
    missing = any(detail["loc"] == ("email",) and detail["input"] is None for detail in error.errors(include_url=False))
    return {**found, "email": ["The email field is required."]} if missing else found
