"""A lead's score as a sum: each part in words, with its points and its place among the others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from services.console.leads.related_records import RelatedRecords
from services.console.leads.score_reads import ScoreParts
from services.console.leads.words import STATUS_WORDS, field_label
from services.console.submissions.timeline import quoted
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

ReferenceNames = Mapping[tuple[str, str], str]  # by the field and the id

MAX_SHOWN_RULES = 30
MAX_VALUE_LENGTH = 60  # characters of a rule's value
RULE_WORDS: Mapping[str, str] = {
    "equals": _("%(field)s is %(value)s"),
    "not_equals": _("%(field)s is not %(value)s"),
    "contains": _("%(field)s contains %(value)s"),
    "not_contains": _("%(field)s does not contain %(value)s"),
    "is_empty": _("%(field)s is empty"),
    "is_not_empty": _("%(field)s is given"),
    "greater_than": _("%(field)s is over %(value)s"),
    "less_than": _("%(field)s is under %(value)s"),
    "in": _("%(field)s is one of %(value)s"),
}


@dataclass(frozen=True)
class ScoreStep:
    """A part of the sum. `start`, `width` and `end` are percents of the widest place that the sum reaches."""

    label: Markup | str
    points: str
    start: float
    width: float
    end: float
    is_less: bool


@dataclass(frozen=True)
class ScoreSum:
    """The parts of a score in the order in which they add up to it, and what is not known of them."""

    steps: list[ScoreStep]
    total: ScoreStep
    notes: list[str]


def reference_names(around: RelatedRecords) -> ReferenceNames:
    """Return what the ids stand for that rules compare: stages, pipelines and users."""
    stages = {("pipeline_stage_id", str(each["id"])): each["name"] for each in around.stages}
    pipelines = {("pipeline_id", str(each["pipeline_id"])): each["pipeline"] for each in around.stages}
    return stages | pipelines | {("assigned_user_id", str(each["id"])): each["name"] for each in around.users}


def score_sum(view: PageView, parts: ScoreParts, names: ReferenceNames) -> ScoreSum:
    """Return a score as a sum."""
    labelled = [(label, points) for label, points in _labelled_parts(view, parts, names) if points]
    reached = [0]
    for _label, points in labelled:
        reached.append(reached[-1] + points)
    low, high = min(reached), max(*reached, min(reached) + 1)
    steps = [
        _score_step(view, label, points, (start, low, high))
        for (label, points), start in zip(labelled, reached, strict=False)
    ]
    total = _score_step(view, view.translate("Score"), parts.score, (0, low, high))
    return ScoreSum(steps, total, list(_notes(view, parts)))


def _labelled_parts(view: PageView, parts: ScoreParts, names: ReferenceNames) -> Iterator[tuple[Markup | str, int]]:
    for rule in parts.rules[:MAX_SHOWN_RULES]:
        yield _rule_words(view, rule, names), rule["points"]
    further = parts.rules[MAX_SHOWN_RULES:]
    yield (
        view.translate_count("%(n)s more rule", "%(n)s more rules", len(further)),
        sum(rule["points"] for rule in further),
    )
    yield view.translate("Changed since it was scored"), parts.drift
    for each in parts.adjustments:
        yield _adjuster_words(view, each), each["points"]
    yield view.translate("Adjusted before what is kept"), parts.untold


def _rule_words(view: PageView, rule: Mapping[str, Any], names: ReferenceNames) -> Markup:
    sentence = RULE_WORDS.get(rule["operator"], "%(field)s %(value)s")
    field, value = rule["field"], rule["value"]
    text = ", ".join(_value_words(view, field, one, names) for one in (value if isinstance(value, list) else [value]))
    shown = text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"
    return quoted(view.translate(sentence), field=field_label(view, field), value=shown)


def _value_words(view: PageView, field: str, value: Any, names: ReferenceNames) -> str:
    if isinstance(value, bool):
        return view.translate("yes") if value else view.translate("no")
    if field == "status":
        return view.translate_choice(STATUS_WORDS, str(value))
    return names.get((field, str(value)), str(value))


def _adjuster_words(view: PageView, adjustment: Mapping[str, Any]) -> Markup | str:
    if adjustment["name"]:
        return quoted(view.translate("Automation %(name)s"), name=adjustment["name"])
    if adjustment["kind"] == "automation":
        return view.translate("An automation that was deleted")
    return view.translate("Adjusted by people or keys")


def _score_step(view: PageView, label: Markup | str, points: int, scale: tuple[int, int, int]) -> ScoreStep:
    start, low, high = scale
    span = high - low
    places = sorted(100 * (place - low) / span for place in (start, start + points))
    width = max(places[1] - places[0], 0.0)
    end = 100 * (start + points - low) / span
    number = view.formatting.number(abs(points))
    return ScoreStep(label, f"{'−' if points < 0 else '+'}{number}", places[0], width, end, points < 0)


def _notes(view: PageView, parts: ScoreParts) -> Iterable[str]:
    if not parts.rules and not parts.score and not parts.drift:
        yield view.translate("No rule gives this lead points, and nothing has adjusted its score.")
    if parts.drift:
        yield view.translate(
            "Rules or facts have changed since the lead was last scored. Its next event brings it up to date."
        )
    if parts.untold:
        yield view.translate("Part of the score is older than the timeline: who adjusted it is not kept any more.")
