"""Split full names. Pure."""

_NAME_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "esq"})


def split_name(name: str) -> tuple[str, str]:
    """Split a name such as `Ada Lovelace` or `Lovelace, Ada` into first and last name. One word is a first name."""
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and last and first and first.replace(".", "").lower() not in _NAME_SUFFIXES:
        return first, last
    first, _, last = " ".join(name.split()).partition(" ")
    return first, last
