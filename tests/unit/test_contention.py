"""Work that met others is run again, so many times; a batch is halved until what fails stands alone."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from psycopg import OperationalError

from services.workers.batches.bisection import isolate_failures
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import ContentionError

pytestmark = pytest.mark.unit


class Work:
    """Fails in its first runs."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.runs = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> str:
        self.runs += 1
        if self.runs <= self._failures:
            raise self._error
        return "done"


@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_contended_work_is_run_again(failures: int) -> None:
    work = Work(failures, ContentionError())
    assert await retry_contended(work, attempts=4) == "done"
    assert work.runs == failures + 1


async def test_the_last_contention_is_raised() -> None:
    work = Work(4, ContentionError())
    with pytest.raises(ContentionError):
        await retry_contended(work, attempts=4, event="test.contended")
    assert work.runs == 4


async def test_other_errors_are_raised_at_once() -> None:
    work = Work(1, LookupError())
    with pytest.raises(LookupError):
        await retry_contended(work, attempts=4, pause=60)
    assert work.runs == 1


async def test_the_pause_is_random_and_at_most_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    await retry_contended(Work(3, ContentionError()), attempts=4, pause=0.01)
    assert pauses == [0.01, 0.02, 0.04]


class Batch:
    """Notes what parts succeed, and which items are set aside."""

    def __init__(self, *bad: int, error: Exception | None = None) -> None:
        self.bad = bad
        self.error = error or ValueError()
        self.calls = 0
        self.alone: list[int] = []

    async def work(self, part: Sequence[int]) -> list[int]:
        self.calls += 1
        if any(one in self.bad for one in part):
            raise self.error
        return list(part)

    async def isolate(self, one: int, error: Exception) -> Any:
        assert error is self.error
        self.alone.append(one)

    async def run(self, batch: Sequence[int]) -> list[int]:
        return [one for part in await isolate_failures(batch, self.work, self.isolate) for one in part]


@pytest.mark.parametrize("bad", [(), (0,), (3, 4), (9,), tuple(range(10))])
async def test_what_fails_stands_alone_and_the_rest_is_done_in_order(bad: tuple[int, ...]) -> None:
    batch = Batch(*bad)
    assert await batch.run(range(10)) == [one for one in range(10) if one not in bad]
    assert batch.alone == list(bad)


async def test_one_bad_item_in_200_takes_few_parts() -> None:
    batch = Batch(77)
    await batch.run(range(200))
    assert batch.calls <= 17


async def test_an_empty_batch_is_no_work() -> None:
    batch = Batch()
    assert (await batch.run([]), batch.calls) == ([], 0)


@pytest.mark.parametrize("error", [ContentionError(), OperationalError()])
async def test_what_halving_cannot_help_is_raised_at_once(error: Exception) -> None:
    batch = Batch(5, error=error)
    with pytest.raises(type(error)):
        await batch.run(range(10))
    assert (batch.calls, batch.alone) == (1, [])
