"""The rendering budget of a run: processor time for all its texts, and a budget shared with runs of its workspace.

The time to compile a template counts only for the shared budget. It is spent once, and the first run is not at fault.
"""

from dataclasses import dataclass
from math import inf
from time import thread_time
from typing import Any

from shared.automations import templates
from shared.collector import without_collection

SECONDS = 0.06  # processor time for all texts of a run; a hundred ordinary texts take a tenth of that


class PutOff(Exception):
    """The shared budget is used up: the run has to wait for another round."""


@dataclass(slots=True)
class Purse:
    """The time and characters left for the texts of several runs."""

    seconds: float = inf
    characters: float = inf

    @property
    def is_empty(self) -> bool:
        return self.seconds <= 0 or self.characters <= 0


class Texts:
    """The rendering budget of one run."""

    def __init__(self, purse: Purse | None = None) -> None:
        self._left = SECONDS
        self._purse = purse or Purse()

    def fill(self, source: str, lead: dict[str, Any], *, slack: bool) -> str:
        """Render a template for a lead. Raises BudgetExhausted, TemplateTooCostly."""
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
