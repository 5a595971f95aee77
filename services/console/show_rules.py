"""The condition under which a field is shown, as lines of a form: comparisons of which all or any must hold. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.automations.conditions import OPERATORS_WITHOUT_VALUE

LIST_SIGN = "|"  # between the values of `in`
MAX_SHOW_RULES = 20

RuleGroup = Literal["all", "any"]


@dataclass(frozen=True)
class ShowRule:
    """A comparison as it was typed. A blank one, which names no field, stands for none."""

    field: str = ""
    operator: str = "equals"
    value: str = ""


@dataclass(frozen=True)
class ShowRules:
    """A condition as lines. `is_plain` is false for one that lines cannot show, since it is nested."""

    group: RuleGroup = "all"
    rules: Sequence[ShowRule] = ()
    is_plain: bool = True


def rules_of_condition(condition: Mapping[str, Any] | None) -> ShowRules:
    """Return the lines of a stored condition."""
    if not condition:
        return ShowRules()
    groups: tuple[RuleGroup, RuleGroup] = ("all", "any")
    for group in groups:
        if group in condition:
            members = [_rule_of(one) for one in condition[group]]
            plain = [one for one in members if one is not None]
            return ShowRules(group, plain, is_plain=len(plain) == len(members))
    rule = _rule_of(condition)
    return ShowRules("all", [rule]) if rule else ShowRules(is_plain=False)


def condition_of_rules(rules: ShowRules) -> dict[str, Any] | None:
    """Return the condition of the lines that name a field, None without any."""
    found = [_comparison_of(rule) for rule in rules.rules if rule.field]
    if not found:
        return None
    return found[0] if len(found) == 1 else {rules.group: found}


def rename_field(condition: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a condition with another name for one of its fields."""
    renamed: dict[str, Any] = dict(condition)
    for group in ("all", "any"):
        if isinstance(renamed.get(group), list):
            renamed[group] = [rename_field(one, old, new) for one in renamed[group]]
    if isinstance(renamed.get("not"), Mapping):
        renamed["not"] = rename_field(renamed["not"], old, new)
    return {**renamed, "field": new} if renamed.get("field") == old else renamed


def _rule_of(condition: Mapping[str, Any]) -> ShowRule | None:
    if "field" not in condition:
        return None
    value = condition.get("value")
    values = value if isinstance(value, list) else [] if value is None else [value]
    return ShowRule(condition["field"], condition["operator"], f" {LIST_SIGN} ".join(map(_as_text, values)))


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comparison_of(rule: ShowRule) -> dict[str, Any]:
    if rule.operator in OPERATORS_WITHOUT_VALUE:
        return {"field": rule.field, "operator": rule.operator}
    if rule.operator == "in":
        values = [text for one in rule.value.split(LIST_SIGN) if (text := one.strip())]
        return {"field": rule.field, "operator": rule.operator, "value": values}
    return {"field": rule.field, "operator": rule.operator, "value": rule.value}
