"""Values as the audit log keeps them: settings in clear, secrets and personal data only by the names of their fields.

Pure.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.platform.masking import SECRET_MASK

PERSONAL_MASK = "…"
MAX_TEXT_LENGTH = 200  # characters
MAX_ITEMS = 50  # of a list or an object
MAX_DEPTH = 8

_SECRET_NAME = re.compile(r"secret|token|password|passwd|credential|authorization|signature|(api|private)_key", re.I)
_is_personal = re.compile(
    r"e?mail|phone|first_name|last_name|full_name|company|address|payload|notes$|^to$|custom_fields|job_title|^q$|search",
    re.I,
).search
# Objects whose name is that of a person, and whose note is about one.
PERSON_KINDS = frozenset(("user", "lead", "session", "account", "suppression"))
_LOOKS_PERSONAL = re.compile(r"@|\+?\d[\d\s()./-]{6,}\d")


def masked_fields(fields: Mapping[str, Any] | None, object_kind: str | None = None) -> dict[str, Any] | None:
    """Return fields of an object as the audit log keeps them."""
    if fields is None:
        return None
    hidden = ("name", "note") if object_kind in PERSON_KINDS else ()
    return {
        clean_text(name): PERSONAL_MASK if name in hidden and value is not None else _masked(name, value, 0)
        for name, value in list(fields.items())[:MAX_ITEMS]
    }


def is_secret_name(name: str) -> bool:
    """Return whether a field of that name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def _masked(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(name):
        return SECRET_MASK
    if _is_personal(name) or depth > MAX_DEPTH:
        return PERSONAL_MASK
    if isinstance(value, Mapping):
        return {
            clean_text(str(key)): _masked(str(key), part, depth + 1) for key, part in list(value.items())[:MAX_ITEMS]
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", part, depth + 1) for part in list(value)[:MAX_ITEMS]]
    return _masked_text(value) if isinstance(value, str) else value


def clean_text(text: str) -> str:
    """Return the text without what PostgreSQL stores in no column: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _masked_text(text: str) -> str:
    text = clean_text(text)
    if "://" in text:  # the path of an address may be a secret
        return _without_path(text)
    if _LOOKS_PERSONAL.search(text) and not _is_time(text):
        return PERSONAL_MASK
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}{PERSONAL_MASK}"


def _without_path(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}/{PERSONAL_MASK}" if parts.hostname else PERSONAL_MASK
    except ValueError:
        return PERSONAL_MASK


def _is_time(text: str) -> bool:
    return re.match(r"\d{4}-\d{2}-\d{2}($|[T ])", text) is not None
