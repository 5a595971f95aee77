"""Mails to the people of a workspace, in English and Arabic."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from services.console.quarantine.spam_words import SPAM_SENTENCES, stored_sentence
from services.console.web.translations import load_languages
from services.workers.automations.form_notification import FormNotification, mail_body, mail_subject
from services.workers.deliveries.auto_disable import GONE_REASON, LONG_FAILURE_REASON
from services.workers.held_digest import HeldDigest
from shared.outbound.staff_texts import STAFF_LANGUAGES, plural_category, staff_texts
from shared.spam.stored_sentences import split_sentence

pytestmark = pytest.mark.unit

PLACES = re.compile(r"\{(\w+)\}").findall
ISOLATES = str.maketrans("", "", "\u2068\u2069")
FILLED = FormNotification(
    lead_id=7,
    form_id=1,
    submission_id="id",
    received_at=datetime(2026, 11, 27, 9, 41, 2, tzinfo=UTC),
    form_name="Ask {us}",
    fields=[{"key": key, "label": key.title()} for key in ("name", "agree", "topics", "file")],
    addresses=["ada@example.com"],
    languages={},
    values={
        "name": "Ada",
        "agree": True,
        "topics": ["prices", "terms"],
        "file": {"name": "cv.pdf", "size": 1200, "type": "application/pdf"},
    },
    auto_reply=None,
    lead={},
)


def leaves(texts: Any, path: str = "") -> dict[str, str]:
    """All texts by their path. Plural forms are one."""
    if isinstance(texts, str):
        return {path: texts}
    if "other" in texts:
        return {path: texts["other"]}
    return {name: text for key, value in texts.items() for name, text in leaves(value, f"{path}.{key}").items()}


def test_each_text_has_the_same_values_in_both_languages() -> None:
    english, arabic = (leaves({**staff_texts(language).texts, "sentences": {}}) for language in STAFF_LANGUAGES)
    assert english.keys() == arabic.keys()
    for path, text in english.items():
        assert sorted(set(PLACES(text))) == sorted(set(PLACES(arabic[path]))), path
        assert ("[link]" in text) == ("[link]" in arabic[path])


def test_sentences_are_those_of_the_consoles_catalogue() -> None:
    catalogue, texts = load_languages()["ar"].translations.gettext, staff_texts("ar")
    rules = {f"A rule holds the {kind} “a % b”." for kind in ("email", "domain", "address", "word")}
    examples = {sentence.replace("%(n)s", "3") for sentence in SPAM_SENTENCES} | rules
    for text in examples - {text for text in examples if "reply" in text}:
        template, values = split_sentence(text)
        assert texts.sentence(template, **values) == stored_sentence(text, catalogue) != text
    for reason in (GONE_REASON, LONG_FAILURE_REASON):
        assert texts.sentence(reason) != reason
    assert texts.sentence("Something {new}, 100 %") == "Something {new}, 100 %"


@pytest.mark.parametrize(
    ("n", "category"),
    [(0, "zero"), (1, "one"), (2, "two"), (3, "few"), (10, "few"), (11, "many"), (99, "many"), (100, "other"),
     (102, "other"), (103, "few"), (12408, "few"), (1000, "other")],
)  # fmt: skip
def test_arabic_has_six_plural_categories(n: int, category: str) -> None:
    assert plural_category("ar", n) == category
    assert plural_category("en", n) == ("one" if n == 1 else "other")


@pytest.mark.parametrize("language", [None, "", "de", "en"])
def test_who_has_chosen_no_language_of_ours_reads_english(language: str | None) -> None:
    texts = staff_texts(language)
    assert mail_subject(FILLED, texts) == "Ask {us}: new submission"
    assert mail_body(FILLED, texts) == (
        "Name    Ada\nAgree   yes\nTopics  prices, terms\nFile    cv.pdf (application/pdf, 1200 bytes)\n\n"
        "Received 2026-11-27 09:41:02 UTC. Lead 7.\nid\n"
    )


def test_a_notification_in_arabic() -> None:
    texts = staff_texts("ar")
    assert mail_subject(FILLED, texts) == "\u2068Ask {us}\u2069: إرسال جديد"
    assert mail_body(FILLED, texts).translate(ISOLATES) == (
        "Name    Ada\nAgree   نعم\nTopics  prices، terms\nFile    cv.pdf (application/pdf، 1200 بايت)\n\n"
        "وقت الوصول 2026-11-27 09:41:02 UTC. العميل المحتمل 7.\nid\n"
    )


def test_a_digest_in_arabic() -> None:
    reasons = [{"n": 1204, "text": "Its texts have 3 links."}, {"n": 2, "text": "A rule holds the word “x”."}]
    subject, body = HeldDigest("Acme", "https://l.example/q", {"held": 1206, "new": 1001}, reasons).written_for("ar")
    assert subject.translate(ISOLATES) == "المعزول في مساحة العمل Acme: 1,206 إرسالات"
    assert "منذ الرسالة السابقة 1,001" in body
    assert "- 1,204 مرات: عدد الروابط في نصوصه 3.\n- مرتان: قاعدة تعزل الكلمة «x».\n" in body
    assert "https://l.example/q\n" in body
