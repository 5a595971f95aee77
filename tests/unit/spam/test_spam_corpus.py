"""How well spam is told from honest submissions: precision and recall over a corpus in many languages."""

from collections import defaultdict

import pytest

from services.gateway.public_forms.spam_scoring import SpamVerdict, judge_spam
from shared.forms.definition import DEFAULT_SPAM_THRESHOLD
from tests.unit.spam.corpus import CORPUS_SEED, Sample, corpus

pytestmark = pytest.mark.unit

STRONG_SIGNALS = {"honeypot"}  # those that may hold alone


def judged() -> list[tuple[Sample, SpamVerdict]]:
    return [(sample, judge_spam(sample.evidence, (), DEFAULT_SPAM_THRESHOLD)) for sample in corpus()]


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    results = judged()
    assert len(results) >= 500
    held = [sample for sample, verdict in results if verdict.is_held]
    spam = [sample for sample, _ in results if sample.is_spam]
    right = sum(sample.is_spam for sample in held)
    precision, recall = right / len(held), right / len(spam)
    with capsys.disabled():
        print(f"\n{_table(results)}\nseed {CORPUS_SEED}: precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= 0.98
    assert recall >= 0.7


def test_no_honest_submission_is_held() -> None:
    wrong = [(s.kind, v.score, v.reasons) for s, v in judged() if v.is_held and not s.is_spam]
    assert wrong == []


def test_honest_submissions_set_off_weak_signals_only() -> None:
    for sample, verdict in judged():
        if not sample.is_spam:
            assert all(reason.points < DEFAULT_SPAM_THRESHOLD for reason in verdict.reasons), sample.kind


def test_one_weak_signal_never_holds() -> None:
    for sample, verdict in judged():
        if len(verdict.reasons) == 1 and verdict.reasons[0].code not in STRONG_SIGNALS:
            assert not verdict.is_held, sample.kind


def _table(results: list[tuple[Sample, SpamVerdict]]) -> str:
    counts: dict[tuple[bool, str], list[bool]] = defaultdict(list)
    for sample, verdict in results:
        kind = sample.kind if sample.is_spam else "honest"
        counts[sample.is_spam, kind].append(verdict.is_held)
    lines = [f"{kind:<28}{len(held):>6}{sum(held):>6}" for (_, kind), held in sorted(counts.items())]
    return "\n".join([f"{'':<28}{'n':>6}{'held':>6}", *lines])
