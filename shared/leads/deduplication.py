"""Decide which lead each submission belongs to, by its email and phone. Pure.

The database's part is in `services/workers/ingest/identity_claims.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.leads.submission import AcceptedSubmission, IdentityKey


@dataclass(slots=True)
class LeadResolution:
    """The lead of each submission, in the order of the submissions.

    `owners` maps every identity to its lead. The kinds that found the lead are kept per submission; they are empty for
    the first submission of a new lead. `pairs` are the two leads (lead, other) that own the email and the phone of one
    submission. `joined` are identities by which a lead is known from now on beside others, with the place of the
    submission that brought each.
    """

    lead_ids: list[int] = field(default_factory=list)
    matched_kinds: list[list[str]] = field(default_factory=list)
    owners: dict[IdentityKey, int] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    joined: dict[IdentityKey, int] = field(default_factory=dict)


def resolve_submissions(
    submissions: Iterable[AcceptedSubmission], known: Mapping[IdentityKey, int], new_ids: Iterable[int]
) -> LeadResolution:
    """Assign each submission, in order, to the owner of its email, else of its phone, else to a new lead.

    `known` are identities that belong to leads already. If the n-th submission needs a new lead, it gets the n-th of
    `new_ids`. The id is always the same, so that claims under it stay valid when `known` grows.
    """
    result = LeadResolution(owners=dict(known))
    owners = result.owners
    for submission, new_id in zip(submissions, new_ids, strict=False):
        known_owners = [(key, owners[key]) for key in submission.keys if key in owners]
        lead = known_owners[0][1] if known_owners else new_id
        result.lead_ids.append(lead)
        result.matched_kinds.append([key[1] for key, owner in known_owners if owner == lead])
        result.pairs.extend((lead, owner) for _, owner in known_owners[1:] if owner != lead)
        if known_owners and len(known_owners) < len(submission.keys):
            place = len(result.lead_ids) - 1
            result.joined |= {key: place for key in submission.keys if key not in owners}
        for key in submission.keys:
            owners.setdefault(key, lead)
    return result


def claim_corrections(
    won: Mapping[IdentityKey, int], owners: Mapping[IdentityKey, int]
) -> Iterator[tuple[IdentityKey, int]]:
    """Yield the identities that were claimed for the wrong lead, with the right lead."""
    for key, claimed in won.items():
        if owners[key] != claimed:
            yield key, owners[key]
