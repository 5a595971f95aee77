"""Who a batch is about: its identities claimed, its existing leads locked, in the order of docs/architecture.md."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.db import Contended, Rows, Statements
from shared.leads import identities
from shared.leads.apply import MERGED
from shared.leads.identities import ROUNDS, State
from shared.leads.resolve import Resolution, corrections, resolve
from shared.leads.submission import Submission


class Claim(NamedTuple):
    """Identities under way to be claimed: who would own them if all are new, and where the answer comes."""

    fresh: Resolution
    answer: Rows


async def ask(
    connection: Statements, submissions: Sequence[Submission], new_ids: Sequence[int], hold: Iterable[int]
) -> Claim:
    """Holds what leads may refer to in those workspaces, then claims the submissions' identities."""
    fresh = resolve(submissions, {}, new_ids)
    return Claim(fresh, await identities.ask_for(connection, fresh.owners, hold))


async def settle(
    connection: Statements, claim: Claim, submissions: Sequence[Submission], new_ids: Sequence[int]
) -> tuple[Resolution, dict[int, State]]:
    """Resolves the submissions and locks the existing leads among theirs, by id.

    Raises Contended when other transactions kept changing the identities under it.
    """
    fresh = claim.fresh
    lost = await identities.lost(claim.answer, fresh.owners)
    for _ in range(ROUNDS):
        if not lost:
            return fresh, {}
        states, known = await identities.lock_owners(connection, lost, MERGED)
        # Else a lead was merged or deleted, or a contact replaced, between the claim and the lock.
        if len(known) == len(lost) and {*known.values()} <= {*states, *new_ids}:
            resolution = resolve(submissions, known, new_ids)
            claimed = {key: lead for key, lead in fresh.owners.items() if key not in known}
            if wrong := dict(corrections(claimed, resolution.owners)):
                await identities.correct(connection, wrong)
            return resolution, states
        lost = await identities.claim(connection, fresh.owners)
    raise Contended("identities kept changing")
