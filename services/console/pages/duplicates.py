"""Duplicates: pairs of leads that may be one person, likeliest first."""

from typing import Any

from aiohttp import web

from services.console.access import workspace_page
from services.console.lead_words import lead_name
from services.console.page_view import PageView
from services.console.pair_words import pair_reasons
from shared.auth.roles import Permission
from shared.db.connections import Connection
from shared.errors import Conflict, NotFound
from shared.likeness.pair_list import (
    PAIR_STATES,
    PairDict,
    PairFilter,
    PairPosition,
    count_pairs,
    list_pairs,
    read_pair,
)
from shared.likeness.pair_states import dismiss_pair, reopen_pair
from shared.web.audit import audit_details
from shared.web.path_params import path_id

PAIRS_PER_PAGE = 30
SCORE_STEPS = (0.6, 0.8, 0.9, 0.95)
POSITION_SEPARATOR = "~"
WALK_PARAMETER = "walk"  # in a query or form: the reader goes through all pairs, one after another


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the pairs of one state."""
    which, workspace_id = asked_filter(view), view.workspace.workspace_id
    after = read_position(view.request.query.get("after", ""))
    async with view.console.reading() as connection:
        found = await list_pairs(connection, workspace_id, which, limit=PAIRS_PER_PAGE + 1, after=after)
        counts = {
            state: await count_pairs(connection, workspace_id, which._replace(state=state)) for state in PAIR_STATES
        }
    shown = found[:PAIRS_PER_PAGE]
    return await view.render(
        "duplicates.html",
        pairs=[_pair_row(view, pair) for pair in shown],
        counts_by_state=counts,
        state=which.state,
        min_score=which.min_score,
        lead_id=which.lead_id,
        score_steps=SCORE_STEPS,
        older=position_text(shown[-1]) if len(found) > PAIRS_PER_PAGE else None,
        is_first_page=after is None,
        kept=kept_filters(which),
    )


@workspace_page(Permission.SEE_RECORDS)
async def compare(view: PageView) -> web.StreamResponse:
    """Lead to the two leads side by side. A merged pair leads to the lead that stays."""
    async with view.console.reading() as connection:
        pair = await read_pair(connection, view.workspace.workspace_id, path_id(view.request))
    if pair is None:
        raise NotFound
    first, second = pair["lead_ids"]
    if pair["state"] == "merged":
        view.redirect(view.path(f"leads/{first}"))
    walk = view.request.query.get(WALK_PARAMETER)
    view.redirect(view.path(f"leads/{first}/merge", **{"with": second, WALK_PARAMETER: walk and "1"}))


@workspace_page(Permission.CHANGE_LEADS)
async def dismiss(view: PageView) -> web.StreamResponse:
    """Say that a pair is not one person. The next page offers to take it back."""
    workspace_id, pair_id = view.workspace.workspace_id, path_id(view.request)
    audit_details(view.request, action="duplicate.dismissed", object=("duplicate", str(pair_id)))
    by = f"user:{view.account.account_id}"
    try:
        pair = await view.console.writing(lambda connection: dismiss_pair(connection, workspace_id, pair_id, by))
    except Conflict:
        view.redirect(view.path("duplicates"), view.translate("These two are merged already."))
    view.console.forget_figures(workspace_id)
    names = [lead_name(view, lead) for lead in pair["leads"]]
    said = view.translate("“%(one)s” and “%(other)s” are not the same.", one=names[0], other=names[1])
    undo = view.path(f"duplicates/{pair_id}/reopen")
    view.redirect(await next_path(view, pair), said, undo=undo, label=view.translate("Undo"))


@workspace_page(Permission.CHANGE_LEADS)
async def reopen(view: PageView) -> web.StreamResponse:
    """Take it back that a pair is not one person."""
    workspace_id, pair_id = view.workspace.workspace_id, path_id(view.request)
    audit_details(view.request, action="duplicate.reopened", object=("duplicate", str(pair_id)))
    try:
        await view.console.writing(lambda connection: reopen_pair(connection, workspace_id, pair_id))
    except Conflict:
        view.redirect(view.path("duplicates"), view.translate("These two are merged already."))
    view.console.forget_figures(workspace_id)
    view.redirect(view.path("duplicates"), view.translate("They may be the same again."))


async def next_path(view: PageView, pair: PairDict) -> str:
    """Return where the reader goes on: to the pair after this one, if they go through all, else to the list."""
    query = view.request.query
    if query.get(WALK_PARAMETER):
        async with view.console.reading() as connection:
            following = await find_next_pair(connection, view.workspace.workspace_id, pair)
        if following:
            return view.path(f"duplicates/{following['id']}", walk=1)
    return view.path("duplicates", **kept_filters(asked_filter(view)))


async def find_next_pair(connection: Connection, workspace_id: int, pair: PairDict) -> PairDict | None:
    """Return the open pair that is next likeliest after a pair, or None."""
    position = PairPosition(pair["bits"], pair["id"])
    found = await list_pairs(connection, workspace_id, PairFilter(), limit=1, after=position)
    return found[0] if found else None


def asked_filter(view: PageView) -> PairFilter:
    """Return which pairs the address asks for. What cannot be read is left out."""
    query = view.request.query
    state = query.get("state", "")
    try:
        score: float | None = float(query["min_score"])
    except (KeyError, ValueError):
        score = None
    lead = query.get("lead_id", "")
    is_id = lead.isascii() and lead.isdigit() and 0 < len(lead) < 19
    return PairFilter(
        state if state in PAIR_STATES else PAIR_STATES[0],
        score if score is not None and 0 < score <= 1 else None,
        int(lead) if is_id else None,
    )


def kept_filters(which: PairFilter) -> dict[str, object]:
    """Return the filter as an address has it."""
    state = None if which.state == PAIR_STATES[0] else which.state
    return {"state": state, "min_score": which.min_score, "lead_id": which.lead_id}


def position_text(pair: PairDict) -> str:
    """Return the position after a pair, as an address has it."""
    return f"{pair['bits']!r}{POSITION_SEPARATOR}{pair['id']}"


def read_position(text: str) -> PairPosition | None:
    """Return the position that an address names. One that cannot be read is the beginning."""
    bits, _, id_ = text.partition(POSITION_SEPARATOR)
    if not (id_.isascii() and id_.isdigit() and len(id_) < 19):
        return None
    try:
        return PairPosition(float(bits), int(id_))
    except ValueError:
        return None


def _pair_row(view: PageView, pair: PairDict) -> dict[str, Any]:
    leads = [{**lead, "name": lead_name(view, lead)} for lead in pair["leads"]]
    return {**pair, "leads": leads, "reasons": pair_reasons(view, pair["reasons"])}
