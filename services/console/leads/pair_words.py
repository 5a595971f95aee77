"""What speaks for and against two leads being one person, in words that quote nothing of either."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.console.leads.words import field_label
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

# By the level of the evidence. `%(field)s` is the name of a field.
LEVEL_WORDS: Mapping[str, str] = {
    "exact": _("%(field)s: the same"),
    "nickname": _("%(field)s: forms of one name"),
    "close": _("%(field)s: almost the same"),
    "part": _("%(field)s: the same but for one part"),
    "near": _("%(field)s: similar"),
    "initial": _("%(field)s: one is an initial of the other"),
    "cut": _("%(field)s: one begins the other"),
    "subset": _("%(field)s: words in common"),
    "differ": _("%(field)s: different"),
    "local": _("%(field)s: the same but for the domain"),
    "digits": _("%(field)s: the same digits"),
    "masked": _("%(field)s: one is masked and may be the other"),
    "garbled": _("%(field)s: many digits in common"),
    "switchboard": _("%(field)s: the same number, other extensions"),
    "neighbour": _("%(field)s: neighbouring numbers, as in one company"),
    "domain": _("%(field)s: the same domain in both e-mails"),
    "gender": _("%(field)s: a man's and a woman's"),
    "generation": _("Perhaps parent and child"),
    "generation_missing": _("Only one of the names has an addition such as Jr."),
    "swapped": _("First and last name stand in each other's place"),
    "order": _("The words of the names stand in another order"),
    "path": _("Both are probably one third lead"),
    "shared_contact": _("One submission had the e-mail of one and the phone of the other"),
}
OTHER_LEVEL = _("%(field)s: alike")
WHOLE_NAME = _("Name")


class ReasonLine(NamedTuple):
    """A piece of evidence. `points` are bits, negative ones speak against."""

    points: float
    text: str

    @property
    def shown_points(self) -> str:
        """The points with their sign."""
        return f"{self.points:+.1f}".replace("-", "\N{MINUS SIGN}")


def pair_reasons(view: PageView, reasons: Iterable[Mapping[str, Any]]) -> list[ReasonLine]:
    """Return the reasons of a pair in the reader's language, those of most weight first."""
    found = [ReasonLine(float(reason["points"]), _reason_text(view, reason)) for reason in reasons]
    return sorted(found, key=lambda reason: -abs(reason.points))


def _reason_text(view: PageView, reason: Mapping[str, Any]) -> str:
    name = str(reason["field"]).removeprefix("custom.")
    label = view.translate(WHOLE_NAME) if name in ("name", "whole") else field_label(view, name)
    return view.translate(LEVEL_WORDS.get(str(reason["level"]), OTHER_LEVEL), field=label)
