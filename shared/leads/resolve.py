"""Who is who: pure decisions over identities. The database's part stands in `claim.py`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.leads.submission import Key, Submission


@dataclass(slots=True)
class Resolution:
    """Which lead each submission belongs to, in the order of the submissions.

    `owners` maps every identity met to its lead. `matched` holds per submission the kinds that found the lead; empty
    for the first of a new lead. `pairs` are (lead, other) that one submission's email and phone point to.
    """

    leads: list[int] = field(default_factory=list)
    matched: list[list[str]] = field(default_factory=list)
    owners: dict[Key, int] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)


def resolve(submissions: Iterable[Submission], known: Mapping[Key, int], new_ids: Iterable[int]) -> Resolution:
    """Assigns each submission, in order, to the owner of its email, else of its phone, else to a new lead.

    `known` are identities that belong to leads already. The n-th of `new_ids` is the new lead of the n-th submission
    if it needs one: always the same, so that what was claimed under it stays right when `known` grows.
    """
    result = Resolution(owners=dict(known))
    owners = result.owners
    for submission, new_id in zip(submissions, new_ids, strict=False):
        found = [(key, owners[key]) for key in submission.keys if key in owners]
        lead = found[0][1] if found else new_id
        result.leads.append(lead)
        result.matched.append([key[1] for key, owner in found if owner == lead])
        result.pairs.extend((lead, owner) for _, owner in found[1:] if owner != lead)
        for key in submission.keys:
            owners.setdefault(key, lead)
    return result


def corrections(won: Mapping[Key, int], owners: Mapping[Key, int]) -> Iterator[tuple[Key, int]]:
    """Identities that were claimed for one lead and turned out to be another's, with the right lead."""
    for key, claimed in won.items():
        if owners[key] != claimed:
            yield key, owners[key]
