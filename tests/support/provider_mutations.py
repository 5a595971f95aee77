"""Bodies of providers as broken, hostile or changed senders would post them."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.leads.form_encoding import MAX_FORM_FIELDS
from tests.support.provider_bodies import RecordedBody
from tests.support.provider_samples import JSON_VALUES, change_document

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[T]], T]


def nested_list(depth: int) -> Any:
    """Return a list within lists, `depth` levels deep."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


HOSTILE_VALUES: tuple[Any, ...] = (
    *("\0", "a\0b", "\ud800", "a\udc00b", "\U0001f600\u202e", "", " ", "x" * 70_000, "-", "1e999", "null", "[]", "{}"),
    *(0, -1, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 5e-324, True, None, [], {}, [None], [[]], {"": ""}),
    *(nested_list(20), nested_list(31), nested_list(40), {"\0": 1}, {"a\ud800": {"b": "c"}}, ["x"] * 500),
    *({str(number): number for number in range(300)}, [{"value": "a"}, 1, None, {"id": {"id": []}}]),
)
HOSTILE_BYTES = (
    *(b"\0", b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"\\ud800"),
    *(b"%00", b"%FF", b"%ED%A0%80", b"&=&", b"\r\n", b'"', b"\\", b"{", b"]", b"\r\n--", b"\xef\xbb\xbf", b"\x1b[2J"),
)
HOSTILE_NUMBERS = (b"9" * 500, b"-" + b"9" * 30, b"1e999", b"1E-999", b"00", b"0x10", b"NaN", b"Infinity", b"1.5")
VALUES = st.sampled_from(HOSTILE_VALUES) | JSON_VALUES
FORM_NAMES = (b"", b"a[b][c]", b"a" + b"[b]" * 40, b"x" + b"[]" * 50, b"email[0][email]", b"[x]", b"%5B%5D", b"a" * 999)


def drawn_examples(strategy: st.SearchStrategy[T], n: int) -> list[T]:
    """Return so many values of a strategy, the same ones each time."""
    found: list[T] = []

    @settings(derandomize=True, database=None, max_examples=n, phases=[Phase.generate])
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


def mutated_bodies(recorded: RecordedBody) -> st.SearchStrategy[bytes]:
    """Return a strategy of bodies that differ from the recorded one."""
    ways: list[Callable[[Draw[Any], bytes], bytes]] = [_change_bytes]
    if recorded.media_type.startswith("application/json"):
        ways += [_change_member, _change_member, _change_member, _wrap_document, _repeat_member, _change_number]
    elif recorded.media_type.startswith("application/x-www-form-urlencoded"):
        ways += [_change_pairs, _change_pairs, _change_pairs]
    elif recorded.media_type.startswith("multipart/"):
        boundary = b"--" + recorded.media_type.partition("boundary=")[2].encode()
        ways += [lambda draw, body: _change_parts(draw, body, boundary)] * 3

    @st.composite
    def bodies(draw: Draw[Any]) -> bytes:
        body = recorded.body
        for way in draw(st.lists(st.sampled_from(ways), min_size=1, max_size=2)):
            body = way(draw, body)
        return body

    return bodies()


def _change_bytes(draw: Draw[Any], body: bytes) -> bytes:
    """Cut, repeat, or replace a part of the bytes, put others among them, or encode them in another way."""
    start = draw(st.integers(0, len(body)))
    end = min(len(body), start + draw(st.integers(0, 200)))
    inserted = draw(st.sampled_from(HOSTILE_BYTES))
    depth = draw(st.sampled_from((40, 5000)))
    return bytes(
        draw(
            st.sampled_from(
                (
                    *(body[:start], body[start:], body[:start] + body[end:], body[:end] + body[start:]),
                    *(body[:start] + inserted + body[start:], body[:start] + inserted + body[end:], inserted + body),
                    *(b"[" * depth + body + b"]" * depth, b'{"a":' * depth + body + b"}" * depth, b"[" * depth),
                    *(body.decode(errors="replace").encode("utf-16"), body[::-1], b" \r\n", b"", b"null", b"0"),
                )
            )
        )
    )


def _change_member(draw: Draw[Any], body: bytes) -> bytes:
    """Replace or remove a value, wherever it stands."""
    document = _json_of(body)
    return body if document is None else json.dumps(change_document(document, draw(st.data()), VALUES)).encode()


def _wrap_document(draw: Draw[Any], body: bytes) -> bytes:
    """Put the document into another one."""
    document, other = _json_of(body), draw(VALUES)
    wrapped = (
        *([document], [document] * 3, {"payload": document}, {"data": document}, [other, document], [document, other]),
        *({"entry": [document]}, {"event": "x", "payload": document}, json.dumps(document)),
    )
    return json.dumps(draw(st.sampled_from(wrapped))).encode()


def _repeat_member(draw: Draw[Any], body: bytes) -> bytes:
    """Put a member before those of the object, under a name that one of them has."""
    document = _json_of(body)
    if not isinstance(document, dict) or not document:
        return body
    name, value = draw(st.sampled_from(list(document))), draw(VALUES)
    return f"{{{json.dumps(name)}:{json.dumps(value)},{json.dumps(document)[1:]}".encode()


def _change_number(draw: Draw[Any], body: bytes) -> bytes:
    """Write another number in the place of one, or of digits in a text."""
    places = [match.span() for match in re.finditer(rb"\d+", body)]
    if not places:
        return body
    start, end = draw(st.sampled_from(places))
    return body[:start] + bytes(draw(st.sampled_from(HOSTILE_NUMBERS))) + body[end:]


def _change_pairs(draw: Draw[Any], body: bytes) -> bytes:
    """Drop, repeat, rename or refill a field of a form, or add many."""
    pairs = body.split(b"&")
    place = draw(st.integers(0, len(pairs) - 1))
    name, _, value = pairs[place].partition(b"=")
    other_name, inserted = draw(st.sampled_from(FORM_NAMES)), draw(st.sampled_from(HOSTILE_BYTES))
    long = draw(st.sampled_from((b"x" * 70_000, b"%00%FF", b"%ED%A0%80", b"", b"%5B" * 3000, inserted)))
    changed: tuple[list[bytes], ...] = (
        *([], [pairs[place]] * 3, [other_name + b"=" + value], [name + b"=" + long], [name + b"[x]=" + value]),
        *([pairs[place], name + b"=" + inserted], [name], [b"&"], [b"a%d=1" % n for n in range(MAX_FORM_FIELDS + 1)]),
    )
    return b"&".join([*pairs[:place], *draw(st.sampled_from(changed)), *pairs[place + 1 :]])


def _change_parts(draw: Draw[Any], body: bytes, boundary: bytes) -> bytes:
    """Drop, repeat or spoil a part of a multipart form."""
    parts = body.split(boundary)
    place = draw(st.integers(0, len(parts) - 1))
    inserted = draw(st.sampled_from(HOSTILE_BYTES))
    head, gap, content = parts[place].partition(b"\r\n\r\n")
    changed: tuple[list[bytes], ...] = (
        *([], [parts[place]] * 3, [head + gap + inserted + content], [head + gap + inserted], [content]),
        [head.replace(b"form-data", b"x") + gap + content],
        [head + b'; filename="' + inserted + b'"' + gap + content],
        [head + b"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=none" + gap + content],
    )
    return boundary.join([*parts[:place], *draw(st.sampled_from(changed)), *parts[place + 1 :]])


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
