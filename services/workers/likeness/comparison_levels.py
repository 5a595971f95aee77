"""Compare two profiles: the evidence of every field that both leads have. Pure."""

from rapidfuzz.distance import OSA

from services.workers.likeness.contact_comparison import compare_emails, compare_phones
from services.workers.likeness.evidence import Evidence, chance_rarity, close_rarity, exact_rarity
from services.workers.likeness.lead_profile import CustomValue, LeadProfile
from services.workers.likeness.name_comparison import compare_names
from services.workers.likeness.value_frequencies import ValueFrequencies
from services.workers.likeness.word_levels import word_level


def compare_profiles(profile: LeadProfile, other: LeadProfile, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence for and against that both leads are one person. A missing value says nothing."""
    evidence = [
        *compare_names(profile.name, other.name, frequencies),
        *compare_emails(profile, other, frequencies),
        *compare_phones(profile, other, frequencies),
        *_compare_companies(profile, other, frequencies),
    ]
    for key, value in profile.custom.items():
        others = other.custom.get(key)
        if others and others.kind == value.kind:
            evidence.append(_compare_values(f"custom.{key}", value, others, frequencies))
    return evidence


def _compare_companies(profile: LeadProfile, other: LeadProfile, frequencies: ValueFrequencies) -> list[Evidence]:
    """Return the evidence of the companies, or of their domains where these say more: they are one fact."""
    comparisons = []
    if profile.company and other.company:
        level = text_level(*_without_common_end(profile.company, other.company))
        rarity = _value_rarity("company", "company", level, profile.company, other.company, frequencies)
        comparisons.append(Evidence("company", "company", level, rarity, (profile.company, other.company)))
    if profile.own_domain and profile.own_domain == other.own_domain and profile.local != other.local:
        rarity = exact_rarity(frequencies.frequency("domain", "domain", profile.domain))
        comparisons.append(Evidence("company", "company", "domain", rarity, (profile.domain,)))
    return [min(comparisons, key=lambda evidence: evidence.rarity)] if comparisons else []


def _without_common_end(company: str, other: str) -> tuple[str, str]:
    """Return both without the last words that they share, such as `Partners`: these make two companies look alike."""
    words, others = company.split(), other.split()
    if company != other:
        while len(words) > 1 and len(others) > 1 and words[-1] == others[-1]:
            words, others = words[:-1], others[:-1]
    return " ".join(words), " ".join(others)


def _compare_values(field: str, value: CustomValue, other: CustomValue, frequencies: ValueFrequencies) -> Evidence:
    level = _VALUE_LEVELS[value.kind](value.value, other.value)
    rarity = _value_rarity(field, value.kind, level, value.value, other.value, frequencies)
    return Evidence(field, value.kind, level, rarity, (value.value, other.value))


def _value_rarity(field: str, kind: str, level: str, value: str, other: str, frequencies: ValueFrequencies) -> float:
    if level == "exact":
        return exact_rarity(frequencies.frequency(field, kind, value))
    if level == "close" and kind in ("company", "text"):
        return close_rarity(max(frequencies.frequency(field, kind, value), frequencies.frequency(field, kind, other)))
    return chance_rarity(kind, level)


def text_level(text: str, other: str) -> str:
    """Return the level of two texts of several words: their order does not count."""
    if text == other:
        return "exact"
    level = word_level(text.replace(" ", ""), other.replace(" ", ""))
    if level in ("exact", "close"):
        return level
    if " " not in text and " " not in other:
        return "cut" if level == "initial" else level
    words, others = text.split(), other.split()
    if sorted(words) == sorted(others):
        return "close"
    if (set(words) <= set(others) or set(others) <= set(words)) and max(map(len, set(words) & set(others))) > 2:
        return "subset"
    return "cut" if level == "initial" else level


def date_level(date: str, other: str) -> str:
    """Return the level of two dates: `part` is one of year, month and day that differs, or day and month swapped."""
    if date == other:
        return "exact"
    parts, others = date.split("-"), other.split("-")
    same = sum(part == its for part, its in zip(parts, others, strict=True))
    if same == 2 or (parts[0] == others[0] and parts[1:] == others[:0:-1]):
        return "part"
    return "near" if OSA.distance(date, other, score_cutoff=2) <= 2 else "differ"


def number_level(number: str, other: str) -> str:
    if number == other:
        return "exact"
    if len(number) > 2 and OSA.distance(number, other, score_cutoff=1) <= 1:
        return "close"
    return "near" if number.startswith(other) or other.startswith(number) else "differ"


def reference_level(text: str, other: str) -> str:
    if text == other:
        return "exact"
    distance = OSA.distance(text, other)
    if distance == 1:
        return "close"
    return "near" if distance <= 2 and len(text) > 7 else "differ"


_VALUE_LEVELS = {"text": text_level, "date": date_level, "number": number_level, "reference": reference_level}
