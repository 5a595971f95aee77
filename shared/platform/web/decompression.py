"""Decompress a body with a `Content-Encoding` in steps of bounded size.

A megabyte of gzip may hold a gigabyte. One step reads and makes at most 64 KiB, which takes about 0.1 ms. The caller
can count the bytes between two steps and let other tasks run.
"""

import zlib
from collections.abc import Iterator
from typing import Any

SUPPORTED_ENCODINGS = ("gzip", "deflate")
STEP_BYTES = 64 << 10  # bytes
MAX_GZIP_MEMBERS = 1_000  # gzip members of one body: each costs a new decompressor

ZLIB_WBITS, RAW_WBITS, GZIP_WBITS = zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS


class EncodingBroken(ValueError):
    """Raised for bytes that do not follow the encoding."""


class BodyDecompressor:
    """Decompresses one body in one of the supported encodings. gzip allows several members in a row."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._member: Any = None  # zlib's decompressor, from the member's first byte to its last
        self._member_count = 0

    def decompress_steps(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes hold, step by step. A step may yield no bytes. Raises an error for broken bytes."""
        for start in range(0, len(data), STEP_BYTES):
            yield from self._decompress_slice(data[start : start + STEP_BYTES])

    def check_complete(self) -> None:
        """Raise an error if the last member is incomplete."""
        if self._member is not None:
            raise EncodingBroken("the body ends too early")

    def _decompress_slice(self, rest: bytes) -> Iterator[bytes]:
        is_more = True
        while is_more:
            member = self._member = self._member or self._begin_member(rest)
            try:
                piece = member.decompress(rest, STEP_BYTES)
            except zlib.error as error:
                raise EncodingBroken(str(error)) from error
            rest = member.unused_data or member.unconsumed_tail
            is_more = bool(rest) or (len(piece) == STEP_BYTES and not member.eof)
            if member.eof:
                self._member = None
            yield piece

    def _begin_member(self, data: bytes) -> Any:
        self._member_count += 1
        if self._member_count > MAX_GZIP_MEMBERS:
            raise EncodingBroken(f"the body has more than {MAX_GZIP_MEMBERS} members")
        if self._encoding == "gzip":
            return zlib.decompressobj(GZIP_WBITS)
        # Some clients send deflate without zlib's header, whose first byte ends in 8.
        return zlib.decompressobj(ZLIB_WBITS if data[0] & 0xF == 8 else RAW_WBITS)
