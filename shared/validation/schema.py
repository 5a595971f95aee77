"""Validation of client input. It reports every error of every field at once, in the words of the contract.

A schema wraps a `TypedDict` whose annotations are the rules. The OpenAPI document is made from the same annotations, so
that validation and documentation cannot differ.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

FieldErrors = dict[str, list[str]]

INT64_LIMIT = 2**63
UINT64_LIMIT = 2**64

ERROR_MESSAGES = {
    "missing": "The {field} field is required.",
    "string_too_short": "The {field} field is required.",
    "string_type": "The {field} field must be a string.",
    "string_too_long": "The {field} field must not be greater than {max_length} characters.",
    "string_pattern_mismatch": "The {field} field has an invalid format.",
    "email": "The {field} field must be a valid email address.",
    "int_type": "The {field} field must be an integer.",
    "int_from_float": "The {field} field must be an integer.",
    "greater_than_equal": "The {field} field must be at least {ge}.",
    "less_than_equal": "The {field} field must not be greater than {le}.",
    "bool_type": "The {field} field must be true or false.",
    "list_type": "The {field} field must be an array.",
    "dict_type": "The {field} field must be an object.",
    "typed_dict_type": "The {field} field must be an object.",
    "model_type": "The {field} field must be an object.",
    "too_long": "The {field} field must not have more than {max_length} items.",
    "too_short": "The {field} field must have at least {min_length} items.",
    "literal_error": "The {field} field must be one of: {expected}.",
    "datetime": "The {field} field must be an ISO 8601 date or time.",
    "number": "The {field} field must be a number.",
    "digits": "The {field} field must be a positive integer.",
    "flag": "The {field} field must be one of: true, false, 1, 0.",
    "url": "The {field} field must be an http or https URL.",
    "extra_forbidden": "The {field} field is not known here.",
    # An error with its own message, raised by a validator.
    "said": "{message}",
}
BAD_KEY_MESSAGE = "The {field} field must have keys of 1 to 100 characters."
BAD_TEXT_MESSAGE = "The {field} field must not contain null characters or lone surrogates."
BAD_NUMBER_MESSAGE = "The {field} field must be a number of at most 64 bits."


class InvalidFields(ValueError):
    """The body could be parsed, but some of its fields are invalid (422)."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__("The given data was invalid.")
        self.errors = errors


def custom_error(message: str) -> PydanticCustomError:
    """Return an error with its own message, for a validator to raise. `{field}` in it becomes the field's name."""
    return PydanticCustomError("said", "invalid", {"message": message})


def messages_by_field(error: ValidationError) -> FieldErrors:
    """Return the messages of a pydantic error by field. Names of nested fields contain dots."""
    found: FieldErrors = {}
    for detail in error.errors(include_url=False):
        field, message = _field_and_message(detail)
        if message not in found.setdefault(field, []):
            found[field].append(message)
    return found


def _field_and_message(detail: ErrorDetails) -> tuple[str, str]:
    location, kind = detail["loc"], detail["type"]
    if location and location[-1] == "[key]":
        field = str(location[0])
        return field, BAD_KEY_MESSAGE.format(field=field)
    field = ".".join(map(str, location)) or "body"
    context = {"expected": "", **detail.get("ctx", {})}
    if kind == "literal_error":
        context["expected"] = context["expected"].replace("'", "").replace(" or ", ", ")
    if kind == "said":
        return field, str(context["message"]).replace("{field}", field)
    return field, ERROR_MESSAGES.get(kind, "The {field} field is invalid.").format(field=field, **context)


def clean_value(value: Any, errors: FieldErrors, field: str | None = None) -> Any:
    """Return a copy that can be stored and shown. Add an entry to `errors` for each field that had to be changed."""
    if isinstance(value, dict):
        within = "" if field is None else f"{field}."
        fields = {key: f"{within}{escape_unstorable(key)}" for key in value}
        return {
            clean_value(key, errors, fields[key]): clean_value(item, errors, fields[key]) for key, item in value.items()
        }
    if isinstance(value, list):
        return [clean_value(item, errors, f"{field}.{index}") for index, item in enumerate(value)]
    field = field or ""
    if isinstance(value, str):
        text = escape_unstorable(value)
        if text != value:
            errors[field] = [BAD_TEXT_MESSAGE.format(field=field)]
        return text
    if isinstance(value, int) and not -INT64_LIMIT <= value < UINT64_LIMIT and "." in field:
        errors[field] = [BAD_NUMBER_MESSAGE.format(field=field)]
    return value


def escape_unstorable(text: str) -> str:
    """Return the text with characters that PostgreSQL or UTF-8 cannot represent replaced by escapes."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\u0000")


class FieldsSchema:
    """The fields of a body or query: a `TypedDict` (total=False), and the names of the required ones."""

    def __init__(self, fields: type, *, required: tuple[str, ...] = ()) -> None:
        self.fields = fields
        self.required = required
        self.adapter: TypeAdapter[Any] = TypeAdapter(fields)

    def validate_fields(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], FieldErrors]:
        """Return the valid fields that were sent, and the errors of the others. Unknown fields are left out.

        Blank text counts as null, since browsers send empty form fields that way.
        """
        errors: FieldErrors = {}
        known = {name: value[name] for name in self.fields.__annotations__ if name in value}
        known = {name: None if _is_blank(part) else part for name, part in clean_value(known, errors).items()}
        sent = {name: part for name, part in known.items() if not (part is None and name in self.required)}
        sound = {name: None if part == "" else part for name, part in self._validate_known(sent, errors).items()}
        broken = {field.partition(".")[0] for field in errors}
        for name in self.required:
            if name not in broken and sound.get(name) is None:
                errors[name] = [ERROR_MESSAGES["missing"].format(field=name)]
        return {name: part for name, part in sound.items() if name not in broken}, errors

    def _validate_known(self, known: dict[str, Any], errors: FieldErrors) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", self.adapter.validate_python(known))
        except ValidationError as error:
            found = messages_by_field(error)
        errors |= found
        broken = {field.partition(".")[0] for field in found}
        rest = {name: part for name, part in known.items() if name not in broken}
        return self._validate_known(rest, errors) if len(rest) < len(known) else {}


def _is_blank(part: Any) -> bool:
    return isinstance(part, str) and not part.strip()


def text_constraints(max_length: int, *, min_length: int = 0) -> Any:
    """Return the constraints of a text of limited length. Surrounding whitespace is removed."""
    return StringConstraints(strict=True, strip_whitespace=True, min_length=min_length or None, max_length=max_length)


Text64 = Annotated[str, text_constraints(64)]
Text100 = Annotated[str, text_constraints(100)]
Text255 = Annotated[str, text_constraints(255)]
RequiredName = Annotated[str, text_constraints(255, min_length=1)]
LongText = Annotated[str, text_constraints(10_000)]
ColorText = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, max_length=32, pattern=r"^[#\w(),.% -]*$")
]
RecordId = Annotated[int, Strict(), Field(ge=1, le=INT64_LIMIT - 1)]
StrictInt32 = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1)]
StrictFlag = Annotated[bool, Strict()]


def _parse_time(value: Any) -> datetime:
    """Parse a date (as 00:00 UTC) or a time. A time without an offset is in UTC."""
    if not isinstance(value, str):
        raise PydanticCustomError("datetime", "no time")
    try:
        found = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # also one whose year in UTC would be 0 or 10000
        raise PydanticCustomError("datetime", "no time") from None


UtcTime = Annotated[
    datetime,
    BeforeValidator(_parse_time, json_schema_input_type=date | datetime),
    PlainSerializer(datetime.isoformat, return_type=str),
]

_match_url = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.IGNORECASE).fullmatch


def is_url(text: str) -> bool:
    """Return whether the text is an http or https URL whose host and port can be parsed."""
    if not _match_url(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, a port beyond 65535, a letter that becomes a slash
        return False


def _require_url(value: Any) -> Any:
    if isinstance(value, str) and not (len(value) <= 2048 and is_url(value.strip())):
        raise PydanticCustomError("url", "no URL")
    return value


HttpUrl = Annotated[
    str, BeforeValidator(_require_url), text_constraints(2048), Field(json_schema_extra={"format": "uri"})
]


def _parse_digits(value: Any) -> int:
    digits = value.lstrip("0") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit() and int(digits[:20]) < INT64_LIMIT):
        raise PydanticCustomError("digits", "no positive integer")
    return int(digits)


def _parse_flag(value: Any) -> bool:
    if value not in ("true", "false", "1", "0"):
        raise PydanticCustomError("flag", "neither true nor false")
    return value in ("true", "1")


# Types of query parameters, whose values are always text.
QueryId = Annotated[
    int, BeforeValidator(_parse_digits, json_schema_input_type=Annotated[int, Field(ge=1, lt=INT64_LIMIT)])
]
QueryFlag = Annotated[bool, BeforeValidator(_parse_flag, json_schema_input_type=bool)]
QueryText = Annotated[str, text_constraints(1000)] | None  # blank text counts as absent
