"""The people and bodies of the demo: the same for the same seed, distinct, and at addresses that nobody has."""

from random import Random

import pytest

from demo.lead_sources import LEAD_SOURCES, respelled
from demo.made_up_people import MAIL_DOMAINS, SAME_PERSON_EVERY, film_phone, make_person
from shared.leads.email_normalization import normalise_email
from shared.leads.phone_normalization import normalise_phone

pytestmark = pytest.mark.unit
PEOPLE = [make_person(1, number) for number in range(2_000)]


def test_people_repeat_by_seed_and_number() -> None:
    assert make_person(1, 7) == PEOPLE[7] != make_person(2, 7)


def test_people_share_no_email_and_no_phone() -> None:
    phones = [person.phone for person in PEOPLE if person.phone]
    assert len({person.email for person in PEOPLE}) == len(PEOPLE)
    assert len(phones) > len(PEOPLE) / 2
    assert len(set(phones)) == len(phones)


def test_people_share_no_full_name() -> None:
    """Except for those who are an earlier person at another address."""
    numbers = range(10_000)
    again = sum(number % SAME_PERSON_EVERY == SAME_PERSON_EVERY - 1 for number in numbers)
    people = [make_person(1, number) for number in numbers]
    assert len({(person.first_name, person.last_name) for person in people}) == len(people) - again


def test_emails_are_at_reserved_domains_and_valid() -> None:
    assert {person.email.partition("@")[2] for person in PEOPLE} == set(MAIL_DOMAINS)
    assert all(normalise_email(person.email) == person.email for person in PEOPLE)


def test_phones_are_possible_numbers_for_films() -> None:
    phones = [phone for number in range(100_000) if (phone := film_phone(number))]
    assert all("55501" in phone for phone in phones if phone.startswith("+1"))
    for phone in phones[:2_000]:
        assert normalise_phone(phone, "US").e164 == phone


def test_other_spellings_mean_the_same_person() -> None:
    random = Random("spellings")
    for person in PEOPLE[:500]:
        changed = respelled(random, person.as_lead())
        assert normalise_email(changed["email"]) == person.email
        assert not person.phone or normalise_phone(changed["phone"], "US").e164 == person.phone


def test_shares_of_sources_add_up_to_the_rate() -> None:
    assert sum(source.share for source in LEAD_SOURCES) == pytest.approx(1.0)
