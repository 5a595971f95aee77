"""Who a batch is about: its identities claimed, its existing leads locked, in the order of docs/architecture.md."""

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
    """Holds what leads may refer to in those workspaces, claims the submissions' identities, resolves the submissions
    and locks the existing leads among theirs, by id.

    `hold` names the version of each workspace that the batch goes by. Raises what tells of contention where that has
    passed, or when other transactions kept changing the identities under it.
    """
    fresh, new = resolve(submissions, {}, new_ids), set(new_ids)
    for attempt in range(ROUNDS):
        lost = await identities.claim(connection, fresh.owners, {} if attempt else hold)
        if not lost:
            return fresh, {}
        states, known = await identities.lock_owners(connection, lost, MERGED)
        # What an earlier round claimed for new leads is nobody's yet: it decides no more than in the first.
        held = {key: lead for key, lead in known.items() if lead not in new}
        # Else a lead was merged or deleted, or a contact replaced, between the claim and the lock.
        if len(known) == len(lost) and {*held.values()} <= states.keys():
            resolution = resolve(submissions, held, new_ids)
            claimed = {key: lead for key, lead in fresh.owners.items() if key not in held}
            if wrong := dict(corrections(claimed, resolution.owners)):
                await identities.correct(connection, wrong)
            return resolution, states
    raise Contended("identities kept changing")
