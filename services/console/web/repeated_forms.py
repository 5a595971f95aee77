"""The form that each account sent last: the same form at once is a double press.

Scripts cannot stop it: a browser sends the second press before it has an answer to the first. A person who wants two
records fills in the form again, which takes longer than the window.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

WINDOW_SECONDS = 2.0  # after an answer, in which the same form counts as the same press


@dataclass
class AnsweredForm:
    """The latest form of an account. Its answer is None if nothing was made."""

    digest: bytes
    answer: asyncio.Future[web.Response | None] = field(default_factory=asyncio.Future)
    ends_at: float = float("inf")  # by the monotonic clock


class RepeatedForms:
    """The latest form of each account, in this process, for as long as it counts as the same press."""

    def __init__(self) -> None:
        self._latest: dict[int, AnsweredForm] = {}

    def find(self, account_id: int, digest: bytes) -> AnsweredForm | None:
        """Return the account's latest form if it is the same."""
        now = time.monotonic()
        self._latest = {id_: form for id_, form in self._latest.items() if form.ends_at > now}
        latest = self._latest.get(account_id)
        return latest if latest is not None and latest.digest == digest else None

    def forget(self, account_id: int) -> None:
        """Take the account's next form as new."""
        self._latest.pop(account_id, None)

    @contextmanager
    def answering(self, account_id: int, digest: bytes) -> Iterator[AnsweredForm]:
        """Keep a form while it is answered, and for the window after that."""
        form = self._latest[account_id] = AnsweredForm(digest)
        try:
            yield form
        finally:
            form.ends_at = time.monotonic() + WINDOW_SECONDS
            if not form.answer.done():
                form.answer.set_result(None)
