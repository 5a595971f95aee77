"""Blocking keys: leads that share one are compared. Pure.

A key that many leads share says little and closes by itself, so no list of frequent values is kept. Each key costs
about the same to look up and to write, whatever it finds: the number of keys is what a lead costs.
"""

from collections.abc import Iterator
from itertools import combinations

from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.nicknames import name_roots
from services.workers.likeness.parsed_names import NAME_PARTICLES
from services.workers.likeness.phonetic_keys import sound_of
from services.workers.likeness.plain_text import digits_of, fold_text
from services.workers.likeness.value_hashes import hash_value

MAX_KEYS = 32  # of a lead, in the order of what they are worth
MAX_TRAITS = 5  # custom values, company and domain that are combined with others
MIN_DIGITS = 5
TRAIT_START = 4  # characters of a trait that are combined with the beginning of a name


def blocking_keys(profile: LeadProfile) -> list[int]:
    """Return the hashes of a lead's keys, at most `MAX_KEYS`, the most telling first."""
    return list(dict.fromkeys(hash_value(*key) for key in _all_keys(profile)))[:MAX_KEYS]


def _all_keys(profile: LeadProfile) -> Iterator[tuple[str, str]]:
    yield from _email_keys(profile)
    yield from _phone_keys(profile)
    sounds = _name_sounds(profile)
    yield from _name_keys(profile, sounds)
    yield from _date_keys(profile)
    yield from _trait_keys(profile)


def _email_keys(profile: LeadProfile) -> Iterator[tuple[str, str]]:
    local = profile.local
    if not local:
        return
    digits = digits_of(local)
    letters = fold_text(local).replace(" ", "")
    if profile.domain:
        yield "email", letters
        if digits and (bare := letters.translate(_NO_DIGITS)) and len(bare) > 3:
            yield "letters", bare
        elif not digits:
            yield "letters", letters
    if len(digits) >= MIN_DIGITS:
        yield "digits", digits[-6:]


_NO_DIGITS = str.maketrans("", "", "0123456789")


def _phone_keys(profile: LeadProfile) -> Iterator[tuple[str, str]]:
    digits = profile.phone_digits
    if len(digits) < 7:
        return
    base = profile.phone
    yield "phone", base[-7:] if len(base) <= 13 else digits[-7:]
    yield "phone", digits[-7:]
    yield "phone-start", base[-10:-4] or base
    if len(digits) > 10:
        yield "phone-start", digits[1:7]


def _name_sounds(profile: LeadProfile) -> tuple[list[str], str]:
    """Return the sounds of the given name's roots, and of the surname."""
    given, surname = profile.name.given, profile.name.surname
    plain = [word for word in surname if word not in NAME_PARTICLES] or list(surname)
    first = [sound_of(root) for root in name_roots(given[0])] if given else []
    return list(dict.fromkeys(first)), sound_of("".join(plain)) if plain else ""


def _name_keys(profile: LeadProfile, sounds: tuple[list[str], str]) -> Iterator[tuple[str, str]]:
    firsts, last = sounds
    words = [*profile.name.given, *profile.name.surname]
    if firsts and last:
        for first in firsts:
            yield "name", " ".join(sorted((first, last)))
    if len(words) > 2 or not (firsts and last):
        yield "name", sound_of("".join(words))
        plain = sorted({sound_of(word) for word in words if word not in NAME_PARTICLES})
        if len(plain) > 1:
            for pair in combinations(plain[:3], 2):
                yield "name", " ".join(pair)


def _date_keys(profile: LeadProfile) -> Iterator[tuple[str, str]]:
    for key, (kind, value) in profile.custom.items():
        if kind == "date":
            year, month, day = value.split("-")
            yield f"date {key}", value
            yield f"date {key}", f"{year} {' '.join(sorted((month, day)))}"
            yield f"date {key}", f"-{month}-{day} {_initial(profile)}"
            yield f"date {key}", f"{year}-{month} {_initial(profile)}"
            yield f"date {key}", f"{year}--{day} {_initial(profile)}"


def _initial(profile: LeadProfile) -> str:
    return min((word[0] for word in (*profile.name.given[:1], *profile.name.surname[:1])), default="")


def _trait_keys(profile: LeadProfile) -> Iterator[tuple[str, str]]:
    """Yield what leads have in common with the beginning of a name: the rest of both may be mistyped."""
    given_name, surname = _beginnings(profile)
    if given_name or surname:
        yield "beginnings", f"{given_name} {surname}"
    traits = _traits(profile)
    for trait in traits:
        if surname:
            yield "surname", f"{surname} {_trait_start(trait)}"
        if given_name:
            yield "given", f"{given_name} {_trait_start(trait)}"
    for trait in traits:
        yield "trait", trait
    for pair in combinations(sorted(traits[:4]), 2):
        yield "traits", " ".join(pair)


def _beginnings(profile: LeadProfile) -> tuple[str, str]:
    given, surname = profile.name.given, profile.name.surname
    return given[0][:2] if given else "", "".join(surname)[:2]


def _traits(profile: LeadProfile) -> list[str]:
    """Return what else leads have in common: company, own domain, and custom values, the longest first.

    Each begins with a letter for its field, so that few letters of it can be taken.
    """
    traits = [f"c{profile.company.replace(' ', '')[:8]}"] if profile.company else []
    if domain := profile.own_domain:
        traits.append(f"d{domain}")
    values = [(value, key) for key, (kind, value) in profile.custom.items() if kind != "date" and len(value) > 3]
    values.sort(key=lambda pair: (-len(pair[0]), pair))
    traits += [f"{hash_value('field', key) % 1000}:{value.replace(' ', '')[:10]}" for value, key in values]
    return traits[:MAX_TRAITS]


def _trait_start(trait: str) -> str:
    field, colon, value = trait.rpartition(":")
    return f"{field}:{value[:TRAIT_START]}" if colon else trait[:TRAIT_START]
