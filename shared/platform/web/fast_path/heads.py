"""Known heads: a decision on the head of one request holds for the next request with the same bytes.

A client that keeps its connection sends the same head each time, except for the length of the body. Comparing 200 bytes
costs a fiftieth of parsing them as HTTP, looking at each header and hashing the key.
"""

from typing import Final

from aiohttp import hdrs
from aiohttp.http import RawRequestMessage

LENGTH_HEADER: Final = b"\r\ncontent-length:"
HEAD_END: Final = b"\r\n\r\n"
MAX_HEAD_BYTES = 2048  # bytes of a head that is kept; each connection keeps one
MAX_LENGTH_DIGITS = 7  # digits of a length that is read here


class RequestHead:
    """A head as the bytes before and after its Content-Length."""

    __slots__ = ("_after", "_at", "_before")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._at = len(before)
        self._after = after

    def extract_body(self, data: bytes) -> bytes | None:
        """Return the body if the bytes are exactly one request with this head."""
        if not data.startswith(self._before):
            return None
        end = data.find(b"\r", self._at, self._at + MAX_LENGTH_DIGITS + 1)
        length = data[self._at : end]
        if end < 0 or not length.isdigit() or not data.startswith(self._after, end):
            return None
        body = data[end + len(self._after) :]
        return body if len(body) == int(length) else None


def is_whole_request(data: bytes, message: RawRequestMessage) -> bool:
    """Return whether the bytes in which the parser found this message are exactly one request."""
    if message.chunked or message.upgrade:
        return False
    head = data.find(HEAD_END) + len(HEAD_END)
    # If a line ended in another way, the parser could see the end of the head elsewhere.
    if data.count(b"\n", 0, head) != data.count(b"\r\n", 0, head):
        return False
    return head + int(message.headers.get(hdrs.CONTENT_LENGTH, 0)) == len(data)


def parse_head(data: bytes) -> RequestHead | None:
    """Return the head of exactly one request, or None if it is not to be kept."""
    end = data.find(HEAD_END) + len(HEAD_END)
    at = data.lower().find(LENGTH_HEADER, 0, end) + len(LENGTH_HEADER)
    if at < len(LENGTH_HEADER) or end > MAX_HEAD_BYTES:
        return None
    while data[at : at + 1] == b" ":
        at += 1
    return RequestHead(data[:at], data[data.find(b"\r", at) : end])
