"""The cards and columns of the board in the reader's words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.console.leads.query import LeadListState, position_text
from services.console.leads.words import lead_name, masked_text
from services.console.pipeline.reads import NEWEST_FIRST, BoardColumn
from services.console.web.colors import nearest_hue
from services.console.web.page_view import PageView
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson

NO_STAGE = 0  # in place of an id, for leads that have none


@dataclass(frozen=True)
class BoardCard:
    """A lead as the board shows it. `stage_id` and `status` are what the reader sees before they move it."""

    id: int
    name: str
    company: str
    score: int
    at: datetime
    owner: str
    stage_id: int
    status: str
    is_starred: bool


@dataclass(frozen=True)
class ShownColumn:
    """A column for the page. `older` is the place of its next cards, empty at the end."""

    stage_id: int
    name: str
    hue: int
    total: int
    cards: list[BoardCard]
    older: str
    is_foreign: bool = True


def shown_column(view: PageView, column: BoardColumn, sort: LeadSort, users: Mapping[int, str]) -> ShownColumn:
    """Return a column of the board."""
    stage = column.stage
    stage_id = stage["id"] if stage else NO_STAGE
    return ShownColumn(
        stage_id,
        stage["name"] if stage else view.translate("No stage"),
        nearest_hue(stage["color"], stage["position"]) if stage else 0,
        column.total,
        list(board_cards(view, column.cards, stage_id, users)),
        position_text(sort if stage else NEWEST_FIRST, column.older) if column.older else "",
        is_foreign=stage is not None,
    )


def board_cards(
    view: PageView, records: Iterable[LeadJson], stage_id: int, users: Mapping[int, str]
) -> Iterable[BoardCard]:
    """Yield the cards of a column."""
    for record in records:
        owner = record["assigned_user_id"]
        yield BoardCard(
            record["id"],
            lead_name(view, record),
            masked_text(view, record["company"]) if record["company"] else "",
            record["lead_score"],
            record["created_at"],
            users.get(owner, f"#{owner}") if owner else "",
            stage_id,
            record["status"],
            record["starred"],
        )


def without_stages(state: LeadListState) -> LeadListState:
    """Return the list of the whole board: its columns are the stages."""
    return state.without("stage_id")
