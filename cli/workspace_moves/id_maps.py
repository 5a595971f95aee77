"""New ids in place of those that are taken, in columns and in JSON documents. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

ID_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("user_id", "user_ids", "assigned_user_id", "from_user_id", "to_user_id"), "users"),
    **dict.fromkeys(("pipeline_stage_id", "stage_id", "from_stage_id", "to_stage_id"), "pipeline_stages"),
    **dict.fromkeys(("tag_id", "tag_ids"), "tags"),
    "pipeline_id": "pipelines",
    "form_id": "forms",
    "integration_id": "integrations",
    "automation_id": "automations",
    "subscription_id": "webhook_subscriptions",
    "key_id": "api_keys",
    "task_id": "tasks",
}
# Of authors, `{"kind", "id"}`, and of texts such as `form:7`.
KIND_TABLES: Final[Mapping[str, str]] = {
    "user": "accounts",
    "key": "api_keys",
    "api": "api_keys",
    "automation": "automations",
    "form": "forms",
    "integration": "integrations",
}
SKIPPED_NAMES: Final = frozenset({"custom_fields"})  # whatever a sender calls so, it is no id of ours

_read_channel = re.compile(r"([a-z]+):([0-9]{1,19})").fullmatch
# A number that a float would round travels as a text between two characters that stand for nothing.
_NUMBER_MARK: Final = "\ue000"
_find_marked_numbers = re.compile(r'"\\ue000([-+0-9.eE]+)\\ue000"').sub


@dataclass(frozen=True, slots=True)
class IdMap:
    """The ids of a table's rows, old to new.

    A table that may be large has no `known` ids: those from `first` to `last` move by `distance`. All others were
    deleted long ago. They become `missing`, an id that no row will ever have.
    """

    known: Mapping[int, int] = field(default_factory=dict)
    first: int = 1
    last: int = 0
    distance: int = 0
    missing: int = 0

    @property
    def changes_ids(self) -> bool:
        """Whether any id becomes another one."""
        return bool(self.distance) or any(old != new for old, new in self.known.items())

    def find_new_id(self, old: int) -> int | None:
        """Return the new id of a row, or None if there was no such row."""
        if self.first <= old <= self.last:
            return old + self.distance
        return self.known.get(old)

    def replace_id(self, old: int) -> int:
        """Return the new id of a row, or `missing`."""
        new = self.find_new_id(old)
        return self.missing if new is None else new


IdMaps = Mapping[str, IdMap]


class DocumentRewriter:
    """Put new ids into JSON documents. `workspace_id` in them is always that of the new workspace."""

    def __init__(self, maps: IdMaps, workspace_id: int) -> None:
        self._maps, self._workspace_id = maps, workspace_id
        self._changes_ids = any(map_.changes_ids for map_ in maps.values())

    def rewrite_text(self, text: str) -> str:
        """Return the document with new ids, as text. Numbers keep all their digits. ValueError if it is no JSON."""
        if not self._changes_ids and "workspace_id" not in text and "\\u" not in text:
            return text  # as it is: PostgreSQL checks it
        document = json.loads(text, parse_float=Decimal)
        rewritten = json.dumps(self.rewrite(document), default=_mark_number)
        return _find_marked_numbers(r"\1", rewritten)

    def rewrite(self, node: Any) -> Any:
        """Return a part of a document with new ids."""
        if isinstance(node, list):
            return [self.rewrite(item) for item in node]
        if not isinstance(node, dict):
            return node
        rewritten = {name: self._rewrite_member(name, value) for name, value in node.items()}
        kind = node.get("kind")
        if isinstance(kind, str) and kind in KIND_TABLES and is_id(node.get("id")):
            rewritten["id"] = self._maps[KIND_TABLES[kind]].replace_id(node["id"])
        if isinstance(node.get("field"), str) and node["field"] in ID_NAMES and "value" in node:
            rewritten["value"] = self.rewrite_value(node["field"], node["value"])
        return rewritten

    def rewrite_value(self, field_name: str, value: Any) -> Any:
        """Return what a condition compares a field with, with new ids."""
        return self._replace_ids(ID_NAMES[field_name], value) if field_name in ID_NAMES else value

    def rewrite_channel(self, text: str) -> str:
        """Return a text such as `form:7` with the new id."""
        parts = _read_channel(text)
        if parts is None or parts[1] not in KIND_TABLES:
            return text
        return f"{parts[1]}:{self._maps[KIND_TABLES[parts[1]]].replace_id(int(parts[2]))}"

    def _rewrite_member(self, name: str, value: Any) -> Any:
        if name in SKIPPED_NAMES:
            return value
        if name == "workspace_id":
            return self._workspace_id
        if name == "channel" and isinstance(value, str):
            return self.rewrite_channel(value)
        if name in ID_NAMES:
            return self._replace_ids(ID_NAMES[name], value)
        return self.rewrite(value)

    def _replace_ids(self, table: str, value: Any) -> Any:
        """Return an id, a text of digits, a list of these, or a change `{"from", "to"}` with new ids."""
        if is_id(value):
            return self._maps[table].replace_id(value)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            return str(self._maps[table].replace_id(int(value)))
        if isinstance(value, list):
            return [self._replace_ids(table, item) for item in value]
        if isinstance(value, dict):
            return {name: self._replace_ids(table, item) for name, item in value.items()}
        return value


def is_id(value: Any) -> bool:
    """Return whether a value of a document is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _mark_number(number: Decimal) -> str:
    return f"{_NUMBER_MARK}{number}{_NUMBER_MARK}"
