"""Check, change and mask the credentials of an integration. Pure.

Credentials are stored as one encrypted JSON object of texts. Secrets are shown masked. A masked value that comes back,
such as from a form that was loaded and saved, changes nothing. An outbound type sends its secrets to the host, and as
the user, that are stored beside them. When those change, all secrets must be sent again. Otherwise a user who may not
read a secret could have it sent to a host of their own.
"""

import json
import re
from collections.abc import Callable, Mapping, Set
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator
from typing_extensions import TypedDict

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, CredentialKind, IntegrationType
from shared.integrations.webhook_keys import decode_webhook_key
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.outbound.address_policy import is_host
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK
from shared.platform.validation.messages import ERROR_MESSAGES, custom_error
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import is_url, text_constraints

SHOWN_SECRET_CHARS = 4  # characters at the end of a secret that are shown
MIN_PARTLY_SHOWN_CHARS = 12  # characters; shorter secrets are masked completely
SEND_AGAIN_MESSAGE = (
    "The {field} field must be sent again, since {changed} changes: a secret is not kept for another place or user."
)

MAIL_SECURITY_CHOICES = ("tls", "starttls")  # from the first byte, or before anything else is said
MAX_LINE_CHARS = 100

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


CredentialText = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int), text_constraints(10_000)]


def _check_object(value: Any) -> Any:
    """Check only that the value is an object.

    `merge_credentials` reads each credential separately, so that an invalid one does not make the others look missing.
    """
    if not isinstance(value, dict):
        raise custom_error("The {field} field must be an object.")
    return value


CredentialTexts = Annotated[
    dict[str, Any], PlainValidator(_check_object, json_schema_input_type=dict[str, CredentialText | None])
]


class _SentCredentials(TypedDict, total=False):
    credentials: dict[str, CredentialText | None]


_read_credentials = FieldsSchema(_SentCredentials).validate_fields


def merge_credentials(
    kind: IntegrationType, stored: Mapping[str, str], fields: Mapping[str, Any], errors: FieldErrors
) -> dict[str, str]:
    """Return the credentials to store after a change. Null removes a value, a masked value keeps it, others replace it.

    An outbound type keeps its secrets only if all other stored values stay the same. Errors go into `errors`, under
    `credentials.<key>`.
    """
    result, kept_keys = dict(stored), set(stored)
    for key, raw in fields.items():
        field, value = kind.credential_field(key), _read_value(key, raw, errors)
        if field is None:
            _add_error(errors, key, f"The {{field}} field is no credential of the type {kind.type}.")
        elif not value:
            result.pop(key, None)
        elif not (field.secret and value == mask_secret(stored.get(key))):
            result[key] = value
            kept_keys.discard(key)
            _check_value(field, value, errors)
    for field in kind.fields:
        if field.required and field.key not in result and f"credentials.{field.key}" not in errors:
            _add_error(errors, field.key, ERROR_MESSAGES["missing"])
    _refuse_kept_secrets(kind, kept_keys & result.keys(), stored, result, errors)
    return result


def _refuse_kept_secrets(
    kind: IntegrationType,
    kept_keys: Set[str],
    stored: Mapping[str, str],
    result: Mapping[str, str],
    errors: FieldErrors,
) -> None:
    beside = [field.key for field in kind.fields if not field.secret and kind.direction != INBOUND_ONLY]
    changed = [key for key in beside if key in stored and result.get(key) != stored[key]]
    for field in kind.fields if changed else ():
        if field.secret and field.key in kept_keys:
            _add_error(errors, field.key, SEND_AGAIN_MESSAGE, changed=" and ".join(changed))


def _read_value(key: str, value: Any, errors: FieldErrors) -> str | None:
    fields, wrong = _read_credentials({"credentials": {key: value}})
    errors |= wrong
    return fields["credentials"][key] if fields else None


def shown_credentials(kind: IntegrationType, stored: Mapping[str, str]) -> dict[str, str | None]:
    """Return every credential of the type, with secrets masked and null for those that are not set."""
    return {
        field.key: mask_secret(stored.get(field.key)) if field.secret else stored.get(field.key)
        for field in kind.fields
    }


def mask_secret(secret: str | None) -> str | None:
    """Return a secret in masked form. A long secret keeps its end, so that users can distinguish two secrets."""
    if secret is None:
        return None
    return SECRET_MASK + secret[-SHOWN_SECRET_CHARS:] if len(secret) >= MIN_PARTLY_SHOWN_CHARS else SECRET_MASK


def _check_value(field: CredentialField, value: str, errors: FieldErrors) -> None:
    if field.secret and value.startswith(SECRET_MASK):
        _add_error(errors, field.key, "The {field} field must be the secret itself, not what is shown of it.")
    elif field.kind in _KIND_CHECKS and not _KIND_CHECKS[field.kind][0](value):
        _add_error(errors, field.key, _KIND_CHECKS[field.kind][1])


def _add_error(errors: FieldErrors, key: str, message: str, **more: str) -> None:
    name = f"credentials.{key}"
    errors[name] = [message.format(field=name, **more)]


def _is_email(value: str) -> bool:
    try:
        normalise_email(value)
    except InvalidContact:
        return False
    return True


def _is_short_line(value: str) -> bool:
    return value.isprintable() and len(value) <= MAX_LINE_CHARS


def _is_token(value: str) -> bool:
    """Return whether a header of a request can bear the value."""
    return value.isascii() and value.isprintable() and " " not in value


def _is_whsec(value: str) -> bool:
    try:
        decode_webhook_key(value)
    except ValueError:
        return False
    return True


def _is_number_of_account(value: str) -> bool:
    digits = value.replace("-", "")
    return digits.isascii() and digits.isdigit() and len(digits) <= 20


def _is_service_account_key(value: str) -> bool:
    try:
        key = json.loads(value)
    except ValueError:
        return False
    names = ("client_email", "private_key")
    return isinstance(key, dict) and all(isinstance(key.get(name), str) and key[name] for name in names)


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 2**16


_KIND_CHECKS: dict[CredentialKind, tuple[Callable[[str], Any], str]] = {
    "url": (is_url, ERROR_MESSAGES["url"]),
    "line": (_is_short_line, f"The {{field}} field must be one line of {MAX_LINE_CHARS} characters at most."),
    "host": (is_host, "The {field} field must be the name or the address of a host, such as smtp.example.com."),
    "mail_security": (
        MAIL_SECURITY_CHOICES.__contains__,
        "The {field} field must be tls or starttls, or empty: TLS on port 465, otherwise STARTTLS where it is offered.",
    ),
    "port": (_is_port, "The {field} field must be a port: 1 to 65535."),
    "email": (_is_email, ERROR_MESSAGES["email"]),
    "digits": (_is_number_of_account, "The {field} field must be the number of an account, such as 123-456-7890."),
    "service_account": (
        _is_service_account_key,
        "The {field} field must be the JSON key of a service account: an object with client_email and private_key.",
    ),
    "header": (_HEADER_NAME, "The {field} field must be the name of a header."),
    "token": (_is_token, "The {field} field must be one line of ASCII characters without spaces."),
    "whsec": (
        _is_whsec,
        "The {field} field must be whsec_ and 24 to 64 bytes in base64, or whpk_ and an ed25519 public key in base64.",
    ),
}
