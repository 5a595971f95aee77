"""What differs between two states of a form, such as its draft and what visitors see, in words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.forms.words import MEMBER_WORDS, SETTING_WORDS
from services.console.web.page_view import PageView
from shared.forms.definition import complete_settings
from shared.forms.field_definition import complete_fields

Fields = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class FormChange:
    """One difference: a sentence, the label of the field that it is about, and values before and after where short."""

    text: str
    label: str = ""
    before: str = ""
    after: str = ""


def form_changes(view: PageView, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FormChange]:
    """Return the differences between two states: those of the fields first, then those of name and settings."""
    return [*_field_changes(view, _by_key(old), _by_key(new)), *_setting_changes(view, old, new)]


def is_same_form(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two states have the same name, fields and settings, defaults included."""
    return _whole(one) == _whole(other)


def _whole(form: Mapping[str, Any]) -> tuple[Any, ...]:
    return form["name"], complete_fields(form["fields"]), complete_settings(form["settings"])


def _by_key(form: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the fields by key. A draft may have a key several times: then with a number."""
    seen: Counter[str] = Counter()
    fields_by_key = {}
    for field in complete_fields(form["fields"]):
        seen[field["key"]] += 1
        number = seen[field["key"]]
        fields_by_key[field["key"] if number == 1 else f"{field['key']} ({number})"] = field
    return fields_by_key  # type: ignore[return-value]


def _field_changes(
    view: PageView, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> list[FormChange]:
    changes = [FormChange(view.translate("Field added"), new[key]["label"]) for key in new if key not in old]
    changes += [FormChange(view.translate("Field deleted"), old[key]["label"]) for key in old if key not in new]
    common_keys = [key for key in new if key in old]
    was = [key for key in old if key in new]
    if common_keys != was:
        moved = [key for key, other in zip(common_keys, was, strict=True) if key != other]
        labels = ", ".join(new[key]["label"] for key in moved[:3])
        changes.append(FormChange(view.translate("Fields in another order"), labels))
    for key in common_keys:
        members = [name for name in MEMBER_WORDS if old[key][name] != new[key][name]]
        if members == ["label"]:
            words = FormChange(view.translate("Question changed"), "", old[key]["label"], new[key]["label"])
            changes.append(words)
        elif members:
            told = ", ".join(view.translate(MEMBER_WORDS[name]) for name in members)
            changes.append(FormChange(view.translate("Field changed: %(parts)s", parts=told), new[key]["label"]))
    return changes


def _setting_changes(view: PageView, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FormChange]:
    before: dict[str, Any] = {"name": old["name"], **complete_settings(old["settings"])}
    after: dict[str, Any] = {"name": new["name"], **complete_settings(new["settings"])}
    changes = []
    for name, words in SETTING_WORDS.items():
        if before[name] != after[name]:
            text = view.translate("Changed: %(part)s", part=view.translate(words))
            is_short = all(value is None or isinstance(value, str) for value in (before[name], after[name]))
            values = (before[name] or "", after[name] or "") if is_short else ("", "")
            changes.append(FormChange(text, "", *values))
    return changes
