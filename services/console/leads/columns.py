"""The columns of the list of leads: which there are, and which are shown. The name is always first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.console.web.translations import mark_message as _

CUSTOM_PREFIX: Final = "custom_fields."
DEFAULT_COLUMNS = ("company", "stage", "lead_score", "owner", "source", "tags", "created_at")


@dataclass(frozen=True)
class LeadColumn:
    """A column. `sort` names the order that its heading gives; `classes` are those of its cells.

    Columns of `p2` and `p3` go first where a page is narrow, and those with `hide` are not on a phone's card.
    """

    label: str
    sort: str = ""
    classes: str = "hide"
    is_number: bool = False


LEAD_COLUMNS: dict[str, LeadColumn] = {
    "company": LeadColumn(_("Company"), classes="muted priority-2 hide"),
    "stage": LeadColumn(_("Stage"), classes=""),
    "status": LeadColumn(_("Status"), classes=""),
    "lead_score": LeadColumn(_("Score"), "lead_score", "corner", is_number=True),
    "owner": LeadColumn(_("Owner"), classes="priority-2"),
    "source": LeadColumn(_("Source"), classes="muted priority-3 hide"),
    "tags": LeadColumn(_("Tags"), classes="priority-3 hide"),
    "created_at": LeadColumn(_("Created"), "created_at", "faint", is_number=True),
    "updated_at": LeadColumn(_("Last change"), "updated_at", "faint", is_number=True),
    "email": LeadColumn(_("E-mail"), "email", "muted hide"),
    "email_as_given": LeadColumn(_("E-mail as given"), classes="muted hide"),
    "phone": LeadColumn(_("Phone"), classes="muted hide"),
    "job_title": LeadColumn(_("Job title"), classes="muted hide"),
    "country": LeadColumn(_("Country"), classes="muted hide"),
    "pipeline": LeadColumn(_("Pipeline"), classes="muted hide"),
    "first_name": LeadColumn(_("First name"), "first_name", "muted hide"),
    "last_name": LeadColumn(_("Last name"), "last_name", "muted hide"),
    "utm_source": LeadColumn("utm_source", classes="muted hide"),
    "utm_campaign": LeadColumn("utm_campaign", classes="muted hide"),
    "id": LeadColumn(_("Number"), classes="faint hide", is_number=True),
}


def column_of(name: str) -> LeadColumn:
    """Return a column. That of a custom field is called by its key."""
    return LEAD_COLUMNS.get(name) or LeadColumn(name.removeprefix(CUSTOM_PREFIX), classes="muted hide")


def is_column(name: str) -> bool:
    """Return whether there is such a column: every custom field may have one."""
    return name in LEAD_COLUMNS or (name.startswith(CUSTOM_PREFIX) and len(name) > len(CUSTOM_PREFIX))


def shown_columns(*wishes: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns of the first wish that names any that exist, otherwise the default ones."""
    for wish in wishes:
        found = tuple(dict.fromkeys(name for name in wish or () if is_column(name)))
        if found:
            return found
    return DEFAULT_COLUMNS


def offered_columns(shown: Sequence[str], custom_keys: Iterable[str]) -> list[str]:
    """Return all columns to choose from: those that are shown in their order, then the others."""
    others = [*LEAD_COLUMNS, *(f"{CUSTOM_PREFIX}{key}" for key in custom_keys)]
    return [*shown, *(name for name in others if name not in shown)]
