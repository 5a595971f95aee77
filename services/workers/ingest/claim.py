"""Claim a batch's identities and lock its existing leads, in the lock order of docs/architecture.md."""

from collections.abc import Mapping, Sequence

from shared.db import Contended, Statements
from shared.leads import identities
from shared.leads.apply import MERGED
from shared.leads.identities import ROUNDS
from shared.leads.resolve import Resolution, corrections, resolve
from shared.leads.submission import State, Submission


async def claim(
    connection: Statements, submissions: Sequence[Submission], new_ids: Sequence[int], hold: Mapping[int, int]
) -> tuple[Resolution, dict[int, State]]:
    """Claim the submissions' identities, resolve the submissions to leads, and lock the existing leads in order of id.

    `hold` has the version of each workspace that the batch relies on. The reference locks of these workspaces are taken
    first. Raises a contention error if a version is outdated, or if other transactions kept changing the
    identities.
    """
    fresh, new = resolve(submissions, {}, new_ids), set(new_ids)
    for attempt in range(ROUNDS):
        lost = await identities.claim(connection, fresh.owners, {} if attempt else hold)
        if not lost:
            return fresh, {}
        states, known = await identities.lock_owners(connection, lost, MERGED)
        # Identities that an earlier round claimed for new leads have no owner yet, so they do not decide anything.
        held = {key: lead for key, lead in known.items() if lead not in new}
        # If this is false, a lead was merged or deleted, or a contact replaced, between the claim and the lock.
        if len(known) == len(lost) and {*held.values()} <= states.keys():
            resolution = resolve(submissions, held, new_ids)
            claimed = {key: lead for key, lead in fresh.owners.items() if key not in held}
            if wrong := dict(corrections(claimed, resolution.owners)):
                await identities.correct(connection, wrong)
            return resolution, states
    raise Contended("identities kept changing")
