"""Made-up people, each in several spellings that normalise to one."""

import random
from typing import Any

TAGS = ["Hot", "hot", "newsletter", "partner", "pricing"]


class People:
    """Draws leads from a seed. People of two instances with different `crowd` are never the same."""

    def __init__(self, crowd: str, seed: int) -> None:
        self._crowd = crowd
        self._random = random.Random(seed)
        # By the crowd, and not by the area code alone, of which there are so few that two crowds meet in one.
        drawn = random.Random(crowd)
        self._prefix, self._first = 200 + drawn.randrange(700), 2_000_000 + drawn.randrange(7_000_000)
        self._count = 0

    def lead(self, duplicates: float = 0.2) -> dict[str, Any]:
        """A body to post: a new person, or with that chance one that came before, spelled anew."""
        if self._count and self._random.random() < duplicates:
            return self.person(self._random.randrange(self._count))
        self._count += 1
        return self.person(self._count - 1)

    def person(self, number: int) -> dict[str, Any]:
        """That person in some spelling; there is room for a million of a crowd."""
        email = f"Person.{number}@{self._crowd}.Example.com"
        phone = f"{self._first + number:07d}"
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
