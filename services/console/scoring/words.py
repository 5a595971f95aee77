"""Scoring rules in words."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from services.console.leads.reads import ListNames
from services.console.leads.words import FIELD_WORDS, STATUS_WORDS, field_label, hides_values_of
from services.console.web.operator_words import OPERATOR_WORDS
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _
from shared.automations.conditions import OPERATORS_WITHOUT_VALUE
from shared.scoring.score_preview import ScorePreview

OTHER_FIELD_WORDS: Mapping[str, str] = {
    "id": _("Number of the lead"),
    "possible_duplicate_of": _("Possible duplicate of"),
    "created_at": _("Made"),
    "updated_at": _("Changed"),
}
JOB_LOOKS: Mapping[str, tuple[str, str]] = {
    "queued": ("waiting", _("about to begin")),
    "running": ("replayed", _("running")),
    "paused": ("waiting", _("paused")),
    "done": ("done", _("done")),
    "failed": ("dead", _("failed")),
}
ID_FIELDS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")
OFFERED_FIELDS = tuple(field for field in FIELD_WORDS if field not in ("lead_score", "email_as_given"))


def rule_field_label(view: PageView, field: str) -> str:
    """Return the name of a field that a rule compares."""
    other = OTHER_FIELD_WORDS.get(field)
    return view.translate(other) if other else field_label(view, field)


def value_label(view: PageView, field: str, value: Any, names: ListNames) -> str:
    """Return one value of a rule as people call it: a stage's name for its number."""
    if field == "status":
        return view.translate_choice(STATUS_WORDS, str(value))
    if isinstance(value, bool):
        return view.translate("yes") if value else view.translate("no")
    if field in ID_FIELDS and str(value).isdecimal() and len(str(value)) < 20:
        return names_of(names, field).get(int(value), f"#{value}")
    return str(value)


def signed_points(view: PageView, points: int) -> str:
    """Return points with their sign: `+20`, `−5`, `0`."""
    number = view.formatting.number(abs(points))
    return f"+{number}" if points > 0 else f"\u2212{number}" if points < 0 else number


def job_mark(view: PageView, state: str) -> Markup:
    """Return the state of a job that counts scores, as shape, colour and word."""
    drawing = view.console.renderer.drawing(view.language)
    look, word = JOB_LOOKS.get(state, ("off", _("cancelled")))
    return drawing.state(look, view.translate(word))


def names_of(names: ListNames, field: str) -> Mapping[int, str]:
    """Return what the ids of a field stand for."""
    if field == "pipeline_stage_id":
        pipelines = names.pipelines
        return {id_: f"{one.name} ({pipelines.get(one.pipeline_id, '')})" for id_, one in names.stages.items()}
    return names.pipelines if field == "pipeline_id" else names.users


def rule_sentence(view: PageView, rule: Mapping[str, Any], names: ListNames) -> Markup:
    """Return the condition of a rule as a sentence: `Country is one of NO, SE`. Values of persons are masked."""
    field, operator, value = rule["field"], rule["operator"], rule["value"]
    label = Markup("<b><bdi>{}</bdi></b>").format(rule_field_label(view, field))
    words = escape(view.translate_choice(OPERATOR_WORDS, operator))
    if operator in OPERATORS_WITHOUT_VALUE:
        return Markup("{} {}").format(label, words)
    values = value if isinstance(value, list) else [value]
    texts = [VALUE_MASK] if hides_values_of(view, field) else [value_label(view, field, one, names) for one in values]
    return Markup("{} {} <b><bdi>{}</bdi></b>").format(label, words, ", ".join(texts))


def preview_sentence(view: PageView, preview: ScorePreview) -> str:
    """Return who gains and loses: `30 leads: 15 gain, 2 lose.`"""
    counted = view.translate_count("%(n)s lead", "%(n)s leads", preview.counted)
    return view.translate(
        "%(leads)s: %(gaining)s gain, %(losing)s lose, %(same)s stay.",
        leads=counted,
        gaining=view.formatting.number(preview.gaining),
        losing=view.formatting.number(preview.losing),
        same=view.formatting.number(preview.same),
    )
