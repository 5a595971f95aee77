"""Queries to a server that may be down or frozen, with a limit on how long the caller waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

ResultT = TypeVar("ResultT")


class BoundedQuery(Generic[ResultT]):
    """A query that runs in a thread of its own. The end of a command does not wait for the thread.

    `query` receives a function that it calls once it is connected.
    """

    def __init__(self, query: Callable[[Callable[[], None]], Coroutine[Any, Any, ResultT]]) -> None:
        self._query = query
        self._reached = threading.Event()
        self._results: list[ResultT] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def get_result(self, connect_timeout: float, answer_timeout: float) -> ResultT:
        """Return the result, or raise what the query raised.

        TimeoutError if the server is not reached within `connect_timeout` seconds, or if it then takes longer than
        `answer_timeout`.
        """
        if self._reached.wait(connect_timeout):
            self._thread.join(answer_timeout)
        if self._error is not None:
            raise self._error
        if not self._results:
            raise TimeoutError("no answer in time")
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(asyncio.run(self._query(self._reached.set)))
        except BaseException as error:
            self._error = error
        finally:
            self._reached.set()
