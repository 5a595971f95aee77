"""Why an automation ran or did not, in words: one sentence for each answer of the use cases."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from services.console.automations.condition_words import value_text
from services.console.automations.phrases import joined_values, phrase, value_mark
from services.console.automations.reads import DefinitionNames
from services.console.automations.trigger_words import stage_mark
from services.console.leads.words import field_label, shown_person_value
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.automations.condition_trace import TracedComparison

WHY_WORDS: Mapping[str, str] = {
    "started": _("The event started it."),
    "only_by_hand": _("Only a person or a program starts it."),
    "only_by_inactivity": _("It starts after a time in which nothing happens to a lead."),
    "no_event": _("The timeline of this lead has nothing that could have started it."),
    "other_event": _("What happened was this: %(met)s. It waits for this: %(wanted)s."),
    "other_source": _("The lead came from %(met)s, and it waits for %(wanted)s."),
    "other_fields": _("This was changed: %(met)s. It waits for this: %(wanted)s."),
    "other_tag": _("The tag was %(met)s, and it waits for %(wanted)s."),
    "other_form": _("The form was %(met)s, and it waits for %(wanted)s."),
    "other_stage_to": _("The lead came to %(met)s, and it waits for %(wanted)s."),
    "other_stage_from": _("The lead came from %(met)s, and it waits for those that leave %(wanted)s."),
    "not_crossed_above": _("The score went from %(before)s to %(after)s, and did not come up to %(threshold)s."),
    "not_crossed_below": _("The score went from %(before)s to %(after)s, and did not fall below %(threshold)s."),
    "not_crossed_any": _("The score went from %(before)s to %(after)s, and did not cross %(threshold)s."),
    "made_later": _("It was made after the event, on %(at)s."),
    "published_later": _("It was published after the event, on %(at)s."),
    "made_before": _("It was there before the event, since %(at)s."),
    "is_on": _("It is on."),
    "is_off": _("It is off."),
    "same_version": _("Version %(then)s ran then, and runs now."),
    "other_version": _("Version %(then)s ran then, version %(now)s runs now."),
    "without_automations": _("The lead was sent, replayed or imported without automations."),
    "self_set_off": _("It was set off by its own change of the lead."),
    "chain_too_long": _("Too many automations set one another off."),
    "chain_short": _("No loop: it was not set off by itself, nor by a long chain of others."),
    "loop_limit": _("Automations set one another off too often for this lead within a minute."),
    "loop_free": _("Automations did not set one another off too often."),
    "lane_open": _("The queue of automations is not paused."),
    "lane_paused": _("The queue of automations is paused: %(reason)s"),
    "queued": _("The event still waits in the queue."),
    "not_queued": _("The event does not wait in the queue."),
    "started_once": _("The event started it once. No event starts it twice."),
    "no_run_kept": _("Nothing stands in the way now, and no run is kept: it was off then, or its run is deleted."),
    "timer_runs": _("It starts if nothing happens to the lead until %(due_at)s."),
    "stopped": _("The run was stopped: %(error)s"),
    "condition_false": _("A condition was false, and that ends a run."),
    "step_failed": _("A step failed: %(error)s"),
    "run_failed": _("The run failed: %(error)s"),
    "run_waits": _("Its run waits for its turn."),
    "ran_waits": _("It waits in a delay until %(due_at)s."),
    "ran_ended": _("It ran until a condition was false."),
    "ran": _("It took all its steps."),
}
DATED_CODES = ("made_later", "published_later", "made_before")  # they may be of any day
# Facts of timelines, as what happened.
EVENT_WORDS: Mapping[str, str] = {
    "lead.created": _("a new lead"),
    "lead.updated": _("a change of the lead"),
    "lead.stage_changed": _("another stage"),
    "lead.assigned": _("an owner"),
    "lead.score_changed": _("another score"),
    "lead.duplicate": _("the person came in again"),
    "lead.merged": _("a merge"),
    "lead.unmerged": _("an undone merge"),
    "tag.added": _("a tag"),
    "form.submitted": _("a form"),
}


def why_sentence(view: PageView, names: DefinitionNames, code: str, values: Mapping[str, Any]) -> Markup:
    """Return the sentence of an answer, with its values."""
    shown = {name: _value(view, names, code, value) for name, value in values.items()}
    return phrase(view.translate(WHY_WORDS[code]), **shown)


def found_words(view: PageView, names: DefinitionNames, comparison: TracedComparison) -> Markup:
    """Return the value that a comparison met, masked where the reader may not see it."""
    value = comparison.found
    if value is None or value in ("", []):
        return Markup("{}").format(view.translate("empty"))
    if shown_person_value(view, comparison.field, "x") != "x":
        return value_mark(shown_person_value(view, comparison.field, "x"))
    values = value if isinstance(value, list) else [value]
    texts = [value_text(view, names, comparison.field, member) for member in values]
    return joined_values(view, texts, "and")


def event_words(view: PageView, facts: list[str]) -> str:
    """Return what happened, in a few words."""
    return view.translate(", ").join(view.translate_choice(EVENT_WORDS, fact) for fact in facts)


def _value(view: PageView, names: DefinitionNames, code: str, value: Any) -> Markup:
    if isinstance(value, datetime):
        return view.formatting.time_tag(value, "full_time" if code in DATED_CODES else "clock")
    if isinstance(value, int) and (code.endswith("_version") or code.startswith("not_crossed")):
        return Markup("{}").format(view.formatting.number(value))
    if code == "other_form":
        return value_mark(names.forms.get(value) or view.translate("form %(id)s", id=value))
    if code.startswith("other_stage"):
        return stage_mark(view, names, value) if value else Markup("{}").format(view.translate("no stage"))
    values = value if isinstance(value, list) else [value]
    if code == "other_event":
        values = [view.translate_choice(EVENT_WORDS, one) for one in values]
    if code == "other_fields":
        values = [field_label(view, one) for one in values]
    if values in ([None], [""], []):
        return Markup("{}").format(view.translate("nothing"))
    return joined_values(view, values, "or")
