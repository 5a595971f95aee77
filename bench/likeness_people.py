"""Made-up leads for the benchmark of likeness: common names are common, some are duplicates, and some workspaces are
as unfavourable as can be."""

import random
import string
from collections.abc import Callable
from typing import Any

from services.workers.likeness.nicknames import DATA_FOLDER, name_roots

DUPLICATE_SHARE = 0.15
SYLLABLES = "an bel cor da el fen gar hol in jas kel lor mar nor ost per quin ros sal tor ul ver wen yor zan".split()

LeadFields = dict[str, Any]


def _read_names() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {"given": [], "surname": []}
    for line in (DATA_FOLDER / "common_names.txt").read_text("utf-8").splitlines():
        kind, _, words = line.partition(":")
        if kind in names:
            names[kind] += words.split()
    return names


class PeopleGenerator:
    """Makes leads. About one in seven is an earlier one again, mistyped: `planted` says of whom, by place."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        names = _read_names()
        self._given, self._surnames = names["given"], names["surname"]
        self._earlier: list[tuple[int, LeadFields]] = []
        self.planted: dict[int, int] = {}

    def make_lead(self, place: int) -> LeadFields:
        """Return the lead of this place."""
        if self._earlier and self._chance.random() < DUPLICATE_SHARE:
            origin, lead = self._chance.choice(self._earlier)
            self.planted[place] = origin
            return self._corrupted(lead)
        lead = self._person()
        if len(self._earlier) < 5_000:
            self._earlier.append((place, lead))
        elif self._chance.random() < 0.02:
            self._earlier[self._chance.randrange(5_000)] = (place, lead)
        return lead

    def _person(self) -> LeadFields:
        chance = self._chance
        first, last = self._name(self._given, 0.35), self._name(self._surnames, 0.6)
        company = self._rare_word(2 if chance.random() < 0.3 else 3) if chance.random() < 0.8 else ""
        domain = f"{company.lower()}.test" if company and chance.random() < 0.6 else "gmail.com"
        local = chance.choice((f"{first}.{last}", f"{first[0]}{last}", f"{last}{chance.randrange(1000)}")).lower()
        return {
            "first_name": first,
            "last_name": last,
            "email": f"{local}{chance.randrange(100) if domain == 'gmail.com' else ''}@{domain}",
            "phone": f"+1{chance.randrange(201, 990)}{chance.randrange(200, 1000)}{chance.randrange(10_000):04}",
            "company": company and f"{company} {chance.choice(('Ltd', 'Inc', 'GmbH', 'Group', ''))}".strip(),
            "custom_fields": {"city": self._rare_word(2 if chance.random() < 0.8 else 3)},
        }

    def _name(self, common: list[str], rare_share: float) -> str:
        if self._chance.random() < rare_share:
            return self._rare_word(self._chance.choice((2, 3, 3)))
        return common[int(len(common) * self._chance.random() ** 2)].title()

    def _rare_word(self, syllables: int) -> str:
        return "".join(self._chance.choices(SYLLABLES, k=syllables)).title()

    def _corrupted(self, lead: LeadFields) -> LeadFields:
        chance, changed = self._chance, dict(lead)
        if chance.random() < 0.3:
            changed["first_name"] = chance.choice(name_roots(lead["first_name"].lower())).title()
        if chance.random() < 0.4:
            field = chance.choice(("first_name", "last_name", "company"))
            changed[field] = self._mistyped(changed[field])
        kept = chance.choice(("email", "phone", "neither", "local"))
        if kept != "email":
            local, _, _ = lead["email"].partition("@")
            changed["email"] = f"{local}@mail.test" if kept == "local" else None
        if kept != "phone":
            changed["phone"] = f"+1{chance.randrange(201, 990)}{chance.randrange(2_000_000, 10_000_000)}"
        return changed

    def _mistyped(self, text: str) -> str:
        if len(text) < 4:
            return text
        place = self._chance.randrange(1, len(text) - 1)
        letter = self._chance.choice(string.ascii_lowercase)
        before, behind = text[:place], text[place:]
        return before + self._chance.choice((letter + behind[1:], behind[1:], letter + behind))


def john_smith(place: int) -> LeadFields:
    return {"first_name": "John", "last_name": "Smith", "email": f"johnsmith{place}@gmail.com"}


def colleague(place: int) -> LeadFields:
    """One company, one switchboard, one domain."""
    lead = _COLLEAGUES.make_lead(place)
    return {
        **lead,
        "email": f"{lead['first_name'][0]}.{lead['last_name']}{place}@acme.test".lower(),
        "phone": f"+12015550100;ext={place % 9000 + 1000}",
        "company": "Acme Ltd",
    }


def nameless(_: int) -> LeadFields:
    """The same name, company and city, and no contact."""
    return {"first_name": "John", "last_name": "Smith", "company": "Acme", "custom_fields": {"city": "Springfield"}}


def neighbour(place: int) -> LeadFields:
    """One name, a domain each, and one phone after the other."""
    email = f"john.smith@mail{place}.test"
    return {"first_name": "John", "last_name": "Smith", "email": email, "phone": f"+1201{5_550_000 + place}"}


_COLLEAGUES = PeopleGenerator(9)
ADVERSARIES: dict[str, Callable[[int], LeadFields]] = {
    "John Smith, johnsmithN@gmail.com": john_smith,
    "one company, switchboard and domain": colleague,
    "same name, company and city, no contact": nameless,
    "one name, consecutive phones": neighbour,
}
