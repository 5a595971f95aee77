"""The score of a submission: which signals it has, what each weighs, and which rules decide instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.public_forms.disposable_domains import disposable_domains, is_disposable
from services.gateway.public_forms.spam_scoring import SpamEvidence, SpamVerdict, judge_spam
from services.gateway.public_forms.text_traits import (
    count_links,
    count_mixed_words,
    has_link_markup,
    link_hosts,
    text_fingerprint,
)
from shared.forms.definition import DEFAULT_SPAM_THRESHOLD, SpamRule
from shared.spam.spam_rules import RuleSubject

pytestmark = pytest.mark.unit

NOBODY = RuleSubject(None, None)


def judged(*rules: SpamRule, **observed: Any) -> SpamVerdict:
    return judge_spam(SpamEvidence(**{"subject": NOBODY, **observed}), rules, DEFAULT_SPAM_THRESHOLD)


def codes(verdict: SpamVerdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize(
    ("observed", "code"),
    [
        ({"touch": "missing"}, "token_missing"),
        ({"touch": "expired"}, "token_missing"),
        ({"touch": "forged"}, "token_forged"),
        ({"token_age": 0.3}, "time_trap"),
        ({"token_age": 2.9}, "time_trap"),
        ({"token_uses": 1}, "token_reused"),
        ({"token_uses": 500}, "token_reused"),
        ({"proof": "missing"}, "proof_missing"),
        ({"proof": "wrong"}, "proof_wrong"),
        ({"proof": "reused"}, "proof_reused"),
        ({"address_posts": 6}, "address_rate"),
        ({"address_posts": 900}, "address_rate"),
        ({"is_busy": True}, "form_rate"),
        ({"texts": ["see https://a.example"]}, "links"),
        ({"texts": ["http://a.example http://b.example www.c.example/x d.example/y https://e.example"]}, "links"),
        ({"texts": ["[url=x]y[/url]"]}, "markup"),
        ({"names": ["Bo www.win.example"]}, "link_in_name"),
        ({"texts": ["V\u0456agra and c\u0430sino"]}, "mixed_alphabets"),
        ({"text_senders": 40}, "same_text"),
        ({"text_forms": 1}, "same_text"),
        ({"subject": RuleSubject("a@yopmail.com", None)}, "disposable_domain"),
    ],
)
def test_each_weak_signal_is_told_and_holds_nothing_alone(observed: dict[str, Any], code: str) -> None:
    verdict = judged(**observed)
    assert codes(verdict) == {code}
    assert 0 < verdict.score < DEFAULT_SPAM_THRESHOLD
    assert not verdict.is_held
    assert all(reason.text.endswith(".") for reason in verdict.reasons)


def test_the_honeypot_holds_alone_whatever_the_threshold() -> None:
    assert judge_spam(SpamEvidence(NOBODY, is_trap_filled=True), (), 1000).is_held


@pytest.mark.parametrize(
    "observed",
    [
        {"token_age": 3.0},
        {"token_age": None},
        {"address_posts": 5},
        {"is_busy": True, "proof": "valid"},
        {"texts": ["mail me at ada@shop.example, v1.2, e.g. 3.5/4 or a.m./p.m."]},
        {"texts": ["WeChat微信 iPhone-чехлы 10µF 5kΩ API для CRM"]},
        {"names": ["J.R. Smith", "王小明 David", "Booking.com"]},
    ],
)
def test_honest_traits_have_no_points(observed: dict[str, Any]) -> None:
    assert judged(**observed).score == 0


def test_reasons_are_weightiest_first_and_add_up() -> None:
    verdict = judged(touch="missing", texts=["[url=http://x.example]y[/url]"])
    points = [reason.points for reason in verdict.reasons]
    assert points == sorted(points, reverse=True)
    assert verdict.score == sum(points)
    assert verdict.is_held


def rule(verdict: Any, kind: Any, value: str) -> SpamRule:
    return SpamRule(7, verdict, kind, value)


def test_a_rule_decides_instead_of_the_score() -> None:
    sender = RuleSubject("ada@shop.example", "203.0.113.9", ["cheap watches"])
    held = judged(rule("hold", "domain", "shop.example"), subject=sender)
    assert (held.is_held, held.reasons[0].code, held.rule and held.rule.id) == (True, "held_domain", 7)
    allowed = judged(rule("allow", "email", "ada@shop.example"), subject=sender, is_trap_filled=True)
    assert (allowed.is_held, allowed.score) == (False, 0)
    assert codes(allowed) == {"honeypot", "allowed_email"}


def test_traits_of_texts() -> None:
    assert link_hosts(["HTTPS://User@Win.Example:8080/x?y", "www.a.example/b"]) == ["win.example", "www.a.example"]
    assert count_links(["a@b.example/c", "x.y"]) == 0
    assert has_link_markup(["see [here](https://a.example)", ""])
    assert not has_link_markup(["a <b>bold</b> <div>"])
    assert count_mixed_words(["раураl", "paypal", "ПЕТР"]) == 1
    assert text_fingerprint(["Buy  NOW, 20% off!"]) == text_fingerprint(["buy now 35 % off"])


@given(st.text(max_size=400))
def test_any_text_has_traits(text: str) -> None:
    assert count_links([text]) >= 0
    assert count_mixed_words([text]) >= 0
    assert all(host == host.casefold() for host in link_hosts([text]))
    judged(texts=[text], names=[text])


def test_long_hostile_texts_are_judged_at_once() -> None:
    for text in ("a." * 10_000, "<a " * 10_000, "[url" * 9000, "http://" * 9000, "-" * 60_000, "a-" * 9000 + "/"):
        judged(texts=[text], names=[text])


def test_disposable_domains_include_their_subdomains() -> None:
    assert len(disposable_domains()) > 5_000
    assert is_disposable("a@mail.YOPMAIL.com")
    assert not is_disposable("a@gmail.com")
    assert not is_disposable("com")
    assert not is_disposable(None)
