"""The rendering budget of a run: processor time for all its texts, and a budget shared with runs of its workspace.

The time to compile a template counts only for the shared budget. It is spent once, and the first run is not at fault.
"""

from dataclasses import dataclass
from math import inf
from time import thread_time
from typing import Any

from shared.automations import templates
from shared.platform.observability.gc_tuning import without_collection

MAX_RUN_RENDER_SECONDS = 0.06  # processor time for all texts of a run; a hundred ordinary texts take a tenth of that


class BudgetExhausted(Exception):
    """The shared budget is used up: the run has to wait for another round."""


@dataclass(slots=True)
class SharedBudget:
    """The time and characters left for the texts of several runs."""

    seconds: float = inf
    characters: float = inf

    @property
    def is_exhausted(self) -> bool:
        return self.seconds <= 0 or self.characters <= 0


class RenderingBudget:
    """The rendering budget of one run."""

    def __init__(self, purse: SharedBudget | None = None) -> None:
        self._seconds_left = MAX_RUN_RENDER_SECONDS
        self._shared_budget = purse or SharedBudget()

    def render_text(self, source: str, lead: dict[str, Any], *, slack: bool) -> str:
        """Render a template for a lead. Raises BudgetExhausted, TemplateTooCostly."""
        with without_collection():
            return self._render_text(source, lead, slack=slack)

    def _render_text(self, source: str, lead: dict[str, Any], *, slack: bool) -> str:
        if self._shared_budget.seconds <= 0:
            raise BudgetExhausted
        if self._seconds_left <= 0:
            raise templates.TemplateTooCostly("takes too long with this lead's values, after the run's other texts")
        started = thread_time()
        try:
            template = templates.compile_template(source, slack=slack)
            begun = thread_time()
            try:
                text = template.render_for(lead, begun + self._seconds_left)
            finally:
                self._seconds_left -= thread_time() - begun
        finally:
            self._shared_budget.seconds -= thread_time() - started
        self._shared_budget.characters -= len(text)
        return text
