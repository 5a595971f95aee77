"""Payloads as text: exactly as they are stored or indented, with secrets masked, and read back after an edit. Pure.

The text is never parsed and written again, so that numbers keep all their digits.
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import orjson

from shared.audit.audit_masking import is_secret_name
from shared.platform.masking import SECRET_MASK

VALUE_MASK = "…"  # in place of a value that the reader's role may not see
INDENT_TEXT = "  "
MAX_NUMBER_LENGTH = 100  # characters
TOKEN_PATTERN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}\[\],:]|\s+', re.S)
SECRET_PAIR = re.compile(
    r"((?:secret|token|password|passwd|credential|authorization|signature|api_key|private_key)[^=:&\s]{0,40}[=:]\s*)"
    r"[^&\s]+",
    re.I,
)


class PayloadToken(NamedTuple):
    """A piece of a payload. `kind` is key, string, number or constant; a mark or space if empty."""

    kind: str
    text: str


PayloadLine = list[PayloadToken]


def is_json(payload: bytes) -> bool:
    """Return whether a payload is JSON."""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return True


def shown_tokens(payload: bytes, *, hides_values: bool) -> list[PayloadToken]:
    """Return a payload as it is stored, with secrets masked. `hides_values` masks all values but no names."""
    if not is_json(payload):
        text = VALUE_MASK if hides_values else SECRET_PAIR.sub(rf"\g<1>{SECRET_MASK}", payload.decode(errors="replace"))
        return [PayloadToken("", text)]
    return list(_mask_tokens(_read_tokens(payload.decode()), hides_values))


def masked_payload(payload: bytes) -> bytes:
    """Return a payload byte by byte, but for its secrets."""
    if not is_json(payload):
        return SECRET_PAIR.sub(rf"\g<1>{SECRET_MASK}", payload.decode("latin-1")).encode("latin-1")
    return "".join(token.text for token in shown_tokens(payload, hides_values=False)).encode()


def split_lines(tokens: Sequence[PayloadToken]) -> list[PayloadLine]:
    """Return the lines of tokens as they are."""
    lines: list[PayloadLine] = [[]]
    for token in tokens:
        first, *rest = token.text.split("\n")
        lines[-1].append(PayloadToken(token.kind, first))
        lines.extend([PayloadToken(token.kind, part)] for part in rest)
    return lines


def indented_lines(tokens: Sequence[PayloadToken]) -> list[PayloadLine]:
    """Return the lines of JSON with one field on each."""
    lines: list[PayloadLine] = [[]]
    depth = 0
    written = [token for token in tokens if token.text.strip()]
    for place, token in enumerate(written):
        before = written[place - 1].text if place else ""
        if token.text in ("}", "]") and not token.kind:
            depth -= 1
            if before not in ("{", "["):
                lines.append([PayloadToken("", INDENT_TEXT * depth)])
        elif before in ("{", "[", ",") and place:
            lines.append([PayloadToken("", INDENT_TEXT * depth)])
        lines[-1].append(_spaced(token))
        depth += token.text in ("{", "[") and not token.kind
    return lines


def lines_as_text(lines: Sequence[PayloadLine]) -> str:
    """Return lines as one text."""
    return "\n".join("".join(token.text for token in line) for line in lines)


def inexact_numbers(text: str) -> list[str]:
    """Return the numbers of a JSON text that would not be stored with all their digits."""
    return [token.text for token in _read_tokens(text) if token.kind == "number" and not _is_exact(token.text)]


def restore_secrets(edited: Any, stored: Any) -> Any:
    """Return an edited payload with the stored values in place of masks that were left as they are."""
    if isinstance(edited, dict):
        held = stored if isinstance(stored, dict) else {}
        return {name: restore_secrets(value, held.get(name)) for name, value in edited.items()}
    if isinstance(edited, list):
        kept = stored if isinstance(stored, list) else []
        return [
            restore_secrets(value, kept[place] if place < len(kept) else None) for place, value in enumerate(edited)
        ]
    return stored if edited == SECRET_MASK and stored is not None else edited


def shown_value(field: str, value: Any, *, hides_values: bool) -> str | None:
    """Return one value of a payload or a lead as text, with secrets masked. None if it is empty."""
    if value is None or value in ("", [], {}):
        return None
    if is_secret_name(field):
        return SECRET_MASK
    if hides_values:
        return VALUE_MASK
    if isinstance(value, str):
        return value
    return lines_as_text([list(shown_tokens(orjson.dumps(value), hides_values=False))])


def _spaced(token: PayloadToken) -> PayloadToken:
    return PayloadToken("", ": ") if token.text == ":" and not token.kind else token


def _read_tokens(text: str) -> list[PayloadToken]:
    """Return the tokens of a JSON text, which together are the text."""
    matches = [match[0] for match in TOKEN_PATTERN.finditer(text)]
    tokens = []
    following = ""  # the next token that is no space
    for part in reversed(matches):
        kind = {'"': "string", "t": "constant", "f": "constant", "n": "constant"}.get(
            part[0], "number" if part[0] in "-0123456789" else ""
        )
        tokens.append(PayloadToken("key" if kind == "string" and following == ":" else kind, part))
        following = part if part.strip() else following
    return tokens[::-1]


def _mask_tokens(tokens: Sequence[PayloadToken], hides_values: bool) -> Iterator[PayloadToken]:
    depth, secret_depth, is_secret = 0, 0, False
    for token in tokens:
        if token.kind == "key":
            is_secret = is_secret_name(json.loads(token.text, strict=False))
        elif token.kind:
            if hides_values or is_secret or secret_depth:
                token = PayloadToken(
                    "constant", json.dumps(VALUE_MASK if hides_values else SECRET_MASK, ensure_ascii=False)
                )
            is_secret = False
        elif token.text in ("{", "["):
            depth += 1
            secret_depth, is_secret = secret_depth or (depth if is_secret else 0), False
        elif token.text in ("}", "]"):
            secret_depth = 0 if secret_depth == depth else secret_depth
            depth -= 1
        yield token


def _is_exact(number: str) -> bool:
    try:
        return len(number) <= MAX_NUMBER_LENGTH and Decimal(number) == Decimal(str(orjson.loads(number)))
    except (InvalidOperation, orjson.JSONDecodeError):
        return False
