"""Decide which lead each submission belongs to. Pure; the database's part is in `ingest/claim.py`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.leads.submission import Key, Submission


@dataclass(slots=True)
class Resolution:
    """The lead of each submission, in the order of the submissions.

    `owners` maps every identity to its lead. The kinds that found the lead are kept per submission; they are empty for
    the first submission of a new lead. `pairs` are the two leads (lead, other) that own the email and the phone of one
    submission.
    """

    leads: list[int] = field(default_factory=list)
    matched: list[list[str]] = field(default_factory=list)
    owners: dict[Key, int] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)


def resolve(submissions: Iterable[Submission], known: Mapping[Key, int], new_ids: Iterable[int]) -> Resolution:
    """Assign each submission, in order, to the owner of its email, else of its phone, else to a new lead.

    `known` are identities that belong to leads already. If the n-th submission needs a new lead, it gets the n-th of
    `new_ids`. The id is always the same, so that claims under it stay valid when `known` grows.
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
    """Yield the identities that were claimed for the wrong lead, with the right lead."""
    for key, claimed in won.items():
        if owners[key] != claimed:
            yield key, owners[key]
