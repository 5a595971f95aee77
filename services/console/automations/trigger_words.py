"""Triggers in words: what each waits for, as a choice and as the beginning of a sentence."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from services.console.automations.phrases import (
    duration_words,
    joined_values,
    number_mark,
    phrase,
    value_mark,
    whole_number,
)
from services.console.automations.reads import DefinitionNames
from services.console.leads.words import field_label
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

TRIGGER_WORDS: Mapping[str, str] = {
    "lead_created": _("A lead is new"),
    "form_submitted": _("A form is sent"),
    "duplicate_received": _("A known person comes in again"),
    "lead_updated": _("A lead is changed"),
    "lead_stage_changed": _("A lead comes to another stage"),
    "lead_assigned": _("A lead gets an owner"),
    "tag_added": _("A tag is added"),
    "lead_score_crossed": _("The score crosses a number"),
    "no_activity": _("Nothing happens to a lead for some time"),
    "manual": _("Somebody starts it by hand"),
}


def trigger_sentence(view: PageView, names: DefinitionNames, trigger: Mapping[str, Any]) -> Markup:
    """Return what a trigger waits for, to follow "when"."""
    kind = trigger.get("type")
    if kind == "lead_created":
        return _created(view, trigger)
    if kind == "lead_updated":
        return _updated(view, trigger)
    if kind == "lead_stage_changed":
        return _stage_changed(view, names, trigger)
    if kind == "tag_added":
        return phrase(view.translate("the tag %(tag)s is added"), tag=value_mark(trigger.get("tag")))
    if kind == "lead_score_crossed":
        return _score_crossed(view, trigger)
    if kind == "no_activity":
        minutes = whole_number(trigger.get("minutes"))
        time = value_mark(duration_words(view, minutes) if minutes else None)
        return phrase(view.translate("nothing happens to a lead for %(time)s"), time=time)
    if kind == "form_submitted" and trigger.get("form_id"):
        form = names.forms.get(trigger["form_id"]) or view.translate("form %(id)s", id=trigger["form_id"])
        return phrase(view.translate("the form %(form)s is sent"), form=value_mark(form))
    return phrase(_plain_sentence(view, str(kind)))


def when_line(view: PageView, names: DefinitionNames, trigger: Mapping[str, Any]) -> Markup:
    """Return what a trigger waits for as a line of its own."""
    return phrase(view.translate("When %(trigger)s"), trigger=trigger_sentence(view, names, trigger))


def _plain_sentence(view: PageView, kind: str) -> str:
    sentences = {
        "form_submitted": view.translate("any form is sent"),
        "lead_assigned": view.translate("a lead gets an owner"),
        "duplicate_received": view.translate("a known person comes in again"),
        "manual": view.translate("somebody starts it by hand"),
    }
    return sentences.get(kind, "…")


def _created(view: PageView, trigger: Mapping[str, Any]) -> Markup:
    if sources := trigger.get("sources"):
        shown = joined_values(view, sources)
        return phrase(view.translate("a lead is new, from %(sources)s"), sources=shown)
    return phrase(view.translate("a lead is new"))


def _updated(view: PageView, trigger: Mapping[str, Any]) -> Markup:
    if fields := trigger.get("fields"):
        shown = joined_values(view, [field_label(view, name) for name in fields])
        return phrase(view.translate("this is changed on a lead: %(fields)s"), fields=shown)
    return phrase(view.translate("a lead is changed"))


def _stage_changed(view: PageView, names: DefinitionNames, trigger: Mapping[str, Any]) -> Markup:
    before, after = trigger.get("from_stage_id"), trigger.get("to_stage_id")
    if before and after:
        return phrase(
            view.translate("a lead goes from %(before)s to %(after)s"),
            before=stage_mark(view, names, before),
            after=stage_mark(view, names, after),
        )
    if after:
        return phrase(view.translate("a lead comes to %(stage)s"), stage=stage_mark(view, names, after))
    if before:
        return phrase(view.translate("a lead leaves %(stage)s"), stage=stage_mark(view, names, before))
    return phrase(view.translate("a lead comes to another stage"))


def _score_crossed(view: PageView, trigger: Mapping[str, Any]) -> Markup:
    number = number_mark(view, trigger.get("threshold"))
    if trigger.get("direction") == "above":
        return phrase(view.translate("the score comes to %(n)s or more"), n=number)
    if trigger.get("direction") == "below":
        return phrase(view.translate("the score falls below %(n)s"), n=number)
    return phrase(view.translate("the score crosses %(n)s, up or down"), n=number)


def stage_mark(view: PageView, names: DefinitionNames, stage_id: Any) -> Markup:
    """Return a stage as it stands out, with its pipeline if there are several."""
    stage = names.stages.get(stage_id) if whole_number(stage_id) else None
    if stage is None:
        return value_mark(view.translate("stage %(id)s", id=stage_id) if stage_id else None)
    return value_mark(stage.name if len(names.pipelines) == 1 else f"{stage.pipeline}: {stage.name}")
