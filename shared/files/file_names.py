"""Names of files: as visitors send them, and as headers carry them. Pure."""

import re
import unicodedata
from urllib.parse import quote

from shared.platform.validation.schema import escape_unstorable

MAX_NAME_LENGTH = 255  # characters
UNNAMED_FILE = "file"
# Beside control characters, marks that turn the direction of writing: a name shows its true ending.
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")
_find_separators = re.compile(r"[/\\]")
_replace_unsafe = re.compile(r"[^A-Za-z0-9 ._()+=@,-]").sub
DOWNLOAD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"  # of RFC 8187, beside letters and digits


def clean_file_name(name: str) -> str:
    """Return a name without folders, control characters and marks of direction, of at most 255 characters.

    An ending survives the cut. A name of which nothing remains becomes `file`.
    """
    last = _find_separators.split(name)[-1]
    shown = "".join(one for one in last if unicodedata.category(one) not in _HIDDEN_CATEGORIES or one in "\u200c\u200d")
    shown = escape_unstorable(shown).strip().rstrip(" .")
    if shown.startswith("."):  # no hidden file
        shown = f"{UNNAMED_FILE}{shown}"
    if len(shown) > MAX_NAME_LENGTH:
        stem, dot, ending = shown.rpartition(".")
        kept = f"{dot}{ending}" if dot and len(ending) <= 10 else ""
        shown = f"{(stem if kept else shown)[: MAX_NAME_LENGTH - len(kept)]}{kept}"
    return shown or UNNAMED_FILE


def attachment_header(name: str) -> str:
    """Return a `Content-Disposition` that has a browser save the file under this name, by RFC 6266 and RFC 8187.

    Old programs read the first name, in which other characters than plain ones are `_`.
    """
    clean = clean_file_name(name)
    plain = _replace_unsafe("_", clean)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe=_ATTRIBUTE_CHARACTERS)}"
