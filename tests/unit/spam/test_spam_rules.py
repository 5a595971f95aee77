"""Rules of a workspace about spam: how values are kept, and which of several rules decides."""

from typing import Any

import pytest

from shared.forms.definition import SpamRule
from shared.spam.spam_rules import InvalidRuleValue, RuleSubject, deciding_rule, normalise_rule_value

pytestmark = pytest.mark.unit

SENDER = RuleSubject(
    "ada@mail.shop.example", "2001:db8::7", ["Buy Cheap   WATCHES now", "лучшее казино"], ["win.example"]
)


def rule(kind: Any, value: str, verdict: Any = "hold") -> SpamRule:
    return SpamRule(1, verdict, kind, value)


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("email", " Ada@Shop.Example ", "ada@shop.example"),
        ("domain", "@Shop.EXAMPLE.", "shop.example"),
        ("domain", "bücher.example", "xn--bcher-kva.example"),
        ("address", "203.0.113.77/24", "203.0.113.0/24"),
        ("address", "2001:DB8::1", "2001:db8::1"),
        ("word", "  Cheap,  Watches! ", "cheap watches"),
        ("word", "КАЗИНО", "казино"),
    ],
)
def test_values_are_kept_in_one_form(kind: Any, sent: str, kept: str) -> None:
    assert normalise_rule_value(kind, sent) == kept


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("email", "ada"), ("domain", "shop"), ("domain", "a b.example"), ("address", "shop.example"), ("word", "!!!")],
)
def test_other_values_are_refused(kind: Any, sent: str) -> None:
    with pytest.raises(InvalidRuleValue):
        normalise_rule_value(kind, sent)


@pytest.mark.parametrize(
    ("matching", "is_match"),
    [
        (rule("email", "ada@mail.shop.example"), True),
        (rule("domain", "shop.example"), True),
        (rule("domain", "op.example"), False),
        (rule("domain", "win.example"), True),
        (rule("domain", "win.example", "allow"), False),
        (rule("address", "2001:db8::/32"), True),
        (rule("address", "203.0.113.0/24"), False),
        (rule("word", "cheap watches"), True),
        (rule("word", "cheap watch"), False),
        (rule("word", "казино"), True),
        (rule("word", "казин"), False),
    ],
)
def test_what_a_rule_matches(matching: SpamRule, is_match: bool) -> None:
    assert (deciding_rule([matching], SENDER) is not None) is is_match


def test_words_are_found_in_texts_without_spaces() -> None:
    assert deciding_rule([rule("word", "发票")], RuleSubject(None, None, ["代开发票优惠"]))


def test_the_most_telling_kind_decides_and_among_equals_one_that_holds() -> None:
    held, allowed = rule("domain", "shop.example"), rule("email", "ada@mail.shop.example", "allow")
    assert deciding_rule([held, allowed], SENDER) is allowed
    both = [rule("word", "cheap", "allow"), rule("word", "watches")]
    assert deciding_rule(both, SENDER) is both[1]
    assert deciding_rule(both, RuleSubject(None, None)) is None
