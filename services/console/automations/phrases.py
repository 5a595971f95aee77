"""Phrases in which values stand out: the parts that sentences of triggers and steps are made of."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from markupsafe import Markup, escape

from services.console.web.page_view import PageView

MAX_SHOWN_LENGTH = 80  # characters of a value in a sentence
MAX_LISTED_VALUES = 5
Link = Literal["and", "or"]
UNITS = (("days", 1440), ("hours", 60), ("minutes", 1))


def value_mark(value: object) -> Markup:
    """Return a value as it stands out in a sentence. One that is not chosen yet is three dots."""
    text = "" if value is None else " ".join(str(value).split())
    if not text:
        return Markup('<span class="slot-value wait">…</span>')
    shown = text if len(text) <= MAX_SHOWN_LENGTH else f"{text[: MAX_SHOWN_LENGTH - 1]}…"
    return Markup('<bdi class="slot-value break-anywhere">{}</bdi>').format(shown)


def joined_values(view: PageView, values: Sequence[object], link: Link = "or") -> Markup:
    """Return values as a list, of which all or any count."""
    marks = [value_mark(value) for value in values[:MAX_LISTED_VALUES]]
    if len(values) > MAX_LISTED_VALUES:
        more = len(values) - MAX_LISTED_VALUES
        marks.append(Markup("{}").format(view.translate_count("%(n)s more", "%(n)s more", more)))
    return joined(view, marks or [value_mark(None)], link)


def joined(view: PageView, parts: Sequence[Markup], link: Link) -> Markup:
    """Return parts as a list, with a word before the last one."""
    if len(parts) == 1:
        return parts[0]
    head = escape(view.translate(", ")).join(parts[:-1])
    text = view.translate("%(head)s and %(last)s") if link == "and" else view.translate("%(head)s or %(last)s")
    return phrase(text, head=head, last=parts[-1])


def phrase(text: str, **values: Any) -> Markup:
    """Return a translated text with its values put in. What is not markup is escaped."""
    return Markup(text) % values  # noqa: S704  # texts of ours, and of the catalogue


def capitalized(text: Markup) -> Markup:
    """Return a phrase as the beginning of a sentence."""
    return Markup(text[:1].upper() + text[1:])  # noqa: S704  # the same text


def uncapitalized(text: Markup) -> Markup:
    """Return a sentence as what follows a colon."""
    return Markup(text[:1].lower() + text[1:])  # noqa: S704  # the same text


def number_mark(view: PageView, value: object) -> Markup:
    """Return a number as it stands out, with commas for thousands."""
    number = whole_number(value)
    return value_mark(value if number is None else view.formatting.number(number))


def duration_words(view: PageView, minutes: int) -> str:
    """Return minutes in the largest unit that divides them."""
    unit, size = next((unit, size) for unit, size in UNITS if minutes % size == 0)
    return unit_words(view, unit, minutes // size)


def unit_words(view: PageView, unit: str, n: int) -> str:
    """Return a number of `days`, `hours` or `minutes`."""
    if unit == "days":
        return view.translate_count("%(n)s day", "%(n)s days", n)
    if unit == "hours":
        return view.translate_count("%(n)s hour", "%(n)s hours", n)
    return view.translate_count("%(n)s minute", "%(n)s minutes", n)


def whole_number(value: object) -> int | None:
    """Return a number that is a whole one, and no truth value."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def names_of(ids: object, names: Iterable[tuple[int, str]], missing: str) -> list[str]:
    """Return the names of ids; those that nobody has any more are called `missing`."""
    by_id = dict(names)
    return [by_id.get(id_, f"{missing} {id_}") for id_ in ids if whole_number(id_)] if isinstance(ids, list) else []
