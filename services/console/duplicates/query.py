"""Addresses of the pages of duplicates: which pairs, how a reader goes through them, the further leads of a group."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.lead_list.counts import read_counts
from shared.lead_list.filters import LeadFilters
from shared.likeness.pair_groups import LIKELY_SCORE, MAX_GROUP_LEADS
from shared.likeness.pair_list import PAIR_STATES, PairDict, PairFilter, PairPosition, count_open_pairs
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID

LARGE_WORKSPACE_LEADS = 300_000  # among more, strangers are alike so often that only likely pairs are shown at first
POSITION_SEPARATOR = "~"
GROUP_SEPARATOR = "-"
# The reader goes through all pairs, one after another. The value is the place that they are at, or else `1`.
WALK_PARAMETER = "walk"
GROUP_PARAMETER = "group"  # ids of the leads that are compared next
WALK_PARAMETERS = (WALK_PARAMETER, "min_score", "lead_id")


async def read_default_score(connection: Connection, workspace_id: int) -> float | None:
    """Return the lowest score that is shown unless the address says otherwise, None if any is."""
    counts = await read_counts(connection, LeadFilters(workspace_id))
    return LIKELY_SCORE if counts.workspace_total > LARGE_WORKSPACE_LEADS else None


async def count_shown_pairs(connection: Connection, workspace_id: int) -> int:
    """Return how many pairs wait for a decision, among those that are shown unless the address says otherwise."""
    return await count_open_pairs(connection, workspace_id, await read_default_score(connection, workspace_id))


def read_pair_filter(query: Mapping[str, str], default_score: float | None) -> PairFilter:
    """Return which pairs an address asks for. What cannot be read is left out; a `min_score` of 0 means any."""
    state = query.get("state", "")
    try:
        score: float | None = float(query["min_score"])
    except (KeyError, ValueError):
        score = default_score
    if score is None or not 0 <= score <= 1:
        score = default_score
    return PairFilter(
        state if state in PAIR_STATES else PAIR_STATES[0],
        None if default_score is None and not score else score,
        _read_id(query.get("lead_id", "")),
    )


def kept_filters(which: PairFilter, default_score: float | None) -> dict[str, object]:
    """Return the filter as an address has it."""
    state = None if which.state == PAIR_STATES[0] else which.state
    score = None if which.min_score == default_score else which.min_score or 0
    return {"state": state, "min_score": score, "lead_id": which.lead_id}


def walk_parameters(query: Mapping[str, str], pair: PairDict | None) -> dict[str, Any]:
    """Return how a reader goes through pairs, as an address has it. They begin with `pair`."""
    parameters: dict[str, Any] = {name: query[name] for name in WALK_PARAMETERS if query.get(name)}
    if WALK_PARAMETER in parameters and read_position(parameters[WALK_PARAMETER]) is None:
        parameters[WALK_PARAMETER] = position_text(pair) if pair else None
    return parameters


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


def group_text(lead_ids: Iterable[int]) -> str | None:
    """Return the ids of leads as an address has them, None if there are none."""
    return GROUP_SEPARATOR.join(map(str, lead_ids)) or None


def read_group(query: Mapping[str, str]) -> list[int]:
    """Return the ids of leads that an address names, at most as many as a group has. Others are left out."""
    found = map(_read_id, query.get(GROUP_PARAMETER, "").split(GROUP_SEPARATOR))
    return [id_ for id_ in found if id_ is not None][: MAX_GROUP_LEADS - 2]


def _read_id(text: str) -> int | None:
    is_id = text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID
    return int(text) if is_id else None
