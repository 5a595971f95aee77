"""Claim a batch's identities and lock its existing leads, in the lock order of docs/architecture.md."""

from collections.abc import Mapping, Sequence

from shared.leads import identities
from shared.leads.apply_batch import MERGED_LEAD_FIELDS
from shared.leads.deduplication import LeadResolution, claim_corrections, resolve_submissions
from shared.leads.identities import MAX_CLAIM_ROUNDS
from shared.leads.submission import IMPORT_CHANNEL, AcceptedSubmission, LeadState
from shared.platform.db.connections import StatementExecutor
from shared.platform.db.database_errors import ContentionError


async def claim_identities(
    connection: StatementExecutor,
    submissions: Sequence[AcceptedSubmission],
    new_ids: Sequence[int],
    assumed_versions: Mapping[int, int],
) -> tuple[LeadResolution, dict[int, LeadState]]:
    """Claim the submissions' identities, resolve the submissions to leads, and lock the existing leads in order of id.

    `assumed_versions` has the version of each workspace that the batch relies on. The reference locks of these
    workspaces are taken first. Raises a contention error if a version is outdated, or if other transactions kept
    changing the identities.
    """
    fresh, new = resolve_submissions(submissions, {}, new_ids), set(new_ids)
    for attempt in range(MAX_CLAIM_ROUNDS):
        lost = await identities.claim(connection, fresh.owners, {} if attempt else assumed_versions)
        if not lost:
            await _note_imports(connection, submissions, fresh)
            return fresh, {}
        states, known = await identities.lock_owners(connection, lost, MERGED_LEAD_FIELDS)
        # Identities that an earlier round claimed for new leads have no owner yet, so they do not decide anything.
        held = {key: lead for key, lead in known.items() if lead not in new}
        # If this is false, a lead was merged or deleted, or a contact replaced, between the claim and the lock.
        if len(known) == len(lost) and {*held.values()} <= states.keys():
            resolution = resolve_submissions(submissions, held, new_ids)
            claimed = {key: lead for key, lead in fresh.owners.items() if key not in held}
            if wrong := dict(claim_corrections(claimed, resolution.owners)):
                await identities.reassign(connection, wrong)
            await _note_imports(connection, submissions, resolution)
            return resolution, states
    raise ContentionError("identities kept changing")


async def _note_imports(
    connection: StatementExecutor, submissions: Sequence[AcceptedSubmission], resolution: LeadResolution
) -> None:
    """Note on identities that an import joined to leads which, so that its undo finds them."""
    joined = {
        key: int(submissions[place].channel.removeprefix(IMPORT_CHANNEL))
        for key, place in resolution.joined.items()
        if submissions[place].channel.startswith(IMPORT_CHANNEL)
    }
    if joined:
        await identities.note_imports(connection, joined)
