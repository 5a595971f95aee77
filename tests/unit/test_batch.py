"""Reading a batch: whatever megabytes are sent, other requests have their turn meanwhile."""

import asyncio
import gc
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.batch import NDJSON_MEDIA_TYPE, LeadOrError, read_batch
from services.gateway.inbound_request import JSON_MEDIA_TYPE
from shared.leads.inbound import MAX_NESTING_DEPTH, InvalidFields, MalformedBody, iter_array_items, parse_json
from shared.platform.errors import BadRequest, ValidationFailed
from shared.platform.observability.gc_tuning import freeze_startup_objects
from tests.support.timing import best_within_async

SIZE = 5_200_000
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def array(item: str, number: int) -> bytes:
    return f"[{','.join([item] * number)}]".encode()


def of_size(item: str) -> bytes:
    return array(item, SIZE // (len(item) + 1))


def lead(**fields: Any) -> str:
    return json.dumps({"email": "ada@example.com", **fields})


async def read(media: str, body: bytes) -> list[LeadOrError]:
    return [found async for _, found in read_batch(media, body)]


async def longest_gap(body: bytes, media: str = JSON_MEDIA_TYPE) -> float:
    """For how long, at the most, nothing else had the loop, in seconds of the processor."""
    gaps, is_done = [0.0], False

    async def tick() -> None:
        last = time.thread_time()
        while not is_done:
            await asyncio.sleep(0)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        async for _ in read_batch(media, body):
            pass
    except (BadRequest, ValidationFailed):
        pass
    finally:
        is_done = True
        await ticker
    return max(gaps)


HEAVY = {
    "chains": of_size("[" * 31 + "]" * 31),
    "empty lists": of_size("[]"),
    "a thousand leads of many lists": array(lead(other=[[]] * 1_250), 1_000),
    "a thousand leads of deep lists": array(lead(other=[json.loads("[" * 30 + "]" * 30)] * 80), 1_000),
    "odd emails": array(lead(email="a" + "\u0301\u0323" * 120 + "@example.com"), 1_000),
    "bad tags": array(lead(tags=[1] * 100), 1_000),
    "no texts that can be kept": array(lead(tags=["\0"] * 100), 1_000),
}


@pytest.fixture
def settled() -> Iterator[None]:
    """The collector as a service has it; it walks through nothing of the tests before."""
    before = gc.get_threshold()
    freeze_startup_objects()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", HEAVY)
async def test_reading_a_batch_does_not_block_the_event_loop(name: str) -> None:
    body = HEAVY[name]
    assert len(body) < 5 << 20
    await best_within_async(0.15, lambda: longest_gap(body))
    lines = body[1:-1].replace(b"},{", b"}\n{")
    await best_within_async(0.15, lambda: longest_gap(lines, NDJSON_MEDIA_TYPE))


async def test_too_many_leads_are_refused_before_they_are_read() -> None:
    with pytest.raises(ValidationFailed):
        await read(JSON_MEDIA_TYPE, b"[" + b"{}," * 1_001 + b"what comes then is not looked at")


@pytest.mark.parametrize("deeper", [0, 1])
async def test_batch_refuses_leads_nested_too_deeply(deeper: int) -> None:
    nested = "[" * (MAX_NESTING_DEPTH - 1 + deeper) + '"]\\"["' + "]" * (MAX_NESTING_DEPTH - 1 + deeper)
    line = f'{{"email": "ada@example.com", "x": {nested}}}'
    (alone,) = await read(NDJSON_MEDIA_TYPE, line.encode())
    assert isinstance(alone, InvalidFields) == bool(deeper)
    if not deeper:
        assert await read(JSON_MEDIA_TYPE, f"[{line}]".encode()) == [alone]
        return
    with pytest.raises(BadRequest, match="nested"):
        await read(JSON_MEDIA_TYPE, f"[{line}]".encode())


@given(st.lists(VALUES), st.sampled_from([None, 1]))
def test_items_are_those_of_the_array(values: list[Any], indent: int | None) -> None:
    assert list(iter_array_items(f" {json.dumps(values, indent=indent)}\n".encode("utf-8", "surrogatepass"))) == values


@given(st.binary(max_size=12) | st.text('[]{},:"\\ 1nul', max_size=12).map(str.encode))
def test_item_reader_accepts_the_same_arrays_as_the_json_parser(body: bytes) -> None:
    def told(reader: Any) -> Any:
        try:
            return reader()
        except MalformedBody:
            return None

    whole = told(lambda: parse_json(body))
    assert told(lambda: list(iter_array_items(body))) == (whole if isinstance(whole, list) else None)


async def test_a_line_that_is_no_json_is_told_by_its_number_in_the_body() -> None:
    good = lead()
    found = await read(NDJSON_MEDIA_TYPE, f"\n{good}\n\n{{oops}}\r\n{good}".encode())
    assert [isinstance(one, InvalidFields) for one in found] == [False, True, False]
    assert isinstance(found[1], InvalidFields)
    assert "at line 4, column 2" in found[1].errors["body"][0]
