"""How many pages an account, and a workspace, has under way at once. Further ones are refused before they cost much."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.platform.errors import RateLimited

# A browser opens six connections to a host, and shows pages of several tabs one after the other.
MAX_ACCOUNT_PAGES, MAX_WORKSPACE_PAGES = 12, 36
RETRY_SECONDS = 2
REFUSAL_DELAY_SECONDS = 1.0  # so that whoever asks again at once takes less of the time of this process
TOO_MANY_MESSAGE = "Too many pages are being opened at once. Try it again in a moment."


class TooManyPages(RateLimited):
    """An account or its workspace has too many pages under way."""


class OpenPages:
    """The pages of this process that are under way."""

    def __init__(self) -> None:
        self._accounts: Counter[int] = Counter()
        self._workspaces: Counter[int] = Counter()

    @contextmanager
    def counted(self, account_id: int, workspace_id: int) -> Iterator[None]:
        """Count a page while it is under way. Raises TooManyPages. `workspace_id` is 0 for pages of the account."""
        is_full = self._accounts[account_id] >= MAX_ACCOUNT_PAGES
        if is_full or (workspace_id and self._workspaces[workspace_id] >= MAX_WORKSPACE_PAGES):
            raise TooManyPages(TOO_MANY_MESSAGE, retry_after=RETRY_SECONDS)
        self._accounts[account_id] += 1
        self._workspaces[workspace_id] += 1
        try:
            yield
        finally:
            for counts, key in ((self._accounts, account_id), (self._workspaces, workspace_id)):
                counts[key] -= 1
                if not counts[key]:
                    del counts[key]
