"""Validation of client input. It reports every error of every field at once.

A schema wraps a `TypedDict` whose annotations are the rules. The OpenAPI document is made from the same annotations, so
that validation and documentation cannot differ.
"""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import BAD_NUMBER_MESSAGE, BAD_TEXT_MESSAGE, ERROR_MESSAGES, messages_by_field
from shared.platform.validation.types import is_storable_number


class InvalidFields(ValueError):
    """The body could be parsed, but some of its fields are invalid (422)."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__("The given data was invalid.")
        self.errors = errors


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
    if isinstance(value, int) and not is_storable_number(value) and "." in field:
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
