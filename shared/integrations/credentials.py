"""Check, change and mask the credentials of an integration. Pure.

Credentials are stored as one encrypted JSON object of texts. Secrets are shown masked. A masked value that comes back,
such as from a form that was loaded and saved, changes nothing. An outbound type sends its secrets to the host, and as
the user, that are stored beside them. When those change, all secrets must be sent again. Otherwise a user who may not
read a secret could have it sent to a host of their own.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Set
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator
from typing_extensions import TypedDict

from shared.integrations.fields import INBOUND, CredentialField, IntegrationType, Kind
from shared.leads.contact import Invalid, normalise_email
from shared.masking import SECRET_MASK
from shared.validation import MESSAGES, Fields, Shape, is_url, said, text

SHOWN = 4  # characters at the end of a secret that are shown
LONG = 12  # characters; shorter secrets are masked completely
WHSEC = "whsec_"
ANEW = "The {field} field must be sent anew, since {changed} changes: a secret is not kept for another place or user."

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Credential = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int), text(10_000)]


def _one_by_one(value: Any) -> Any:
    """Check only that the value is an object.

    `merge_credentials` reads each credential separately, so that an invalid one does not make the others look missing.
    """
    if not isinstance(value, dict):
        raise said("The {field} field must be an object.")
    return value


Credentials = Annotated[
    dict[str, Any], PlainValidator(_one_by_one, json_schema_input_type=dict[str, Credential | None])
]


class _Sent(TypedDict, total=False):
    credentials: dict[str, Credential | None]


_read = Shape(_Sent).read


def merged(kind: IntegrationType, stored: Mapping[str, str], sent: Mapping[str, Any], errors: Fields) -> dict[str, str]:
    """Return the credentials to store after a change. Null removes a value, a masked value keeps it, others replace it.

    An outbound type keeps its secrets only if all other stored values stay the same. Errors go into `errors`, under
    `credentials.<key>`.
    """
    result, kept = dict(stored), set(stored)
    for key, raw in sent.items():
        field, value = kind.field(key), _sound(key, raw, errors)
        if field is None:
            _note(errors, key, f"The {{field}} field is no credential of the type {kind.type}.")
        elif not value:
            result.pop(key, None)
        elif not (field.secret and value == mask(stored.get(key))):
            result[key] = value
            kept.discard(key)
            _check(field, value, errors)
    for field in kind.fields:
        if field.required and field.key not in result and f"credentials.{field.key}" not in errors:
            _note(errors, field.key, MESSAGES["missing"])
    _refuse_to_keep(kind, kept & result.keys(), stored, result, errors)
    return result


def _refuse_to_keep(
    kind: IntegrationType, kept: Set[str], stored: Mapping[str, str], result: Mapping[str, str], errors: Fields
) -> None:
    beside = [field.key for field in kind.fields if not field.secret and kind.direction != INBOUND]
    changed = [key for key in beside if key in stored and result.get(key) != stored[key]]
    for field in kind.fields if changed else ():
        if field.secret and field.key in kept:
            _note(errors, field.key, ANEW, changed=" and ".join(changed))


def _sound(key: str, value: Any, errors: Fields) -> str | None:
    fields, wrong = _read({"credentials": {key: value}})
    errors |= wrong
    return fields["credentials"][key] if fields else None


def shown(kind: IntegrationType, stored: Mapping[str, str]) -> dict[str, str | None]:
    """Return every credential of the type, with secrets masked and null for those that are not set."""
    return {field.key: mask(stored.get(field.key)) if field.secret else stored.get(field.key) for field in kind.fields}


def mask(secret: str | None) -> str | None:
    """Return a secret in masked form. A long secret keeps its end, so that users can distinguish two secrets."""
    if secret is None:
        return None
    return SECRET_MASK + secret[-SHOWN:] if len(secret) >= LONG else SECRET_MASK


def whsec_bytes(secret: str) -> bytes:
    """Return the key in a Standard Webhooks secret, 24 to 64 bytes. Raises ValueError for other texts."""
    try:
        key = b64decode(secret.removeprefix(WHSEC), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not 24 <= len(key) <= 64:
        raise ValueError("not of 24 to 64 bytes")
    return key


def _check(field: CredentialField, value: str, errors: Fields) -> None:
    if field.secret and value.startswith(SECRET_MASK):
        _note(errors, field.key, "The {field} field must be the secret itself, not what is shown of it.")
    elif field.kind in _CHECKS and not _CHECKS[field.kind][0](value):
        _note(errors, field.key, _CHECKS[field.kind][1])


def _note(errors: Fields, key: str, message: str, **more: str) -> None:
    name = f"credentials.{key}"
    errors[name] = [message.format(field=name, **more)]


def _is_email(value: str) -> bool:
    try:
        normalise_email(value)
    except Invalid:
        return False
    return True


def _is_whsec(value: str) -> bool:
    try:
        whsec_bytes(value)
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 2**16


_CHECKS: dict[Kind, tuple[Callable[[str], Any], str]] = {
    "url": (is_url, MESSAGES["url"]),
    "port": (_is_port, "The {field} field must be a port: 1 to 65535."),
    "email": (_is_email, MESSAGES["email"]),
    "header": (_HEADER, "The {field} field must be the name of a header."),
    "whsec": (_is_whsec, "The {field} field must be whsec_ and 24 to 64 bytes in base64."),
}
