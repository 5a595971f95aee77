"""A webhook request as a provider module sees it, and the answer that it gives. Pure.

Nothing here trusts the sender. A request is verified on its raw bytes, and parsed afterwards. Texts that cannot be
stored (broken UTF-8, lone surrogates, NUL) are read with U+FFFD in their place; the raw bytes are kept elsewhere.
"""

import email.parser
import email.policy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson

from shared.leads.form_encoding import MAX_FORM_FIELDS, MAX_NESTING_DEPTH

JSON_MEDIA_TYPE = "application/json"
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MULTIPART_MEDIA_TYPE = "multipart/form-data"
TEXT_MEDIA_TYPE = "text/plain"
MAX_WEBHOOK_ITEMS = 1000  # items of one body
SPLIT_ADVICE = f"Send at most {MAX_WEBHOOK_ITEMS:,} items in a request, and the others in further requests."
REPLACEMENT = "�"

Credentials = Mapping[str, str]


class SignatureRefused(Exception):
    """The request does not come from the provider, or came too late (401; a handshake: 403). Nothing is stored.

    `reason` is one of the words by which rejections are counted: `missing_signature`, `bad_signature`, `stale`,
    `wrong_token`, `replayed`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableBody(ValueError):
    """The request is authentic and its body is not of the provider's form. It is kept as a dead submission.

    The text is a sentence for the operator. It quotes nothing of the body.
    """


class TooManyItems(ValueError):
    """The body holds more than MAX_WEBHOOK_ITEMS items. Nothing of it is stored."""

    def __init__(self) -> None:
        super().__init__(f"The body holds more than {MAX_WEBHOOK_ITEMS:,} items. {SPLIT_ADVICE}")


class FilePart(NamedTuple):
    """A file in a multipart body. Its content is not kept."""

    name: str
    size: int  # bytes
    media_type: str


class WebhookAnswer(NamedTuple):
    """What the provider gets. It is the same for new, repeated and ignored events."""

    status: int = 200
    body: bytes = b""
    media_type: str = TEXT_MEDIA_TYPE


class CaseInsensitive(dict[str, str]):
    """Headers by name, in any case. Of a repeated header the first value counts."""

    def __init__(self, headers: Mapping[str, str] | list[tuple[str, str]]) -> None:
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        super().__init__()
        for name, value in pairs:
            super().setdefault(name.lower(), value)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())


@dataclass(frozen=True)
class WebhookRequest:
    """A request to a webhook URL. `url` is the public address with its query; `now` is in seconds since the epoch."""

    method: str
    url: str
    headers: CaseInsensitive
    body: bytes
    now: float

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the address, the last value of each."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @cached_property
    def media_type(self) -> str:
        """The media type of the body, in lower case and without parameters; empty if the request names none."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @cached_property
    def body_digest(self) -> str:
        """The SHA-256 of the body, hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()

    @cached_property
    def document(self) -> Any:
        """The JSON value of the body. Raises UnreadableBody.

        Integers of any size are exact.
        """
        return parse_json_leniently(self.body)

    @cached_property
    def document_object(self) -> dict[str, Any]:
        """The JSON object of the body. Raises UnreadableBody for any other value."""
        if not isinstance(self.document, dict):
            raise UnreadableBody("The body is no JSON object.")
        return self.document

    @cached_property
    def form_pairs(self) -> list[tuple[str, str]]:
        """Names and values of an urlencoded body, in their order. Raises UnreadableBody."""
        return [(storable_text(name), storable_text(value)) for name, value in self.sent_pairs]

    @cached_property
    def sent_pairs(self) -> list[tuple[str, str]]:
        """The same as they were sent, with NUL in them: for signatures of fields alone. Raises UnreadableBody."""
        try:
            text = self.body.decode(errors="replace")
            return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FORM_FIELDS)
        except ValueError as error:
            raise UnreadableBody(f"The form has more than {MAX_FORM_FIELDS} fields.") from error

    @cached_property
    def multipart_pairs(self) -> list[tuple[str, str | FilePart]]:
        """Names and values of a multipart body, in their order. Raises UnreadableBody."""
        try:
            return _read_multipart(str(self.headers.get("Content-Type", "")), self.body)
        except UnreadableBody:
            raise
        except (RecursionError, LookupError, ValueError, TypeError, AttributeError) as error:
            # how the standard library meets strange headers and forms within forms
            raise UnreadableBody("The body is no multipart form.") from error

    @cached_property
    def fields(self) -> dict[str, str]:
        """The text fields of an urlencoded or multipart body, the last value of each. Raises UnreadableBody."""
        pairs = self.multipart_pairs if self.media_type == MULTIPART_MEDIA_TYPE else self.form_pairs
        return {name: value for name, value in pairs if isinstance(value, str)}


def storable_text(text: str) -> str:
    """Return the text with U+FFFD for what cannot be stored: NUL and lone surrogates."""
    return text.encode(errors="surrogatepass").decode(errors="replace").replace("\0", REPLACEMENT)


def parse_json_leniently(body: bytes) -> Any:
    """Return the JSON value of a body in UTF-8, with U+FFFD for what cannot be stored. Raises UnreadableBody.

    Integers of any size are exact, and a value may be nested at most 32 levels deep. NaN and Infinity are refused.
    """
    try:
        value = _parse_exactly(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableBody("The body is no JSON.") from error
    if body.count(b"{") + body.count(b"[") > MAX_NESTING_DEPTH and _depth_of(value) > MAX_NESTING_DEPTH:
        raise UnreadableBody(f"The body is nested over {MAX_NESTING_DEPTH} levels.")
    return value


def _parse_exactly(body: bytes) -> Any:
    body = body.removeprefix(b"\xef\xbb\xbf")
    if b"\\u" not in body and b"\0" not in body and not _has_long_number(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # perhaps it is not in UTF-8
    text = body.decode(errors="replace")
    return _storable_value(json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_float))


def _has_long_number(body: bytes) -> bool:
    """Return whether the body may hold an integer that orjson reads as a float."""
    return b"0" * 19 in body.translate(_DIGITS_TO_ZERO)


_DIGITS_TO_ZERO = bytes(ord("0") if byte in b"123456789" else byte for byte in range(256))


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _parse_float(digits: str) -> Any:
    number = float(digits)
    return digits if number in (float("inf"), float("-inf")) else number


def _storable_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable_text(key): _storable_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable_value(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)  # exact, which a float would not be
    return storable_text(value) if isinstance(value, str) else value


def _depth_of(value: Any) -> int:
    depth, layer = 0, [value]
    while layer := [node for node in layer if isinstance(node, dict | list)]:
        depth += 1
        layer = [child for node in layer for child in (node.values() if isinstance(node, dict) else node)]
    return depth


def _read_multipart(content_type: str, body: bytes) -> list[tuple[str, str | FilePart]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode(errors="replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise UnreadableBody("The body is no multipart form.")
    pairs: list[tuple[str, str | FilePart]] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        if not isinstance(name, str):
            continue
        if len(pairs) == MAX_FORM_FIELDS:
            raise UnreadableBody(f"The form has more than {MAX_FORM_FIELDS} fields.")
        data = part.get_payload(decode=True)
        content = data if isinstance(data, bytes) else b""
        file_name = part.get_filename()
        if file_name is None:
            charset = part.get_content_charset() or "utf-8"
            pairs.append((storable_text(name), storable_text(_decoded(content, charset))))
        else:
            described = FilePart(storable_text(file_name), len(content), part.get_content_type())
            pairs.append((storable_text(name), described))
    return pairs


def _decoded(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, errors="replace")
    except LookupError:  # a charset that nobody knows
        return content.decode(errors="replace")
