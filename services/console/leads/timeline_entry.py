"""Entries of a timeline as the page shows them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from markupsafe import Markup

from services.console.leads.timeline_reads import NameKey

Names = Mapping[NameKey, str]
FoldKind = Literal["", "delivery", "score", "run"]


class ActivityLook(NamedTuple):
    """How a type of entry looks, and its sentence. `%(name)s` is what it is about."""

    icon: str
    colour: str
    sentence: str


class FieldDifference(NamedTuple):
    """A changed field with its values as texts, None where it is empty."""

    label: str
    before: str | None
    after: str | None


class LoggedCard(NamedTuple):
    """What somebody logged: whose face stands beside it, how a call ended, and what was said.

    `take_back_id` is set while the reader, who logged it, can take it back.
    """

    author: str
    outcome: str = ""
    is_reached: bool = False
    text: str = ""
    take_back_id: int | None = None


@dataclass(frozen=True)
class TimelineEntry:
    """An entry for the page. `link` is the submission or lead that it leads to, as (page, label).

    Entries with the same `fold` that follow one another stand in one line. `score` is that before and after.
    """

    icon: str
    colour: str
    text: Markup | str
    at: datetime
    detail: Markup | str = ""
    code: str = ""
    differences: tuple[FieldDifference, ...] = ()
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    link: tuple[str, str] | None = None
    merge_id: int | None = None
    fold: FoldKind = ""
    score: tuple[int, int] | None = None
    card: LoggedCard | None = None


@dataclass(frozen=True)
class TimelineFold:
    """A run of entries in one line that opens, newest first. `notes` are (colour, text) of what did not go well."""

    icon: str
    colour: str
    text: Markup | str
    entries: tuple[TimelineEntry, ...]
    is_good: bool = True
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def at(self) -> datetime:
        """The time of the newest entry."""
        return self.entries[0].at

    @property
    def since(self) -> datetime:
        """The time of the oldest entry."""
        return self.entries[-1].at
