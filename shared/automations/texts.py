"""The texts of one run, which share one allowance of the processor's time, and a purse with the workspace's other runs.

To compile a template counts for the purse alone: it is done once, and no fault of the run that comes first.
"""

from dataclasses import dataclass
from math import inf
from time import thread_time
from typing import Any

from shared.automations import templates
from shared.collector import without_collection

SECONDS = 0.06  # of the processor for all texts of a run; a hundred ordinary ones take a tenth of that


class PutOff(Exception):
    """The purse is empty: the run is for another time."""


@dataclass(slots=True)
class Purse:
    """What is left for the texts of several runs."""

    seconds: float = inf
    characters: float = inf

    @property
    def is_empty(self) -> bool:
        return self.seconds <= 0 or self.characters <= 0


class Texts:
    """A run's allowance."""

    def __init__(self, purse: Purse | None = None) -> None:
        self._left = SECONDS
        self._purse = purse or Purse()

    def fill(self, source: str, lead: dict[str, Any], *, slack: bool) -> str:
        """The text of a template for a lead. Raises PutOff, TooMuch."""
        with without_collection():
            return self._fill(source, lead, slack=slack)

    def _fill(self, source: str, lead: dict[str, Any], *, slack: bool) -> str:
        if self._purse.seconds <= 0:
            raise PutOff
        if self._left <= 0:
            raise templates.TooMuch("takes too long with this lead's values, after the run's other texts")
        started = thread_time()
        try:
            template = templates.compiled(source, slack=slack)
            begun = thread_time()
            try:
                made = template.fill(lead, begun + self._left)
            finally:
                self._left -= thread_time() - begun
        finally:
            self._purse.seconds -= thread_time() - started
        self._purse.characters -= len(made)
        return made
