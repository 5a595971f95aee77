"""What is taken by its known head is what the parser would have read; what the parser sees otherwise is left to it."""

import asyncio
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from shared.platform.web.fast_path.heads import MAX_HEAD_BYTES, is_whole_request, parse_head

pytestmark = pytest.mark.unit

LOOP = asyncio.new_event_loop()

BYTES = (b"\r\n", b"\n", b"\r\n\r\n", b" ", b"0", b"7", b"12", b"x", b"POST / HTTP/1.1", b"Host: h", b"+3", b"0_1")
LINES = (
    *(b"Content-Length: 5", b"content-length:7", b"X: Content-Length: 5", b"Content-Length: 5\nA: b"),
    *(b"Transfer-Encoding: chunked", b"A: b", b"Host: h"),
)
MARK = b"GET /mark HTTP/1.1\r\nHost: h\r\n\r\n"

bodies = st.one_of(st.lists(st.sampled_from(BYTES), max_size=8).map(b"".join), st.binary(max_size=40))
lengths = st.sampled_from(
    [b"Content-Length: %d", b"content-length:%d", b"CONTENT-LENGTH:   %d", b"Content-Length: 00%d"]
)
lines = st.lists(st.sampled_from(LINES), max_size=2)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request, whole and sound in most cases."""
    body = draw(bodies)
    length = draw(lengths) % max(len(body) + draw(st.sampled_from([0, 0, 0, 0, 1, -1])), 0)
    head = [b"POST / HTTP/1.1", b"Host: h", *draw(lines), length, *draw(lines), b"", b""]
    before, after = draw(st.sampled_from([b"", b"", b"\r\n"])), draw(st.sampled_from([b"", b"", b"P"]))
    return before + b"\r\n".join(head) + body + after


def parsed(data: bytes) -> list[Any]:
    """The messages in the data, by aiohttp; none where it refuses them."""
    parser = HttpRequestParser(BaseProtocol(LOOP), LOOP, 2**16, max_line_size=8190, max_field_size=8190)
    try:
        return list(parser.feed_data(data)[0])
    except HttpProcessingError:
        return []


def as_one(data: bytes) -> tuple[str, bytes] | None:
    """Path and body of the data if aiohttp sees exactly one whole request in them."""
    messages = parsed(data + MARK)
    if len(messages) != 2 or messages[1][0].path != "/mark":
        return None
    return messages[0][0].path, messages[0][1].read_nowait() if messages[0][1].total_bytes else b""


def held_for_one(data: bytes) -> bool:
    messages = parsed(data)
    return len(messages) == 1 and messages[0][1].is_eof() and is_whole_request(data, messages[0][0])


@given(requests(), requests())
@example(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1", b"")
@example(b"\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", b"")
@example(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"")
def test_known_head_is_accepted_only_where_the_parser_sees_one_request(first: bytes, second: bytes) -> None:
    if not held_for_one(first):
        return
    one = as_one(first)
    assert one is not None
    head = parse_head(first)
    for data in (first, second, first + b"x", first[:-1], first.replace(b"\r\n\r\n", b"\r\nA: b\r\n\r\n", 1)):
        body = head and head.extract_body(data)
        if body is not None:
            assert as_one(data) == (one[0], body)


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length", b"CONTENT-LENGTH"])
def test_the_length_may_differ_from_request_to_request(name: bytes) -> None:
    request = b"POST /a HTTP/1.1\r\nHost: h\r\n%s: %d\r\nA: b\r\n\r\n%s"
    head = parse_head(request % (name, 3, b"abc"))
    assert head is not None
    assert head.extract_body(request % (name, 12, b"x" * 12)) == b"x" * 12
    assert head.extract_body(request % (name, 0, b"")) == b""
    assert head.extract_body(request % (name, 12, b"x" * 11)) is None
    assert head.extract_body((request % (name, 3, b"abc")).replace(b"/a", b"/b")) is None


@pytest.mark.parametrize("line", [b"X: " + b"x" * MAX_HEAD_BYTES, b"X: y"])
def test_long_heads_and_such_without_a_length_are_not_kept(line: bytes) -> None:
    length = b"Content-Length: 0\r\n" if len(line) > MAX_HEAD_BYTES else b""
    assert parse_head(b"POST / HTTP/1.1\r\n%s\r\n%s\r\n" % (line, length)) is None
