"""The condition under which a field is shown, as lines of a form: comparisons of which all or any must hold. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from shared.automations.conditions import OPERATORS_WITHOUT_VALUE, is_same_value
from shared.forms.field_definition import CHOICE_TYPES

LIST_SIGN = "|"  # between the values of `in`
MAX_SHOW_RULES = 20
CHOICE_OPERATORS = ("equals", "not_equals", "in", "is_not_empty", "is_empty")
TICK_OPERATORS = ("equals", "not_equals")
TICKED_ANSWER = "true"  # the answer of a tick box

RuleGroup = Literal["all", "any"]


@dataclass(frozen=True)
class ShowRule:
    """A comparison as it was typed. A blank one, which names no field, stands for none. Without values, none was asked.

    Of several values, those of `in` are its list.
    """

    field: str = ""
    operator: str = "equals"
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The values in one line."""
        return f" {LIST_SIGN} ".join(self.values)


class RuleChoice(NamedTuple):
    """An answer that a condition may ask for. One that the question does not offer is not known."""

    value: str
    label: str
    is_chosen: bool
    is_known: bool = True


@dataclass(frozen=True)
class AskedQuestion:
    """A question that conditions may ask about, with the answers to choose from; without any, the value is typed."""

    key: str
    label: str
    answers: Sequence[str] = ()
    operators: Sequence[str] = ()  # empty: all of them


@dataclass(frozen=True)
class RuleLine:
    """A comparison as it is shown. Without choices its value is typed."""

    rule: ShowRule
    operators: Sequence[str]  # empty: all of them
    choices: Sequence[RuleChoice]

    @property
    def takes_value(self) -> bool:
        return self.rule.operator not in OPERATORS_WITHOUT_VALUE


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
    comparisons = [_comparison_of(rule) for rule in rules.rules if rule.field]
    if not comparisons:
        return None
    return comparisons[0] if len(comparisons) == 1 else {rules.group: comparisons}


def asked_questions(fields: Sequence[Mapping[str, Any]]) -> dict[str, AskedQuestion]:
    """Return the questions that a condition may ask about, by key."""
    return {field["key"]: _asked_question(field) for field in fields}


def complete_rules(rules: ShowRules, questions: Mapping[str, AskedQuestion]) -> ShowRules:
    """Return lines of which those that choose a value, and were not asked for it yet, ask for the first answer."""

    def complete(rule: ShowRule) -> ShowRule:
        question = questions.get(rule.field)
        if question is None or not question.answers or rule.values or rule.operator in OPERATORS_WITHOUT_VALUE:
            return rule
        return replace(rule, values=(question.answers[0],))

    return replace(rules, rules=[complete(rule) for rule in rules.rules])


def rule_line(rule: ShowRule, questions: Mapping[str, AskedQuestion], answer_label: Callable[[str], str]) -> RuleLine:
    """Return a comparison as it is shown. What it asks for, and its operator, stay even if they are not offered."""
    question = questions.get(rule.field)
    operators = question.operators if question else ()
    if operators and rule.operator not in operators:
        operators = (*operators, rule.operator)
    # What a text contains is typed, and so is an order.
    if question is None or not question.answers or rule.operator not in CHOICE_OPERATORS:
        return RuleLine(rule, operators, ())
    choices = [_rule_choice(answer, rule, answer_label) for answer in question.answers]
    known = {choice.value for choice in choices}
    foreign = [RuleChoice(value, value, True, is_known=False) for value in rule.values if value and value not in known]
    return RuleLine(rule, operators, [*foreign, *choices])


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
    return ShowRule(condition["field"], condition["operator"], tuple(map(_as_text, values)))


def _asked_question(field: Mapping[str, Any]) -> AskedQuestion:
    key, label, kind = field["key"], field["label"], field["type"]
    if field["options"] and kind in (*CHOICE_TYPES, "checkbox"):
        return AskedQuestion(key, label, field["options"], CHOICE_OPERATORS)
    if kind in ("checkbox", "consent"):
        return AskedQuestion(key, label, (TICKED_ANSWER,), TICK_OPERATORS)
    return AskedQuestion(key, label)


def _rule_choice(answer: str, rule: ShowRule, answer_label: Callable[[str], str]) -> RuleChoice:
    """Return an answer. One that is asked for in another spelling keeps it, so that to look at it changes nothing."""
    spelling = next((value for value in rule.values if is_same_value(answer, value)), None)
    return RuleChoice(answer if spelling is None else spelling, answer_label(answer), spelling is not None)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comparison_of(rule: ShowRule) -> dict[str, Any]:
    if rule.operator in OPERATORS_WITHOUT_VALUE:
        return {"field": rule.field, "operator": rule.operator}
    values = [value for value in rule.values if value]
    value = values if rule.operator == "in" else values[0] if values else ""
    return {"field": rule.field, "operator": rule.operator, "value": value}
