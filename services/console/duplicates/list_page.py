"""Duplicates: pairs of leads that may be one person, likeliest first."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from services.console.duplicates.backlog import read_backlog
from services.console.duplicates.query import (
    GROUP_PARAMETER,
    LARGE_WORKSPACE_LEADS,
    WALK_PARAMETER,
    group_text,
    kept_filters,
    position_text,
    read_default_score,
    read_group,
    read_pair_filter,
    read_position,
    walk_parameters,
)
from services.console.leads.pair_words import pair_reasons
from services.console.leads.words import lead_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.likeness.pair_groups import add_groups, find_further
from shared.likeness.pair_list import PAIR_STATES, PairDict, count_pairs, list_pairs, read_pair
from shared.likeness.pair_states import dismiss_pair, reopen_pair
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

PAIRS_PER_PAGE = 30
SCORE_STEPS = (0.6, 0.8, 0.9, 0.95)
SHOWN_BACKLOG_SECONDS = 10.0  # for which a lead waits before the page says so: usually it is a second
NAMED_LEADS = 3  # further leads that a row names


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the pairs of one state."""
    query, workspace_id = view.request.query, view.workspace.workspace_id
    after = read_position(query.get("after", ""))
    async with view.console.reading() as connection:
        default_score = await read_default_score(connection, workspace_id)
        which = read_pair_filter(query, default_score)
        pairs = await list_pairs(connection, workspace_id, which, limit=PAIRS_PER_PAGE + 1, after=after)
        counts = {
            state: await count_pairs(connection, workspace_id, which._replace(state=state)) for state in PAIR_STATES
        }
        shown = pairs[:PAIRS_PER_PAGE]
        await add_groups(connection, workspace_id, shown)
        backlog = await read_backlog(connection, workspace_id)
    return await view.render(
        "duplicates/list.html",
        pairs=[_pair_row(view, pair) for pair in shown],
        counts_by_state=counts,
        backlog=backlog if backlog.seconds >= SHOWN_BACKLOG_SECONDS else None,
        state=which.state,
        min_score=which.min_score,
        is_likely_only=default_score is not None and which.min_score == default_score,
        large_workspace=LARGE_WORKSPACE_LEADS,
        lead_id=which.lead_id,
        score_steps=SCORE_STEPS,
        older=position_text(shown[-1]) if len(pairs) > PAIRS_PER_PAGE else None,
        is_first_page=after is None,
        kept=kept_filters(which, default_score),
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
    view.redirect(compare_path(view, first, second, **walk_parameters(view.request.query, pair)))


@workspace_page(Permission.CHANGE_LEADS)
async def dismiss(view: PageView) -> web.StreamResponse:
    """Say that a pair is not one person. The next page offers to take it back: the next of a group comes first."""
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
    view.redirect(await _path_after_dismissal(view, pair), said, undo=undo, label=view.translate("Undo"))


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


async def next_path(view: PageView, pair: PairDict | None) -> str:
    """Return where the reader goes on: to the pair after this one, if they go through all, else to the list."""
    query, workspace_id = view.request.query, view.workspace.workspace_id
    walk = walk_parameters(query, pair)
    async with view.console.reading() as connection:
        default_score = await read_default_score(connection, workspace_id)
        following = await find_next_pair(view, connection, walk, default_score)
    if following:
        return next_pair_path(view, following, walk)
    return view.path("duplicates", **kept_filters(read_pair_filter(query, default_score), default_score))


async def find_next_pair(
    view: PageView, connection: Connection, walk: Mapping[str, Any], default_score: float | None
) -> PairDict | None:
    """Return the open pair that is next likeliest on the reader's way through the list, or None."""
    position = read_position(walk.get(WALK_PARAMETER) or "")
    if position is None:
        return None
    which = read_pair_filter(walk, default_score)
    found = await list_pairs(connection, view.workspace.workspace_id, which, limit=1, after=position)
    return found[0] if found else None


def next_pair_path(view: PageView, pair: PairDict, walk: Mapping[str, Any]) -> str:
    """Return the address of the next pair of a reader who goes through all."""
    return view.path(f"duplicates/{pair['id']}", **{**walk, WALK_PARAMETER: 1})


def compare_path(view: PageView, winner: int, loser: int, group: Iterable[int] = (), **kept: object) -> str:
    """Return the address of two leads side by side, with the leads that are compared next."""
    return view.path(f"leads/{winner}/merge", **{"with": loser, GROUP_PARAMETER: group_text(group), **kept})


async def _path_after_dismissal(view: PageView, pair: PairDict) -> str:
    """Return the address of the next two leads of a group, or else where the reader goes on."""
    query, group = view.request.query, read_group(view.request.query)
    if group:
        stays = next((id_ for id_ in pair["lead_ids"] if str(id_) == query.get("stays")), pair["lead_ids"][0])
        async with view.console.reading() as connection:
            further = await find_further(connection, view.workspace.workspace_id, (stays,), group)
        # The others were alike the lead that was dismissed. The list has their pairs.
        left = [lead["id"] for lead in further if lead["alike_id"] and lead["id"] in group]
        if left:
            return compare_path(view, stays, left[0], left[1:], **walk_parameters(query, pair))
    return await next_path(view, pair)


def _pair_row(view: PageView, pair: PairDict) -> dict[str, Any]:
    leads, group = ([{**lead, "name": lead_name(view, lead)} for lead in pair[part]] for part in ("leads", "group"))
    reasons = pair_reasons(view, pair["reasons"])
    return {**pair, "leads": leads, "group": group, "named": group[:NAMED_LEADS], "reasons": reasons}
