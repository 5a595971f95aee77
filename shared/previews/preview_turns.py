"""One preview at a time for each workspace, in a process: they take the time of other requests. No database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.platform.errors import RateLimited

PREVIEW_BUSY_MESSAGE: Final = "Another preview of this workspace is under way. Try again in a moment."
RETRY_SECONDS: Final = 1


class PreviewTurns:
    """The workspaces with a preview under way."""

    def __init__(self) -> None:
        self._busy: set[int] = set()

    @contextmanager
    def hold(self, workspace_id: int) -> Iterator[None]:
        """Hold the turn of a workspace. Raises RateLimited while another preview has it."""
        if workspace_id in self._busy:
            raise RateLimited(PREVIEW_BUSY_MESSAGE, retry_after=RETRY_SECONDS)
        self._busy.add(workspace_id)
        try:
            yield
        finally:
            self._busy.discard(workspace_id)


PREVIEW_TURNS: Final = PreviewTurns()  # of this process: the API and the console may be in one
