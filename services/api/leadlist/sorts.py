"""The orders that a list can have: each an index, read forwards or backwards, which holds the filters. Pure.

That of updates is a table of its own, which holds times and ids alone.
"""

from typing import NamedTuple

COLUMNS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "lead_score": "lead_score",
    "first_name": "first_name_key",
    "last_name": "last_name_key",
    "email": "email_key",
}
LEADS, UPDATES = "leads", "lead_updates"
TIMES = ("created_at", "updated_at")


class Sort(NamedTuple):
    """By a column, ties by id, both in the same direction."""

    name: str
    descending: bool

    @property
    def column(self) -> str:
        return COLUMNS[self.name]

    @property
    def table(self) -> str:
        """Where the order is read; a place there has the column, `workspace_id` and the lead's `id`."""
        return UPDATES if self.name == "updated_at" else LEADS

    @property
    def beyond(self) -> str:
        """The comparison that holds for what comes later in the list."""
        return "<" if self.descending else ">"

    def order(self, *, backwards: bool = False) -> str:
        word = "DESC" if self.descending is not backwards else "ASC"
        return f"{self.column} {word}, id {word}"
