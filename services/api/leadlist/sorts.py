"""The orders that a list can have: each an index, which holds the filters, read forwards or backwards. Pure."""

from typing import NamedTuple

COLUMNS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "lead_score": "lead_score",
    "first_name": "first_name_key",
    "last_name": "last_name_key",
    "email": "email_key",
}
TIMES = ("created_at", "updated_at")


class Sort(NamedTuple):
    """By a column, ties by id, both in the same direction."""

    name: str
    descending: bool

    @property
    def column(self) -> str:
        return COLUMNS[self.name]

    @property
    def beyond(self) -> str:
        """The comparison that holds for what comes later in the list."""
        return "<" if self.descending else ">"

    def order(self, *, backwards: bool = False) -> str:
        word = "DESC" if self.descending is not backwards else "ASC"
        return f"{self.column} {word}, id {word}"
