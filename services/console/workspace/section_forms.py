"""The sections of the page as forms: what each sends, and what it stands for as a change. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from services.console.workspace.alarm_forms import alarm_texts, sent_alarms
from shared.platform.errors import FieldErrors
from shared.retention import MAX_RETENTION_DAYS, RETENTION_KINDS
from shared.workspace_changes.workspace_fields import changed_settings
from shared.workspace_changes.workspace_record import WorkspaceJson

SECTION_SETTINGS = {
    "name": ("name",),
    "place": ("country", "timezone"),
    "duplicates": ("merge_policy", "fold_gmail"),
    "list": ("never_join",),
    "spam": ("spam_threshold",),
    "retention": ("retention",),
    "alarms": ("alarms",),
}
PLAIN_SECTIONS = ("name", "place", "spam")  # whose fields are named like their settings
FOLD_CHOICES = ("apart", "folded")
DAYS_ERROR = "days"
MAX_ENTRY_LENGTH = 255


def sent_changes(section: str, form: Mapping[str, str], record: WorkspaceJson, errors: FieldErrors) -> dict[str, Any]:
    """Return the settings that the form of a section sends. Errors that only a form has go into `errors`."""
    if section == "spam":
        return {"spam_threshold": _points(form.get("spam_threshold", ""))}
    if section in PLAIN_SECTIONS:
        return {name: form[name] for name in SECTION_SETTINGS[section] if name in form}
    if section == "duplicates":
        fields: dict[str, Any] = {"merge_policy": form["merge_policy"]} if "merge_policy" in form else {}
        if form.get("fold_gmail") in FOLD_CHOICES:
            fields["fold_gmail"] = form["fold_gmail"] == "folded"
        return fields
    if section == "list":
        return {"never_join": _changed_list(form, record["never_join"])}
    if section == "alarms":
        return {"alarms": sent_alarms(form)}
    return {"retention": {kind: _days(kind, form[kind], errors) for kind in RETENTION_KINDS if kind in form}}


def _changed_list(form: Mapping[str, str], entries: list[str]) -> list[str]:
    removed, added = form.get("remove", ""), form.get("add", "").strip()
    kept = [entry for entry in entries if entry != removed]
    return [*kept, added] if added else kept


def _days(kind: str, text: str, errors: FieldErrors) -> int | None:
    text = text.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= MAX_RETENTION_DAYS:
        return int(text)
    errors[f"retention.{kind}"] = [DAYS_ERROR]
    return None


def _points(text: str) -> int | str:
    """Return a number of points; a text that is none stays one, and is refused."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else text or "-"


def section_values(section: str, record: WorkspaceJson) -> dict[str, Any]:
    """Return the settings that the form of a section shows."""
    return {name: record[name] for name in SECTION_SETTINGS[section]}


def change_digest(before: WorkspaceJson, after: WorkspaceJson) -> str:
    """Return what a form sends along to say which change its reader has seen the effects of."""
    changes = orjson.dumps(changed_settings(before, after), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(changes).hexdigest()[:16]


def put_back_query(section: str, before: WorkspaceJson, after: WorkspaceJson) -> dict[str, str]:
    """Return the query that previews taking a saved change back."""
    if section == "alarms":
        return alarm_texts(before["alarms"])
    if section in PLAIN_SECTIONS:
        return {name: "" if before[name] is None else str(before[name]) for name in SECTION_SETTINGS[section]}
    if section == "duplicates":
        return {"merge_policy": before["merge_policy"], "fold_gmail": FOLD_CHOICES[before["fold_gmail"]]}
    added = [entry for entry in after["never_join"] if entry not in before["never_join"]]
    removed = [entry for entry in before["never_join"] if entry not in after["never_join"]]
    return {"remove": added[0]} if added else {"add": removed[0]} if removed else {}
