"""Say why two leads may be one person, and what speaks against it, in plain English. Pure.

`level` is a code, so that the console can say it in another language.
"""

from collections.abc import Sequence
from typing import Any

from services.workers.likeness.evidence import Evidence
from services.workers.likeness.nicknames import full_name_first

MAX_REASONS = 6
MIN_POINTS = 0.5  # bits; less than that is no reason

_TEXTS: dict[tuple[str, str], str] = {
    ("given", "exact"): "Both have the first name {0}.",
    ("given", "close"): "The first names {0} and {1} are spelt almost alike.",
    ("given", "near"): "The first names {0} and {1} are similar.",
    ("given", "initial"): "One first name is an initial of the other: {0}, {1}.",
    ("given", "cut"): "One first name begins the other: {0}, {1}.",
    ("given", "differ"): "The first names differ: {0}, {1}.",
    ("surname", "exact"): "Both have the last name {0}.",
    ("surname", "close"): "The last names {0} and {1} are spelt almost alike.",
    ("surname", "near"): "The last names {0} and {1} are similar.",
    ("surname", "subset"): "The last names {0} and {1} have a name in common.",
    ("surname", "initial"): "One last name is an initial of the other: {0}, {1}.",
    ("surname", "cut"): "One last name begins the other: {0}, {1}.",
    ("surname", "differ"): "The last names differ: {0}, {1}.",
    ("whole", "exact"): "Both names have the same words: {0}.",
    ("email", "exact"): "Both have the email {0}.",
    ("email", "local"): "The emails differ only in the domain: {0}, {1}.",
    ("email", "close"): "The emails {0} and {1} are almost the same.",
    ("email", "digits"): "The emails hold the same digits: {0}, {1}.",
    ("email", "masked"): "One email is masked and may be the other: {0}, {1}.",
    ("email", "near"): "The emails {0} and {1} are similar.",
    ("email", "differ"): "The emails differ: {0}, {1}.",
    ("phone", "exact"): "Both have the phone {0}.",
    ("phone", "close"): "The phones {0} and {1} differ by one digit.",
    ("phone", "near"): "The phones {0} and {1} differ by few digits.",
    ("phone", "garbled"): "The phones {0} and {1} have many digits in common.",
    ("phone", "switchboard"): "The phones have the same number with other extensions: {0}, {1}.",
    ("phone", "neighbour"): "The phones {0} and {1} are neighbours, as in one company.",
    ("phone", "differ"): "The phones differ: {0}, {1}.",
    ("company", "exact"): "Both are with {0}.",
    ("company", "close"): "The companies {0} and {1} are spelt almost alike.",
    ("company", "near"): "The companies {0} and {1} are similar.",
    ("company", "cut"): "One company begins the other: {0}, {1}.",
    ("company", "subset"): "One company's name holds the other's: {0}, {1}.",
    ("company", "domain"): "Both emails are at {0}.",
    ("company", "differ"): "The companies differ: {0}, {1}.",
    ("fixed", "gender"): "{0} and {1} are a man's and a woman's name.",
    ("fixed", "generation"): "One is {0}, the other is {1}: perhaps parent and child.",
    ("fixed", "generation_missing"): "Only one of the names has {0}.",
    ("fixed", "swapped"): "First and last name stand in each other's place.",
    ("fixed", "shared_contact"): "One submission had the email of one and the phone of the other.",
    ("fixed", "path"): "Both are probably {0}.",
    ("fixed", "order"): "The words of the names stand in another order.",
}
_CUSTOM_TEXTS = {
    "exact": "Both have {field} {0}.",
    "differ": "{field} differs: {0}, {1}.",
}
_CUSTOM_TEXT = "{field} is similar: {0}, {1}."
_SPELT_AS_TITLES = frozenset({"first_name", "last_name", "name", "company"})
NICKNAME_TEXT = "{0} is short for {1}."
SAME_NAME_TEXT = "{0} and {1} are forms of one name."


def describe_reasons(evidence: Sequence[Evidence], points: Sequence[float]) -> list[dict[str, Any]]:
    """Return at most six reasons, those of most points for or against first. Points are bits."""
    ranked = sorted(zip(evidence, points, strict=True), key=lambda pair: -abs(pair[1]))
    return [
        {"field": part.field, "level": part.level, "points": round(worth, 1), "text": reason_text(part)}
        for part, worth in ranked[:MAX_REASONS]
        if abs(worth) >= MIN_POINTS
    ]


def reason_text(part: Evidence) -> str:
    """Return the sentence about one piece of evidence."""
    texts = [text.title() if part.field in _SPELT_AS_TITLES and part.level != "domain" else text for text in part.said]
    if part.level == "nickname":
        return _nickname_text(part.said, texts)
    text = _TEXTS.get((part.kind, part.level))
    if text is None:
        text = _CUSTOM_TEXTS.get(part.level, _CUSTOM_TEXT)
    return text.format(*texts, field=part.field.removeprefix("custom."))


def _nickname_text(names: Sequence[str], texts: Sequence[str]) -> str:
    first, second = (name.split()[0] for name in names)
    if full_name_first(first, second):
        return NICKNAME_TEXT.format(texts[1], texts[0])
    if full_name_first(second, first):
        return NICKNAME_TEXT.format(texts[0], texts[1])
    return SAME_NAME_TEXT.format(*texts)
