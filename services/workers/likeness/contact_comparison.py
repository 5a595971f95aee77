"""Compare the emails and phones of two leads. Pure."""

from rapidfuzz.distance import OSA

from services.workers.likeness.evidence import Evidence, chance_rarity, exact_rarity
from services.workers.likeness.lead_profile import LeadProfile
from services.workers.likeness.plain_text import digits_of, fold_text
from services.workers.likeness.value_frequencies import ValueFrequencies
from services.workers.likeness.word_levels import have_other_digits

MIN_DIGITS = 5  # of a run that says something
MIN_PHONE_DIGITS = 7
NEAR_SHARE = 0.3  # of the longer text that may be edited


def compare_emails(profile: LeadProfile, other: LeadProfile, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of the emails, or nothing where one is missing, or where only their names are alike."""
    if not profile.local or not other.local:
        return []
    level = email_level(profile, other)
    if level in ("local", "close", "near") and _is_derived(profile, other):
        return []
    rarity = chance_rarity("email", level) if level in _FIXED_LEVELS else _local_rarity(profile, other, frequencies)
    return [Evidence("email", "email", level, rarity, (_address(profile), _address(other)))]


_FIXED_LEVELS = frozenset({"masked", "close", "digits", "near", "differ"})


def email_level(profile: LeadProfile, other: LeadProfile) -> str:
    """Return exact, local (the same at another domain), close, digits (the same run of digits), near, or differ."""
    if "*" in profile.local or "*" in other.local:
        return _masked_level(profile.local, other.local)
    if profile.local == other.local:
        return "exact" if profile.domain == other.domain else "local"
    mine, others = _bare(profile.local), _bare(other.local)
    if mine == others:
        return "close"
    distance = OSA.distance(mine, others)
    length = max(len(mine), len(others))
    is_slip = length >= 5 and (distance == 1 or (distance == 2 and length >= 9))
    if is_slip and not _are_numbered(mine, others):
        return "close"
    if _same_digits(digits_of(profile.local), digits_of(other.local)):
        return "digits"
    return "near" if length >= 5 and distance <= NEAR_SHARE * length else "differ"


def _masked_level(local: str, other: str) -> str:
    """Return the level of addresses of which one is masked, as exports write them: `ada***`."""
    shown, others = local.partition("*")[0], other.partition("*")[0]
    short, long = sorted((shown, others), key=len)
    return "masked" if len(short) > 1 and long.startswith(short) else "differ"


def _bare(local: str) -> str:
    return fold_text(local).replace(" ", "")


def _are_numbered(text: str, other: str) -> bool:
    return _letters(text) == _letters(other) and have_other_digits(text, other)


def _letters(text: str) -> str:
    return "".join(char for char in text if not char.isdigit())


def _same_digits(digits: str, others: str) -> bool:
    if len(digits) < MIN_DIGITS or len(others) < MIN_DIGITS:
        return False
    short, long = sorted((digits, others), key=len)
    return short in long or (len(short) > MIN_DIGITS and OSA.distance(short, long, score_cutoff=1) <= 1)


def _local_rarity(profile: LeadProfile, other: LeadProfile, frequencies: ValueFrequencies) -> float:
    frequency = frequencies.frequency("local", "local", profile.local)
    if profile.domain == other.domain:  # an address is one person's, or at least one desk's
        frequency *= max(frequencies.frequency("domain", "domain", profile.domain), 0.05)
    return exact_rarity(frequency)


def _is_derived(profile: LeadProfile, other: LeadProfile) -> bool:
    """Return whether both local parts are made of a name that both leads have, and which is weighed already."""
    shared = {*profile.name.given, *profile.name.surname} & {*other.name.given, *other.name.surname}
    mine, others = _bare(profile.local), _bare(other.local)
    return any(len(word) > 2 and word in mine and word in others for word in shared)


def _address(profile: LeadProfile) -> str:
    return f"{profile.local}@{profile.domain}" if profile.domain else profile.local


def compare_phones(profile: LeadProfile, other: LeadProfile, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of the phones, or nothing where one is missing."""
    if not profile.phone or not other.phone:
        return []
    level = phone_level(profile, other)
    rarity = (
        exact_rarity(frequencies.frequency("phone", "phone", profile.phone))
        if level == "exact"
        else chance_rarity("phone", level)
    )
    return [Evidence("phone", "phone", level, rarity, (_number(profile), _number(other)))]


def phone_level(profile: LeadProfile, other: LeadProfile) -> str:
    """Return exact, switchboard (another extension), neighbour (the next numbers), close, near, or differ."""
    mine, others = profile.phone_digits, other.phone_digits
    if mine == others or (profile.phone == other.phone and not (profile.extension and other.extension)):
        return "exact"
    if profile.phone == other.phone:
        return "switchboard" if OSA.distance(profile.extension, other.extension) > 1 else "close"
    short, long = (mine, others) if len(mine) <= len(others) else (others, mine)
    if len(short) < MIN_PHONE_DIGITS:
        return "differ"
    if len(long) - len(short) <= 4 and long.endswith(short):
        return "exact"  # one is without its country's code
    distance = OSA.distance(mine, others)
    if distance <= 2:
        if mine[:-2] == others[:-2]:
            return "neighbour"
        return "close" if distance == 1 else "near"
    return "garbled" if distance <= NEAR_SHARE * len(long) else "differ"


def _number(profile: LeadProfile) -> str:
    return f"+{profile.phone}" + (f" ext. {profile.extension}" if profile.extension else "")
