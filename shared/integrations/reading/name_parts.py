"""Join the answers of fields for a full, a first and a last name. Pure."""

from shared.leads.full_name import split_name


def name_parts(full: str, first: str, last: str) -> dict[str, str]:
    """Return first and last name by a full name and the answers of fields of their own for these, if there are such.

    Fields of their own win. Nothing is returned if they say something else than the full name. A form with fields for
    "Name" and "First name" asks for the last name by the first of them.
    """
    if first and last:
        is_told = set(full.casefold().split()) <= set(f"{first} {last}".casefold().split())
        return {"first_name": first, "last_name": last} if is_told else {}
    if first:
        last = _without_part(full, first)
    elif last:
        first = _without_part(full, last)
    else:
        first, last = split_name(full)
    return {name: part for name, part in (("first_name", first), ("last_name", last)) if part}


def _without_part(full: str, part: str) -> str:
    """Return what a full name holds besides a part of it, or all of it if the part is neither its begin nor its end."""
    words, known = full.replace(",", " ").split(), part.split()
    if _folded(words[: len(known)]) == _folded(known):
        return " ".join(words[len(known) :])
    if _folded(words[-len(known) :]) == _folded(known):
        return " ".join(words[: -len(known)])
    return full


def _folded(words: list[str]) -> list[str]:
    return [word.casefold() for word in words]
