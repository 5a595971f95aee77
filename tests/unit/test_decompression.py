"""Taking a body's encoding off: what it holds comes out, in small steps; what breaks the encoding is refused."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.web.decompression import MAX_GZIP_MEMBERS, STEP_BYTES, BodyDecompressor, EncodingBroken

pytestmark = pytest.mark.unit


def raw(body: bytes) -> bytes:
    """Deflate without zlib's header, as some clients send it."""
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflating.compress(body) + deflating.flush()


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw),
}
bodies = st.one_of(st.binary(max_size=500), st.integers(1, 3 * STEP_BYTES).map(bytes))


def inflated(encoding: str, *parts: bytes) -> bytes:
    inflater = BodyDecompressor(encoding)
    steps = [step for part in parts for step in inflater.decompress_steps(part)]
    inflater.check_complete()
    assert all(len(step) <= STEP_BYTES for step in steps)
    return b"".join(steps)


@pytest.mark.parametrize("way", WAYS)
@given(body=bodies, size=st.integers(1, 5_000))
def test_decompression_is_independent_of_chunk_sizes(way: str, body: bytes, size: int) -> None:
    encoding, deflate = WAYS[way]
    sent = deflate(body)
    assert inflated(encoding, *[sent[at : at + size] for at in range(0, len(sent), size)]) == body


@given(members=st.lists(bodies, max_size=4), at=st.integers(0, 200))
def test_gzip_may_have_several_members(members: list[bytes], at: int) -> None:
    sent = b"".join(map(gzip.compress, members))
    assert inflated("gzip", sent[:at], sent[at:]) == b"".join(members)


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_is_cut_short_is_broken(way: str) -> None:
    encoding, deflate = WAYS[way]
    sent = deflate(b'{"email": "ada@example.com"}')
    for end in range(1, len(sent)):
        with pytest.raises(EncodingBroken):
            inflated(encoding, sent[:end])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("body", [b"garbage", b"\xff\xff\xff", b'{"email": "ada@example.com"}'])
def test_bytes_that_are_not_of_the_encoding_are_broken(encoding: str, body: bytes) -> None:
    with pytest.raises(EncodingBroken):
        inflated(encoding, body)


def test_garbage_after_the_last_gzip_member_is_refused() -> None:
    with pytest.raises(EncodingBroken):
        inflated("gzip", gzip.compress(b"{}") + b"garbage")


def test_members_are_bounded_in_number() -> None:
    one = gzip.compress(b"")
    assert inflated("gzip", one * MAX_GZIP_MEMBERS) == b""
    with pytest.raises(EncodingBroken):
        inflated("gzip", one * (MAX_GZIP_MEMBERS + 1))
