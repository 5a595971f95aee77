"""Made-up people, each in several spellings that normalise to one."""

import random
from typing import Any

TAGS = ["Hot", "hot", "newsletter", "partner", "pricing"]


class People:
    """Draws leads from a seed. People of two instances with different `crowd` are never the same."""

    def __init__(self, crowd: str, seed: int) -> None:
        self._crowd = crowd
        self._random = random.Random(seed)
        self._prefix = 200 + self._random.randrange(700)
        self._count = 0

    def lead(self, duplicates: float = 0.2) -> dict[str, Any]:
        """A body to post: a new person, or with that chance one that came before, spelled anew."""
        if self._count and self._random.random() < duplicates:
            return self.person(self._random.randrange(self._count))
        self._count += 1
        return self.person(self._count - 1)

    def person(self, number: int) -> dict[str, Any]:
        """That person in some spelling. The phone has one of 8 million numbers of an area code of the crowd's own."""
        email = f"Person.{number}@{self._crowd}.Example.com"
        phone = f"{2_000_000 + number:07d}"
        spellings = (
            f"+1{self._prefix}{phone}",
            f"({self._prefix}) {phone[:3]}-{phone[3:]}",
            f"1.{self._prefix}.{phone[:3]}.{phone[3:]}",
        )
        return {
            "email": self._random.choice((email, email.lower(), email.upper(), f"  {email} ")),
            "phone": self._random.choice(spellings),
            "first_name": f"Person {number}",
            "tags": self._random.sample(TAGS, 2),
            "source": self._random.choice(["website", "facebook", "zapier"]),
        }
