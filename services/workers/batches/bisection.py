"""Finding the bad items of a batch: halve it until each failure stands alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from shared.platform.db.database_errors import is_contention, is_unavailable

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


async def isolate_failures(
    batch: Sequence[ItemT],
    work: Callable[[Sequence[ItemT]], Awaitable[ResultT]],
    isolate: Callable[[ItemT, Exception], Awaitable[object]],
) -> list[ResultT]:
    """Return what `work` makes of the batch, or of its parts, in order; items that fail alone go to `isolate`.

    `work` must undo what it did when it raises, for example by a savepoint: its items are tried again in halves.
    Raises errors that halving cannot help: contention, and a database that is unavailable.
    """
    if not batch:
        return []
    try:
        return [await work(batch)]
    except Exception as error:
        if is_unavailable(error) or is_contention(error):
            raise
        if len(batch) == 1:
            await isolate(batch[0], error)
            return []
    middle = len(batch) // 2
    first = await isolate_failures(batch[:middle], work, isolate)
    return first + await isolate_failures(batch[middle:], work, isolate)
