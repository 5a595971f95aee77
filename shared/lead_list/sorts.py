"""The orders of the list of leads. Each is an index that also holds the filters, and is read in both directions. Pure.

The order by update has a table of its own, which holds times and ids alone.
"""

from typing import NamedTuple

SORT_COLUMNS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "lead_score": "lead_score",
    "first_name": "first_name_key",
    "last_name": "last_name_key",
    "email": "email_key",
}
LEADS_TABLE, UPDATES_TABLE = "leads", "lead_updates"
TIME_SORTS = ("created_at", "updated_at")


class LeadSort(NamedTuple):
    """An order by a column, with ties by id in the same direction."""

    name: str
    descending: bool

    @property
    def column(self) -> str:
        return SORT_COLUMNS[self.name]

    @property
    def table(self) -> str:
        """The table that has the order. Its rows have the column, `workspace_id` and the lead's `id`."""
        return UPDATES_TABLE if self.name == "updated_at" else LEADS_TABLE

    @property
    def comparison(self) -> str:
        """The comparison that holds for later entries of the list."""
        return "<" if self.descending else ">"

    def order_by(self, *, backwards: bool = False) -> str:
        word = "DESC" if self.descending is not backwards else "ASC"
        return f"{self.column} {word}, id {word}"
