"""Who a batch is about: its identities claimed, its existing leads locked, in the order of docs/architecture.md."""

from collections.abc import Sequence

from shared.db import Connection, Contended
from shared.leads import identities
from shared.leads.apply import MERGED
from shared.leads.identities import ROUNDS, Gone, State
from shared.leads.resolve import Resolution, corrections, resolve
from shared.leads.submission import Key, Submission


async def claim(
    connection: Connection, submissions: Sequence[Submission], new_ids: Sequence[int]
) -> tuple[Resolution, dict[int, State]]:
    """Resolves the submissions and locks the existing leads among theirs, by id.

    Raises Contended when other transactions kept changing the identities under it.
    """
    for _ in range(ROUNDS):
        try:
            resolution, known = await _identities(connection, submissions, new_ids)
            states = await _lock(connection, submissions, resolution, new_ids)
            if known and await identities.owners(connection, known) != known:
                raise Gone  # an operator replaced a contact while this waited for the lock
            return resolution, states
        except Gone:
            continue
    raise Contended("identities kept changing")


async def _identities(
    connection: Connection, submissions: Sequence[Submission], new_ids: Sequence[int]
) -> tuple[Resolution, dict[Key, int]]:
    """Who the submissions are, and the identities that leads held before."""
    fresh = resolve(submissions, {}, new_ids)
    lost = await identities.claim(connection, fresh.owners) if fresh.owners else []
    if not lost:
        return fresh, {}
    known = await identities.owners(connection, lost)
    if len(known) < len(lost):
        raise Gone
    resolution = resolve(submissions, known, new_ids)
    claimed = {key: lead for key, lead in fresh.owners.items() if key not in known}
    wrong = dict(corrections(claimed, resolution.owners))
    if wrong:
        await identities.correct(connection, wrong)
    return resolution, known


async def _lock(
    connection: Connection, submissions: Sequence[Submission], resolution: Resolution, new_ids: Sequence[int]
) -> dict[int, State]:
    fresh = set(new_ids)
    workspaces = {lead: s.workspace_id for s, lead in zip(submissions, resolution.leads, strict=True)}
    workspaces |= {other: workspaces[lead] for lead, other in resolution.pairs}
    existing = [(workspace, lead) for lead, workspace in workspaces.items() if lead not in fresh]
    if not existing:
        return {}
    states = await identities.lock(connection, existing, MERGED)
    if len(states) < len(existing):
        raise Gone
    return {lead_id: state for (_, lead_id), state in states.items()}
