"""The reasons of a held submission in the console: every sentence of the gateway's is known there."""

import pytest

from services.console.quarantine.spam_words import RULE_SENTENCES, SPAM_SENTENCES, stored_sentence
from services.gateway.public_forms.spam_scoring import SpamEvidence, judge_spam
from services.workers.automations.auto_replies import UNSENT_REPLY_WARNING
from services.workers.ingest.double_opt_in_mails import (
    UNCONFIRMED_REASON,
    UNSENT_BY_FORM_TEXT,
    UNSENT_TO_RECIPIENT_TEXT,
)
from shared.forms.definition import SpamRule
from shared.spam.spam_rules import RuleSubject
from tests.unit.spam.corpus import corpus

pytestmark = pytest.mark.unit

SENDER = RuleSubject("ada@shop.example", "203.0.113.9", ["cheap 100% watches"])
RULED = [("email", "ada@shop.example"), ("domain", "shop.example"), ("address", "203.0.113.9"), ("word", "cheap 100")]
OTHERS = [
    SpamEvidence(SENDER, touch="forged"),
    SpamEvidence(SENDER, proof="reused"),
    SpamEvidence(SENDER, text_forms=2),
]


def test_every_sentence_has_words() -> None:
    verdicts = [judge_spam(evidence, (), 50) for evidence in [*(one.evidence for one in corpus()), *OTHERS]]
    texts = {reason.text for verdict in verdicts for reason in verdict.reasons}
    texts |= {str(UNCONFIRMED_REASON["text"]), UNSENT_BY_FORM_TEXT, UNSENT_TO_RECIPIENT_TEXT, UNSENT_REPLY_WARNING}
    asked: set[str] = set()
    for text in texts:
        assert stored_sentence(text, lambda sentence: asked.add(sentence) or sentence) == text  # type: ignore[func-returns-value]
    assert asked == SPAM_SENTENCES


@pytest.mark.parametrize("verdict", ["hold", "allow"])
def test_sentences_about_rules_keep_their_values(verdict: str) -> None:
    for kind, value in RULED:
        rule = SpamRule(1, verdict, kind, value)  # type: ignore[arg-type]
        text = judge_spam(SpamEvidence(SENDER), [rule], 50).reasons[-1].text
        shown = stored_sentence(text, lambda sentence: f"<{sentence}>")
        assert shown == f"<{RULE_SENTENCES[kind][verdict != 'hold'] % {'value': value}}>"


def test_other_texts_are_shown_as_they_are() -> None:
    for text in ("", "5", "100 % of it", "A rule holds the moon “x”."):
        assert stored_sentence(text, str.upper) == text
