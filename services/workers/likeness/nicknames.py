"""Which given names one person may go by, and which pairs are his and hers. Pure, from the tables in `data/`."""

from collections import defaultdict
from pathlib import Path

DATA_FOLDER = Path(__file__).parent / "data"
MAX_ROOTS = 2  # of one name: `Bert` may stand for many


def _read_groups(name: str) -> list[list[str]]:
    lines = (DATA_FOLDER / name).read_text("utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def _read_roots() -> dict[str, tuple[str, ...]]:
    roots: dict[str, list[str]] = defaultdict(list)
    for group in _read_groups("nicknames.txt"):
        for name in dict.fromkeys(group):
            # The group of its own comes first: `John` is above all John.
            roots[name].insert(0 if name == group[0] else len(roots[name]), group[0])
    return {name: tuple(dict.fromkeys(found)) for name, found in roots.items()}


_ROOTS = _read_roots()
_GENDER_PAIRS = frozenset(frozenset(pair) for pair in _read_groups("gender_pairs.txt"))


def name_roots(name: str) -> tuple[str, ...]:
    """Return the full names that a given name may stand for, the likeliest first; the name itself if none is known."""
    return _ROOTS.get(name, (name,))[:MAX_ROOTS]


def is_nickname(name: str, other: str) -> bool:
    """Return whether both may be names of one person."""
    mine, others = _ROOTS.get(name), _ROOTS.get(other)
    return bool(mine and others and not set(mine).isdisjoint(others))


def full_name_first(name: str, other: str) -> bool:
    """Return whether the first is the full name of the two, as `Robert` is of `Bob`."""
    return name in _ROOTS.get(other, ())


def is_gender_pair(name: str, other: str) -> bool:
    """Return whether the names are a man's and a woman's, such as `Daniel` and `Danielle`."""
    return frozenset((name, other)) in _GENDER_PAIRS


def is_known_name(name: str) -> bool:
    """Return whether this is a given name of the tables, and so no slip of the pen."""
    return name in _ROOTS
