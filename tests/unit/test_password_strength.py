"""Which passwords are easy to guess: those of lists, of the keyboard, of the person, and short patterns."""

import time

import pytest

from services.console.accounts.own_account import PASSWORD_RULES
from shared.auth.password_strength import is_easy_to_guess
from shared.auth.passwords import EASY_PASSWORD_MESSAGE, TOO_LONG_MESSAGE, TOO_SHORT_MESSAGE

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "password",
    [
        *("password123", "P@ssw0rd123", "qwertyuiop", "1qaz2wsx3edc", "abcdefghij", "aaaaaaaaaa", "12.03.1985"),
        *(
            " " * 12,
            "\t" * 12,
            "\u3000" * 12,
            "ada@example.com",
            "ADA.Lovelace",
            "leadhub2026",
            "iloveyou1234",
            " password12 ",
            "abcabcabcabcabcabcabcabc",
        ),
    ],
)
def test_passwords_of_lists_patterns_and_the_person_are_easy_to_guess(password: str) -> None:
    assert is_easy_to_guess(password, "ada.lovelace@example.com" if "." in password else "ada@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "violet-otter-9",
        "xK9#mQ2$vL",
        "Grüße aus Köln",
        "كلمة سر طويلة",
        "\ud800 quiet harbour",
    ],
)
def test_sentences_and_random_passwords_are_not(password: str) -> None:
    assert not is_easy_to_guess(password, "ada@example.com")


def test_longest_password_is_judged_in_seconds() -> None:
    """Many letters that stand for others make zxcvbn slow: without a bound it takes minutes here."""
    began = time.process_time()
    is_easy_to_guess("4@8({[<369|1!$5+70%2" * 10, "ada@example.com")
    assert time.process_time() - began < 10


def test_console_translates_what_is_said_of_a_password() -> None:
    assert {TOO_SHORT_MESSAGE, TOO_LONG_MESSAGE, EASY_PASSWORD_MESSAGE} == PASSWORD_RULES
