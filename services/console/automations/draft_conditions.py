"""The condition of a step as the builder's form shows it: lines within groups, each of which may be negated. Pure.

A node has a path, such as `c.0.2`: the third member of the first member of the condition `c`. Its inputs begin with it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shared.automations.conditions import MAX_CONDITION_PARTS, OPERATORS_WITHOUT_VALUE
from shared.automations.fields import CUSTOM_FIELD_PREFIX

ROOT_PATH = "c"
LIST_SIGN = "|"  # between the values of `in`
OTHER_FIELD = "custom"  # a field of the workspace's own, whose key is typed
MAX_NUMBER_DIGITS = 15
NUMBER_FIELDS = frozenset(("id", "lead_score", "pipeline_id", "pipeline_stage_id", "assigned_user_id"))
INPUT_NAME = re.compile(r"(c(?:\.[0-9]{1,3}){0,9})\.(group|not|field|custom|operator|value)", re.ASCII)


class ConditionInputs(Protocol):
    """The inputs of a form. A name may occur several times."""

    def getall(self, name: str, default: Any) -> Any:
        """Return all values of a name."""


@dataclass(frozen=True)
class ConditionNode:
    """A group of conditions, `all` or `any`, or a comparison, which has no group. `is_negated`: it must not hold."""

    path: str
    group: str = ""
    is_negated: bool = False
    field: str = ""
    operator: str = "equals"
    values: tuple[str, ...] = ()
    members: Sequence["ConditionNode"] = ()

    @property
    def text(self) -> str:
        """The values in one line."""
        return f" {LIST_SIGN} ".join(self.values)

    @property
    def takes_value(self) -> bool:
        return self.operator not in OPERATORS_WITHOUT_VALUE


def root_of_condition(condition: Mapping[str, Any] | None) -> ConditionNode:
    """Return a stored condition as the form shows it: a group, perhaps of one line."""
    if not condition:
        return ConditionNode(ROOT_PATH, "all", members=[ConditionNode(f"{ROOT_PATH}.0")])
    root = _node_of(condition, ROOT_PATH)
    return root if root.group else ConditionNode(ROOT_PATH, "all", members=[_node_of(condition, f"{ROOT_PATH}.0")])


def condition_of_root(root: ConditionNode) -> dict[str, Any]:
    """Return the condition of the form. Lines that name no field are left out."""
    condition = _condition_of(root)
    members = condition.get(root.group) or []
    return members[0] if not root.is_negated and len(members) == 1 else condition


def read_condition(form: ConditionInputs, names: Sequence[str]) -> ConditionNode:
    """Return the condition that was sent."""
    inputs: dict[str, dict[str, list[str]]] = {}
    for name in names:
        if parts := INPUT_NAME.fullmatch(name):
            if len(inputs) > MAX_CONDITION_PARTS + 1:
                break
            inputs.setdefault(parts[1], {})[parts[2]] = [str(text) for text in form.getall(name, [])]
    inputs.setdefault(ROOT_PATH, {}).setdefault("group", ["all"])
    root = _read_node(inputs, ROOT_PATH)
    return root if root.members else replace(root, members=[ConditionNode(f"{ROOT_PATH}.0")])


def change_condition(root: ConditionNode, action: str, path: str) -> ConditionNode:
    """Return the condition after a button: `line` and `group` add to the group at a path, `drop` takes a node away."""
    return _numbered(_changed(root, action, path), ROOT_PATH)


def _changed(node: ConditionNode, action: str, path: str) -> ConditionNode:
    if node.path == path and node.group and action == "line":
        return replace(node, members=[*node.members, ConditionNode("")])
    if node.path == path and node.group and action == "group":
        other = "any" if node.group == "all" else "all"
        return replace(node, members=[*node.members, ConditionNode("", other, members=[ConditionNode("")])])
    kept = [one for one in node.members if action != "drop" or one.path != path]
    return replace(node, members=[_changed(one, action, path) for one in kept])


def _numbered(node: ConditionNode, path: str) -> ConditionNode:
    members = [_numbered(one, f"{path}.{index}") for index, one in enumerate(node.members)]
    return replace(node, path=path, members=members)


def _node_of(condition: Mapping[str, Any], path: str) -> ConditionNode:
    is_negated = False
    while isinstance(condition.get("not"), Mapping):
        condition, is_negated = condition["not"], not is_negated
    for group in ("all", "any"):
        if isinstance(condition.get(group), list):
            members = [_node_of(one, f"{path}.{index}") for index, one in enumerate(condition[group])]
            return ConditionNode(path, group, is_negated, members=members)
    value = condition.get("value")
    values = value if isinstance(value, list) else [] if value is None else [value]
    field_name, operator = str(condition.get("field") or ""), str(condition.get("operator") or "equals")
    return ConditionNode(path, "", is_negated, field_name, operator, tuple(map(_as_text, values)))


def _read_node(inputs: Mapping[str, Mapping[str, list[str]]], path: str) -> ConditionNode:
    own = inputs[path]
    is_negated = own.get("not", [""])[-1] == "1"
    if "group" in own:
        prefix = f"{path}."
        below = (one.removeprefix(prefix) for one in inputs if one.startswith(prefix))
        places = sorted(int(rest) for rest in below if rest.isdigit())
        members = [_read_node(inputs, f"{path}.{place}") for place in places]
        group = "any" if own["group"][-1] == "any" else "all"
        return _numbered(ConditionNode(path, group, is_negated, members=members), path)
    field_name = own.get("field", [""])[-1]
    if field_name == OTHER_FIELD and (key := own.get("custom", [""])[-1].strip()):
        field_name = f"{CUSTOM_FIELD_PREFIX}{key}"
    operator = own.get("operator", ["equals"])[-1]
    values = own.get("value", [])
    if operator == "in" and len(values) == 1:
        values = values[0].split(LIST_SIGN)
    typed = tuple(text for one in values if (text := one.strip()))
    return ConditionNode(path, "", is_negated, field_name, operator, typed)


def _condition_of(node: ConditionNode) -> dict[str, Any]:
    condition: dict[str, Any]
    if node.group:
        condition = {node.group: [_condition_of(one) for one in node.members if one.group or one.field]}
    elif not node.takes_value:
        condition = {"field": node.field, "operator": node.operator}
    else:
        values = [typed_value(node.field, text) for text in node.values]
        value = values if node.operator == "in" else values[0] if values else ""
        condition = {"field": node.field, "operator": node.operator, "value": value}
    return {"not": condition} if node.is_negated else condition


def typed_value(field_name: str, text: str) -> str | int | bool:
    """Return a value as its field holds it: a number, true or false, otherwise a text."""
    if field_name == "starred" and text in ("true", "false"):
        return text == "true"
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= MAX_NUMBER_DIGITS
    return int(text) if field_name in NUMBER_FIELDS and is_number else text


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
