"""How often a value is met among leads: its part of the workspace, smoothed by what is known of names in general. Pure.

The commoner a value is, the less it says that two leads share it.
"""

from collections.abc import Iterator, Mapping

from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.nicknames import DATA_FOLDER
from services.workers.likeness.parsed_names import NameParts
from services.workers.likeness.value_hashes import hash_value

LOWEST_FREQUENCY = 1e-6  # nothing that two leads share says more
WHOLE_NAME_FREQUENCY = 1e-10  # less than its parts say: it is noticed where several leads bear it
PRIOR_LEADS = 300  # leads that the general frequency counts for
# The most common of each kind, and how fast frequency falls with the rank: Zipf's law, fitted by eye to censuses.
_TOP_FREQUENCIES = {"given": 0.016, "surname": 0.009}
_RANK_EXPONENT = 0.75
# Of values that no table knows.
_GENERAL_FREQUENCIES = {
    "given": 4e-4,
    "surname": 1e-4,
    "name": WHOLE_NAME_FREQUENCY,
    "local": 1e-6,
    "domain": 2e-4,
    "phone": 1e-6,
    "company": 2e-4,
    "date": 1 / 20_000,
    "number": 5e-3,
    "reference": 1e-5,
    "text": 2e-3,
}
GENERIC_LOCALS = frozenset(
    "info office contact sales admin hello mail support service post kontakt buero team marketing hr jobs "
    "billing accounting help webmaster enquiries inquiries reception test".split()
)
GENERIC_LOCAL_FREQUENCY = 0.01


def _read_common_names() -> dict[tuple[str, str], float]:
    ranks: dict[tuple[str, str], float] = {}
    for kind, top in _TOP_FREQUENCIES.items():
        lines = (DATA_FOLDER / "common_names.txt").read_text("utf-8").splitlines()
        names = [name for line in lines if line.startswith(f"{kind}:") for name in line.split()[1:]]
        for rank, name in enumerate(dict.fromkeys(names), start=1):
            ranks[kind, name] = top / rank**_RANK_EXPONENT
    return ranks


_COMMON_NAMES = _read_common_names()


def general_frequency(kind: str, value: str) -> float:
    """Return how common a value is in general, from 0 to 1."""
    if kind == "local" and value in GENERIC_LOCALS:
        return GENERIC_LOCAL_FREQUENCY
    return _COMMON_NAMES.get((kind, value)) or _GENERAL_FREQUENCIES[kind]


def whole_name(name: NameParts) -> str:
    """Return the value by which the leads with this first and last name are counted."""
    return f"{name.given[0]} {''.join(name.surname)}"


def counted_values(profile: LeadProfile) -> Iterator[tuple[str, str, str]]:
    """Yield what is counted of a lead: field, kind and value. Several leads may share any of them."""
    name = profile.name
    if name.given:
        yield "given", "given", name.given[0]
    if name.surname:
        yield "surname", "surname", "".join(name.surname)
    if name.given and name.surname:
        yield "name", "name", whole_name(name)
    for field in ("local", "phone", "company"):
        if value := getattr(profile, field):
            yield field, field, value
    if domain := profile.own_domain:
        yield "domain", "domain", domain
    for key, (kind, value) in profile.custom.items():
        yield f"custom.{key}", kind, value


def counted_hashes(profile: LeadProfile) -> list[int]:
    """Return the hashes of the counted values, each once."""
    return list(dict.fromkeys(hash_value(field, value) for field, _, value in counted_values(profile)))


# A person's own email and phone stand in each of their duplicates: so many leads may share one that is nobody else's.
_OWN_LEADS = {"local": 6, "phone": 6}
_LOWEST_FREQUENCIES = {"phone": 1e-5, "name": WHOLE_NAME_FREQUENCY}


class ValueFrequencies:
    """Frequencies within a workspace of `leads` leads. `counts` has how many leads bear a value, by its hash."""

    def __init__(self, leads: int, counts: Mapping[int, int]) -> None:
        self.leads = max(leads, 2)
        self._counts = counts
        self._known: dict[tuple[str, str, str], float] = {}  # a lead's values are asked for with each candidate

    def frequency(self, field: str, kind: str, value: str) -> float:
        """Return the frequency among others than the two leads that are compared, from 0 to 1."""
        key = field, kind, value
        frequency = self._known.get(key)
        if frequency is None:
            frequency = self._known[key] = self._read_frequency(field, kind, value)
        return frequency

    def _read_frequency(self, field: str, kind: str, value: str) -> float:
        others = max(self._counts.get(hash_value(field, value), 0) - _OWN_LEADS.get(field, 2), 0)
        frequency = (others + PRIOR_LEADS * general_frequency(kind, value)) / (self.leads + PRIOR_LEADS)
        return max(frequency, _LOWEST_FREQUENCIES.get(kind, LOWEST_FREQUENCY))
