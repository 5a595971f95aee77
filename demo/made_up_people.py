"""People who do not exist: the same one for the same seed and number. Pure.

Addresses are at domains that RFC 2606 reserves. Phone numbers are from ranges that regulators keep free for films:
NANPA's 555-01xx, Ofcom's 07700 900xxx, ARCEP's 06 39 98 xx xx and the Bundesnetzagentur's (0)30 23125 xxx.
"""

import unicodedata
from dataclasses import dataclass
from random import Random
from typing import Any

from demo.sample_names import (
    COMPANY_FIRST_WORDS,
    COMPANY_LAST_WORDS,
    COUNTRY_CODES,
    GIVEN_AND_FAMILY_NAMES,
    JOB_TITLES,
)

MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "office.example.org")
AREA_CODES = [code for code in range(201, 990) if code % 100 != 11 and code // 10 % 10 != 9]
PLAIN_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ı": "i", "ß": "ss", "æ": "ae"})  # Unicode takes none of them apart
PHONE_SHARE = 0.6  # of the people have a phone
# People share no full name, since each would be suggested as a duplicate of the other. When the names of one culture
# are used up, those of two cultures in Latin letters are combined.
CULTURES = [(given.split(), family.split()) for given, family in GIVEN_AND_FAMILY_NAMES]
LATIN_CULTURES = [names for names in CULTURES if unicodedata.name(names[0][0][0]).startswith("LATIN")]
FULL_NAMES = [(first, last) for firsts, lasts in CULTURES for first in firsts for last in lasts]
MIXED_NAMES = [
    (first, last)
    for firsts, own_lasts in LATIN_CULTURES
    for first in firsts
    for _, lasts in LATIN_CULTURES
    if lasts is not own_lasts
    for last in lasts
]
NAME_STEP = 761  # a prime, so that each name has its turn, far from the one before
SAME_PERSON_EVERY = 60  # people, of whom the last is an earlier one under another address
SAME_PERSON_BACK = 37  # people between both

FILM_PHONE_COUNTS = (len(AREA_CODES) * 100, 1_000, 10_000, 1_000)


@dataclass(frozen=True, slots=True)
class MadeUpPerson:
    """A person. `phone` is in E.164, or None."""

    first_name: str
    last_name: str
    email: str
    phone: str | None
    company: str
    job_title: str
    country: str

    def as_lead(self) -> dict[str, Any]:
        """Return the fields of a lead, without those that are empty."""
        names = ("first_name", "last_name", "email", "phone", "company", "job_title", "country")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def make_person(seed: int, number: int) -> MadeUpPerson:
    """Return the person of that number. Some are an earlier person at another address, so that there are duplicates."""
    random = Random(f"{seed}/{number}")
    is_again = number % SAME_PERSON_EVERY == SAME_PERSON_EVERY - 1
    source = Random(f"{seed}/{number - SAME_PERSON_BACK}") if is_again else random
    first_name, last_name = _full_name(seed, number - SAME_PERSON_BACK if is_again else number)
    company_words = source.choice(COMPANY_FIRST_WORDS), source.choice(COMPANY_LAST_WORDS)
    nickname = ".".join(random.sample(COMPANY_FIRST_WORDS, 2)).lower()
    mail_name = _mail_name(first_name[:1] if is_again else first_name, last_name) or nickname
    return MadeUpPerson(
        first_name=first_name,
        last_name=last_name,
        email=f"{mail_name}{number}@{random.choice(MAIL_DOMAINS)}",
        phone=film_phone(number) if random.random() < PHONE_SHARE and not is_again else None,
        company=" ".join(company_words),
        job_title=random.choice(JOB_TITLES),
        country=random.choice(COUNTRY_CODES),
    )


def _full_name(seed: int, number: int) -> tuple[str, str]:
    names, place = (FULL_NAMES, number) if number < len(FULL_NAMES) else (MIXED_NAMES, number - len(FULL_NAMES))
    return names[(place * NAME_STEP + seed) % len(names)]


def film_phone(number: int) -> str | None:
    """Return the phone of the person of that number, or None once the numbers for films are used up."""
    # Neighbours get numbers of different countries as long as there are any.
    us_count, gb_count, fr_count, de_count = FILM_PHONE_COUNTS
    place, country = divmod(number, 4)
    if country == 1 and place < gb_count:
        return f"+447700900{place:03d}"
    if country == 2 and place < fr_count:
        return f"+3363998{place:04d}"
    if country == 3 and place < de_count:
        return f"+493023125{place:03d}"
    if number >= us_count:
        return None
    return f"+1{AREA_CODES[number % len(AREA_CODES)]}55501{number // len(AREA_CODES):02d}"


def respell_email(random: Random, email: str) -> str:
    """Return the address in another spelling, which means the same."""
    name, _, domain = email.partition("@")
    return random.choice((email.upper(), f" {name.title()}@{domain}", f"{name}@{domain.upper()} ", email.capitalize()))


def respell_phone(random: Random, phone: str) -> str:
    """Return the phone in another spelling, which means the same where the US are the default country."""
    if phone.startswith("+1"):
        area, rest = phone[2:5], phone[5:]
        return random.choice((f"({area}) {rest[:3]}-{rest[3:]}", f"{area}.{rest[:3]}.{rest[3:]}", f"1 {area} {rest}"))
    country, rest = phone[:3], phone[3:]
    groups = f"{rest[:3]}-{rest[3:6]}-{rest[6:]}"
    return random.choice((f"{country} {groups}", f"011{country[1:]}{rest}", f"{country} ({rest[:3]}) {rest[3:]}"))


def _mail_name(first_name: str, last_name: str) -> str:
    """Return a name for an address in ASCII, nothing for a name in another script."""
    plain = unicodedata.normalize("NFKD", f"{first_name}.{last_name}".lower().translate(PLAIN_LETTERS))
    kept = [char for char in plain if char.isascii() and (char.isalnum() or char == ".")]
    return "".join(kept).strip(".")
