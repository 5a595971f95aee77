"""Error messages of validation, by field."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from shared.platform.errors import FieldErrors

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


def custom_error(message: str) -> PydanticCustomError:
    """Return an error with its own message, for a validator to raise. `{field}` in it becomes the field's name."""
    return PydanticCustomError("said", "invalid", {"message": message})


def messages_by_field(error: ValidationError) -> FieldErrors:
    """Return the messages of a pydantic error by field. Names of nested fields contain dots."""
    messages: FieldErrors = {}
    for detail in error.errors(include_url=False):
        field, message = _field_and_message(detail)
        if message not in messages.setdefault(field, []):
            messages[field].append(message)
    return messages


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
