"""Decompress a body with a `Content-Encoding` in steps of bounded size.

A megabyte of gzip may hold a gigabyte. One step reads and makes at most 64 KiB, which takes about 0.1 ms. The caller
can count the bytes between two steps and let other tasks run.
"""

import zlib
from collections.abc import Iterator
from typing import Any

ENCODINGS = ("gzip", "deflate")
STEP = 64 << 10  # bytes
MOST_MEMBERS = 1_000  # gzip members of one body: each costs a new decompressor

ZLIB, RAW, GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS


class Broken(ValueError):
    """Raised for bytes that do not follow the encoding."""


class Inflater:
    """Decompresses one body in one of the supported encodings. gzip allows several members in a row."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._member: Any = None  # zlib's decompressor, from the member's first byte to its last
        self._members = 0

    def steps(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes hold, step by step. A step may yield no bytes. Raises an error for broken bytes."""
        for start in range(0, len(data), STEP):
            yield from self._slice(data[start : start + STEP])

    def end(self) -> None:
        """Raise an error if the last member is incomplete."""
        if self._member is not None:
            raise Broken("the body ends too early")

    def _slice(self, rest: bytes) -> Iterator[bytes]:
        is_more = True
        while is_more:
            member = self._member = self._member or self._begin(rest)
            try:
                made = member.decompress(rest, STEP)
            except zlib.error as error:
                raise Broken(str(error)) from error
            rest = member.unused_data or member.unconsumed_tail
            is_more = bool(rest) or (len(made) == STEP and not member.eof)
            if member.eof:
                self._member = None
            yield made

    def _begin(self, data: bytes) -> Any:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise Broken(f"the body has more than {MOST_MEMBERS} members")
        if self._encoding == "gzip":
            return zlib.decompressobj(GZIP)
        # Some clients send deflate without zlib's header, whose first byte ends in 8.
        return zlib.decompressobj(ZLIB if data[0] & 0xF == 8 else RAW)
