"""People, tags and names of a collection's requests: new in each run, so that no record of the workspace has them."""

import json
import re
from typing import Any

from integrations.codegen.collection_records import RECORD_VARIABLES

MARK = "mark"  # a variable: letters that no other run has, the last name of its people
NEW_PHONE = "new_phone"  # a variable: a number of those that are kept for made-up people
MARK_PLACE = f"{{{{{MARK}}}}}"
PHONE_PLACE = f"{{{{{NEW_PHONE}}}}}"
LETTERS = "bcdfghjklmnpqrstvwxz"
# How a script of either program makes them.
NEW_VALUES = {
    MARK: f'Array.from({{ length: 10 }}, () => "{LETTERS}"[Math.floor(Math.random() * {len(LETTERS)})]).join("")',
    NEW_PHONE: '"+1" + (200 + Math.floor(Math.random() * 790)) + "55501" + (10 + Math.floor(Math.random() * 90))',
}
OTHER_IDS = ("other_id", "merge_id")  # of the tour
NAMED_ONCE = ("create_tag", "create_pipeline")  # a second one of the same name is refused or confuses
MARKED_KEYS = ("tag", "tags", "tags[]")
ADDRESS = re.compile(r"([\w.+-]+)@([\w-]+\.\w+)")
NAME_AT_END = re.compile(r"(,\w+) \w+$", re.MULTILINE)  # of a line of a file
NUMBER_PLACE = re.compile(r'"(\{\{(?:' + "|".join((*RECORD_VARIABLES, *OTHER_IDS)) + r')\}\})"')


def own_body(operation_id: str, body: Any) -> Any:
    """Return an example's body with values of the run's own in place of those that others may have."""
    if not isinstance(body, dict | list):
        return body
    own = _own_value("", body)
    if operation_id == "merge_lead":
        own["lead_id"] = "{{other_id}}"
    if operation_id in NAMED_ONCE:
        own["name"] = _marked_text(own["name"])
    return own


def json_text(body: Any) -> str:
    """Return a body as a request's text. Variables that stand for ids are numbers in it."""
    return NUMBER_PLACE.sub(r"\1", json.dumps(body, indent=2, ensure_ascii=False))


def _own_value(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _own_value(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_own_value(key, each) for each in value]
    if isinstance(value, int) and key in (*RECORD_VARIABLES, *OTHER_IDS):
        return f"{{{{{key}}}}}"
    if not isinstance(value, str):
        return value
    if key in ("email", "file"):
        return NAME_AT_END.sub(rf"\1 {MARK_PLACE}", ADDRESS.sub(rf"\1.{MARK_PLACE}@\2", value))
    if key == "last_name":  # a namesake would be shown as a possible duplicate
        return MARK_PLACE
    if key in MARKED_KEYS:
        return _marked_text(value)
    return PHONE_PLACE if key == "phone" else value


def _marked_text(text: str) -> str:
    return f"{text}-{MARK_PLACE}"
