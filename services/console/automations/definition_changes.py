"""What differs between two states of an automation, such as its draft and what runs, in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from typing import Any

import orjson
from markupsafe import Markup

from services.console.automations.reads import DefinitionNames
from services.console.automations.step_words import step_line, step_note
from services.console.automations.trigger_words import trigger_sentence
from services.console.web.page_view import PageView

Definition = Mapping[str, Any]
Steps = Sequence[Mapping[str, Any]]

MAX_TOLD_LENGTH = 200  # characters of a text before and after
MAX_TOLD_CHANGES = 20  # between two states


@dataclass(frozen=True)
class DefinitionChange:
    """One difference: a sentence, and what was and is there. `kind` is `new`, `gone`, `changed` or `moved`."""

    kind: str
    text: str
    before: Markup | str = ""
    after: Markup | str = ""


WordedLater = Callable[[], DefinitionChange]


@dataclass(frozen=True)
class DefinitionChanges:
    """The first differences between two states, and how many there are in all."""

    shown: Sequence[DefinitionChange] = ()
    count: int = 0


def definition_changes(
    view: PageView, names: DefinitionNames, old: Definition, new: Definition, most: int = MAX_TOLD_CHANGES
) -> DefinitionChanges:
    """Return the differences between two states: first the name and the trigger, then the steps.

    Only those that are shown are put in words: an automation of many steps and large conditions takes long to word.
    """
    changes: list[WordedLater] = []
    if old["name"] != new["name"]:
        changes.append(lambda: DefinitionChange("changed", view.translate("Another name"), old["name"], new["name"]))
    if (old["description"] or "") != (new["description"] or ""):
        changes.append(lambda: DefinitionChange("changed", view.translate("Another note")))
    if old["trigger"] != new["trigger"]:
        changes.append(lambda: _changed_trigger(view, names, old["trigger"], new["trigger"]))
    changes += _step_changes(view, names, old["steps"], new["steps"])
    return DefinitionChanges([worded() for worded in changes[:most]], len(changes))


def _changed_trigger(
    view: PageView, names: DefinitionNames, old: Mapping[str, Any], new: Mapping[str, Any]
) -> DefinitionChange:
    was, now = (trigger_sentence(view, names, trigger) for trigger in (old, new))
    return DefinitionChange("changed", view.translate("Another trigger"), was, now)


def _step_changes(view: PageView, names: DefinitionNames, old: Steps, new: Steps) -> list[WordedLater]:
    was, now = ([orjson.dumps(step, option=orjson.OPT_SORT_KEYS) for step in steps] for steps in (old, new))
    gone: list[int] = []
    added: list[int] = []
    changes: list[WordedLater] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag == "replace" and end - start == new_end - new_start:
            pairs = zip(range(start, end), range(new_start, new_end), strict=True)
            changes += [partial(_changed_step, view, names, old[before], new[after], after) for before, after in pairs]
        elif tag != "equal":
            gone += range(start, end)
            added += range(new_start, new_end)
    for place in list(added):
        origin = next((one for one in gone if was[one] == now[place]), None)
        if origin is not None:
            gone.remove(origin)
            added.remove(place)
            changes.append(partial(_moved_step, view, names, new[place], origin, place))
    changes += [partial(_new_step, view, names, new[place], place) for place in added]
    return changes + [partial(_gone_step, view, names, old[place], place) for place in gone]


def _moved_step(
    view: PageView, names: DefinitionNames, step: Mapping[str, Any], origin: int, place: int
) -> DefinitionChange:
    text = view.translate("Step %(n)s stood at %(before)s", n=place + 1, before=origin + 1)
    return DefinitionChange("moved", text, "", step_line(view, names, step))


def _new_step(view: PageView, names: DefinitionNames, step: Mapping[str, Any], place: int) -> DefinitionChange:
    text = view.translate("Step %(n)s is new", n=place + 1)
    return DefinitionChange("new", text, "", step_line(view, names, step))


def _gone_step(view: PageView, names: DefinitionNames, step: Mapping[str, Any], place: int) -> DefinitionChange:
    text = view.translate("Step %(n)s is deleted", n=place + 1)
    return DefinitionChange("gone", text, step_line(view, names, step))


def _changed_step(
    view: PageView, names: DefinitionNames, old: Mapping[str, Any], new: Mapping[str, Any], place: int
) -> DefinitionChange:
    before, after = step_line(view, names, old), step_line(view, names, new)
    if before == after:  # what it sends is another text
        return DefinitionChange(
            "changed",
            view.translate("Step %(n)s says something else", n=place + 1),
            step_note(old)[:MAX_TOLD_LENGTH],
            step_note(new)[:MAX_TOLD_LENGTH],
        )
    return DefinitionChange("changed", view.translate("Step %(n)s is changed", n=place + 1), before, after)
