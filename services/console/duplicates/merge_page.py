"""Two leads side by side: field by field, merge, and undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from services.console.duplicates.comparison import compare_leads, count_belongings, read_choices, read_names
from services.console.duplicates.list_page import compare_path, find_next_pair, next_pair_path, next_path
from services.console.duplicates.query import (
    GROUP_PARAMETER,
    WALK_PARAMETER,
    group_text,
    read_default_score,
    read_group,
    walk_parameters,
)
from services.console.leads.change_causes import user_cause
from services.console.leads.pair_words import pair_reasons
from services.console.leads.words import field_label, lead_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.leads import identities
from shared.leads.lead_redirects import find_winner
from shared.leads.submission import LeadState
from shared.leads.writes import LEAD_COLUMNS
from shared.likeness.pair_groups import FurtherLead, find_further
from shared.likeness.pair_list import PairDict, PairFilter, list_pairs
from shared.merging.lead_merges import MergeConflict, merge_leads
from shared.merging.lead_unmerge import Unmerged, unmerge_lead
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.web.path_params import MAX_ID, path_id
from shared.service_app.audit import audit_details

MAX_PAIRS_OF_LEAD = 100
# What stands in the way of a merge, by the field that is told.
REFUSAL_WORDS: Mapping[str, str] = {
    "custom_fields": _("Together they hold too many custom fields: take those of one lead."),
    "notes": _("Together their notes are too long: shorten those of one lead first."),
    "tags": _("Together they bear too many tags: remove some first."),
    "lead_id": _("The other lead is gone, or is this one already."),
}
# The messages of `shared/merging/lead_unmerge.py`.
CONFLICT_WORDS: Mapping[str, str] = {
    "The merge {merge} has been undone already.": _("This merge has been undone already."),
    "Lead {winner} was merged into lead {into} since. Undo merge {merge} first.": _(
        "Lead #%(winner)s was merged into lead #%(into)s since. Undo that merge first."
    ),
    "The {kind} of lead {loser} belongs to lead {holder} by now. Merge that lead or delete it first.": _(
        "A contact of lead #%(loser)s belongs to lead #%(holder)s by now. Merge that lead or delete it first."
    ),
}


@dataclass(frozen=True)
class LeadPair:
    """Two leads: the one that stays and the one that goes, and what likeness says of them, if anything."""

    winner: LeadState
    loser: LeadState
    likeness: PairDict | None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show two leads side by side."""
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        pair = await _read_pair(view, connection)
        names = await read_names(connection, workspace_id, (pair.winner, pair.loser))
        moves = await count_belongings(connection, workspace_id, pair.loser["id"])
        further = await _read_further(view, connection, pair)
        walk = walk_parameters(view.request.query, pair.likeness)
        following = await find_next_pair(view, connection, walk, await read_default_score(connection, workspace_id))
    reasons = pair_reasons(view, pair.likeness["reasons"]) if pair.likeness else []
    winner, loser, group = pair.winner["id"], pair.loser["id"], [lead["id"] for lead in further]
    return await view.render(
        "duplicates/merge.html",
        rows=compare_leads(view, pair.winner, pair.loser, names),
        winner=pair.winner,
        loser=pair.loser,
        winner_name=lead_name(view, pair.winner),
        loser_name=lead_name(view, pair.loser),
        likeness=pair.likeness,
        reasons=reasons,
        moves=moves,
        kept={**walk, GROUP_PARAMETER: group_text(group)},
        merge_path=compare_path(view, winner, loser, group, **walk),
        swapped_path=compare_path(view, loser, winner, group, **walk),
        further=[_further_line(view, pair, lead, further, walk) for lead in further],
        following=next_pair_path(view, following, walk) if following else None,
    )


@workspace_page(Permission.CHANGE_LEADS)
async def submit(view: PageView) -> web.StreamResponse:
    """Merge the other lead into this one."""
    workspace_id, form = view.workspace.workspace_id, await view.read_form()
    async with view.console.reading() as connection:
        pair = await _read_pair(view, connection)
    winner, loser = pair.winner["id"], pair.loser["id"]
    choices = read_choices(form, pair.winner, pair.loser)
    audit_details(view.request, action="lead.merged", object=("lead", str(winner)), after={"lead_id": loser})
    cause = user_cause(view)

    async def merge(connection: Connection) -> int:
        return await merge_leads(connection, workspace_id, winner, loser, cause, choices)

    try:
        merge_id = await view.console.writing(merge)
    except ValidationFailed as refused:
        name = next(iter(refused.errors or {}), "lead_id").removeprefix("fields.")
        problem = view.translate_choice(REFUSAL_WORDS, name, otherwise=view.translate(REFUSAL_WORDS["lead_id"]))
        kept = walk_parameters(view.request.query, pair.likeness)
        view.redirect(compare_path(view, winner, loser, read_group(view.request.query), **kept), problem)
    view.console.forget_figures(workspace_id)
    sentence = view.translate("Lead %(id)s is merged into %(name)s.", id=f"#{loser}", name=lead_name(view, pair.winner))
    undo = view.path(f"leads/{winner}/unmerge", merge_id=merge_id)
    where, remaining = await _path_after_merge(view, pair)
    if remaining:
        sentence += " " + view.translate_count(
            "%(n)s more looks like this person.", "%(n)s more look like this person.", remaining
        )
    view.redirect(where, sentence, undo=undo, label=view.translate("Undo"))


@workspace_page(Permission.CHANGE_LEADS)
async def unmerge(view: PageView) -> web.StreamResponse:
    """Undo a merge: the form or the address names it."""
    workspace_id, lead_id = view.workspace.workspace_id, path_id(view.request)
    merge_id = _read_id(str((await view.read_form()).get("merge_id") or view.request.query.get("merge_id", "")))
    audit_details(view.request, action="lead.unmerged", object=("lead", str(lead_id)), after={"merge_id": merge_id})
    cause = user_cause(view)

    async def undo(connection: Connection) -> Unmerged:
        return await unmerge_lead(connection, workspace_id, lead_id, merge_id, cause)

    try:
        undone = await view.console.writing(undo)
    except ValidationFailed as refused:
        raise NotFound from refused
    except MergeConflict as refused:
        words = CONFLICT_WORDS.get(refused.template)
        said = view.translate(words, **refused.values) if words else str(refused)
        view.redirect(view.path(f"leads/{lead_id}"), said)
    view.console.forget_figures(workspace_id)
    _tell_undone(view, undone)


async def _path_after_merge(view: PageView, pair: LeadPair) -> tuple[str, int]:
    """Return where the reader goes on, and how many leads of the group are left to be compared there."""
    query, winner = view.request.query, pair.winner["id"]
    group = [id_ for id_ in read_group(query) if id_ != pair.loser["id"]]
    if group:
        async with view.console.reading() as connection:
            further = await find_further(connection, view.workspace.workspace_id, (winner,), group)
        if further:
            first, *rest = (lead["id"] for lead in further)
            kept = walk_parameters(query, pair.likeness)
            return compare_path(view, winner, first, rest, **kept), len(further)
    if query.get(WALK_PARAMETER):
        return await next_path(view, pair.likeness), 0
    return view.path(f"leads/{winner}"), 0


async def _read_further(view: PageView, connection: Connection, pair: LeadPair) -> list[FurtherLead]:
    """Return the further leads of the group. Two leads that nothing and nobody put side by side have none."""
    group = read_group(view.request.query)
    if not group and pair.likeness is None:
        return []
    leads = pair.winner["id"], pair.loser["id"]
    return await find_further(connection, view.workspace.workspace_id, leads, group)


def _further_line(
    view: PageView, pair: LeadPair, lead: FurtherLead, further: Sequence[FurtherLead], walk: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a further lead with the address that compares it with whom it is most alike."""
    near = lead["alike_id"] or pair.winner["id"]
    others = (pair.winner["id"], pair.loser["id"], *(each["id"] for each in further))
    rest = [id_ for id_ in others if id_ not in (near, lead["id"])]
    return {**lead, "name": lead_name(view, lead), "path": compare_path(view, near, lead["id"], rest, **walk)}


def _tell_undone(view: PageView, undone: Unmerged) -> NoReturn:
    sentence = view.translate("The merge is undone: lead %(id)s is back.", id=f"#{undone.restored_id}")
    if undone.kept:
        fields = ", ".join(field_label(view, name) for name in undone.kept)
        sentence += " " + view.translate(
            "These fields stay, since they were changed afterwards: %(fields)s.", fields=fields
        )
    link, label = view.path(f"leads/{undone.restored_id}"), view.translate("Open it")
    view.redirect(view.path(f"leads/{undone.winner_id}"), sentence, link=link, label=label)


async def _read_pair(view: PageView, connection: Connection) -> LeadPair:
    """Return the two leads in the address. Raises NotFound; ids of merged leads end the request with the right ones."""
    workspace_id = view.workspace.workspace_id
    wanted = path_id(view.request), _read_id(view.request.query.get("with", ""))
    keys = [(workspace_id, id_) for id_ in wanted]
    states = await identities.read_unlocked(connection, keys, LEAD_COLUMNS)
    if len(states) < 2:
        first, second = [
            id_ if key in states else await find_winner(connection, workspace_id, id_)
            for key, id_ in zip(keys, wanted, strict=True)
        ]
        if first is None or second is None:
            raise NotFound
        if first == second:
            view.redirect(view.path(f"leads/{first}"), view.translate("These two are merged already."))
        kept = walk_parameters(view.request.query, None)
        view.redirect(compare_path(view, first, second, read_group(view.request.query), **kept))
    which = PairFilter(state="open", lead_id=wanted[0])
    pairs = await list_pairs(connection, workspace_id, which, limit=MAX_PAIRS_OF_LEAD)
    likeness = next((pair for pair in pairs if wanted[1] in pair["lead_ids"]), None)
    return LeadPair(states[keys[0]], states[keys[1]], likeness)


def _read_id(text: str) -> int:
    """Return an id. Raises NotFound for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise NotFound
    return int(text)
