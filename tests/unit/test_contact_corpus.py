"""Emails, phones and names of our own making: what they become by our rules, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.full_name import split_name
from shared.leads.phone_normalization import normalise_phone
from tests.support.contact_corpus import contact_cases, likeness_of

pytestmark = pytest.mark.unit


def text_or_none(normalise: Callable[[], str]) -> str | None:
    try:
        return normalise()
    except InvalidContact:
        return None


@pytest.mark.parametrize("case", contact_cases("emails.json"))
def test_an_email_is_one_mailbox_or_none(case: dict[str, Any]) -> None:
    given, expected = case["given"], case["email"]
    assert text_or_none(lambda: normalise_email(given)) == expected, case["why"]
    assert text_or_none(lambda: normalise_email(given, fold_gmail=True)) == case.get("folded", expected), case["why"]


@pytest.mark.parametrize("case", contact_cases("phones.json"))
def test_a_phone_is_one_number_or_none(case: dict[str, Any]) -> None:
    found = text_or_none(lambda: normalise_phone(case["given"], case["country"]).identity)
    assert found == case["phone"], case["why"]


@pytest.mark.parametrize("case", contact_cases("full_names.json"))
def test_a_full_name_has_a_first_and_a_last_one(case: dict[str, str]) -> None:
    assert split_name(case["given"]) == (case["first_name"], case["last_name"])


@pytest.mark.parametrize("case", contact_cases("name_pairs.json"))
def test_two_names_are_of_one_person_or_of_two(case: dict[str, Any]) -> None:
    probability, is_compared = likeness_of({"first_name": case["a"]}, {"first_name": case["b"]})
    assert (probability >= 0.5) == case["same_person"], case["why"]
    assert is_compared or not case["same_person"]
