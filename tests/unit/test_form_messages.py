"""Texts of forms in six languages: the same ones in each, with the same placeholders; and who gets which language."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.form_pages.field_problems import FIELD_PROBLEM_CODES, FORM_PROBLEM_CODES
from shared.form_pages.page_messages import MESSAGE_LANGUAGES, choose_language, fill_text, page_messages

pytestmark = pytest.mark.unit

PLACEHOLDERS = re.compile(r"\{\w+\}")
ARABIC = re.compile("[\u0600-\u06ff]")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, f"{path}.{name}")
    else:
        yield path, value


def texts_of(language: str) -> dict[str, str]:
    found = dict(leaves(page_messages(language).texts))
    return {path: text for path, text in found.items() if not path.startswith(".summary.")}


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
def test_every_language_has_all_texts_with_their_placeholders(language: str) -> None:
    english, own = texts_of("en"), texts_of(language)
    assert own.keys() == english.keys()
    for path, text in own.items():
        assert text.strip() or path == ".list_comma", path
        assert set(PLACEHOLDERS.findall(text)) == set(PLACEHOLDERS.findall(english[path])), path
    assert own[".script.progress"] != english[".script.progress"] or language == "en"


def test_arabic_texts_are_arabic() -> None:
    assert [path for path, text in texts_of("ar").items() if not ARABIC.search(text)] == []


def test_every_code_has_a_wording() -> None:
    problems = page_messages("en").texts["problems"]
    assert {*FIELD_PROBLEM_CODES, *FORM_PROBLEM_CODES} <= problems.keys()


@pytest.mark.parametrize(
    ("language", "n", "text"),
    [
        ("en", 1, "One answer needs another look."),
        ("en", 2, "Two answers need another look."),
        ("en", 7, "7 answers need another look."),
        ("ar", 2, "إجابتان تحتاجان إلى مراجعة."),
        ("ar", 5, "5 إجابات تحتاج إلى مراجعة."),
        ("ar", 11, "11 إجابة تحتاج إلى مراجعة."),
        ("he", 2, "Two answers need another look."),
    ],
)
def test_counts_are_words_of_the_language(language: str, n: int, text: str) -> None:
    assert page_messages(language).counted("summary", n) == text


@pytest.mark.parametrize(
    ("texts", "accepted", "chosen"),
    [
        (["Ask us", "Your name"], "ar, en;q=0.5", "en"),
        (["Ask us", "Your name"], "ar, de;q=0.5", "de"),
        (["Fragen Sie uns"], "ar", "en"),
        (["اسألنا", "الاسم", "E-mail"], "en", "ar"),
        (["שאלו אותנו"], "de, ar;q=0.5", "ar"),
        (["123"], "ar", "en"),
        ([], "ar", "ar"),
    ],
)
def test_a_page_is_not_mirrored_against_the_owners_texts(texts: list[str], accepted: str, chosen: str) -> None:
    assert choose_language(None, accepted, texts=texts) == chosen
    assert choose_language(None, accepted, "ar", texts=texts) == "ar"
    assert choose_language("he", accepted, texts=texts) == "he"


@pytest.mark.parametrize(
    ("own", "accepted", "wanted", "chosen"),
    [
        (None, "", None, "en"),
        (None, "de-CH, de;q=0.9, en;q=0.5", None, "de"),
        (None, "nl, pt-BR;q=0.8, en;q=0.1", None, "pt"),
        (None, "fa, ar;q=x", None, "en"),
        (None, "de;q=0, fr;q=0.1", None, "fr"),
        ("he", "de", None, "he"),
        ("pt-BR", "de", None, "pt-BR"),
        ("en", "de", "ar", "ar"),
        ("en", "de", "xx", "en"),
        (None, "de", "AR", "ar"),
    ],
)
def test_language_is_the_wanted_else_the_forms_else_the_browsers(
    own: str | None, accepted: str, wanted: str | None, chosen: str
) -> None:
    assert choose_language(own, accepted, wanted) == chosen


@pytest.mark.parametrize(
    ("tag", "direction"),
    [
        *(("ar", "rtl"), ("he", "rtl"), ("fa-IR", "rtl"), ("ur", "rtl"), ("FA-xx", "rtl"), ("pa-Arab", "rtl")),
        *(("de", "ltr"), ("pa", "ltr"), ("xx", "ltr"), ("en-US-POSIX-abcd", "ltr")),
    ],
)
def test_direction_follows_the_language(tag: str, direction: str) -> None:
    assert page_messages(tag).direction == direction


def test_braces_in_values_stay() -> None:
    assert fill_text("a {max} b {other", {"max": "{other}"}) == "a {other} b {other"
