"""Queries to a server that may be down or frozen, with a limit on how long the caller waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Asked(Generic[T]):
    """A query that runs in a thread of its own. The end of a command does not wait for the thread.

    `question` receives a function that it calls once it is connected.
    """

    def __init__(self, question: Callable[[Callable[[], None]], Coroutine[Any, Any, T]]) -> None:
        self._question = question
        self._reached = threading.Event()
        self._answers: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def answer(self, patience: float, longest: float) -> T:
        """Return the result, or raise what the query raised.

        TimeoutError if the server is not reached within `patience` seconds, or if it then takes longer than `longest`.
        """
        if self._reached.wait(patience):
            self._thread.join(longest)
        if self._error is not None:
            raise self._error
        if not self._answers:
            raise TimeoutError("no answer in time")
        return self._answers[0]

    def _run(self) -> None:
        try:
            self._answers.append(asyncio.run(self._question(self._reached.set)))
        except BaseException as error:
            self._error = error
        finally:
            self._reached.set()
