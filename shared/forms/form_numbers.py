"""The numbers of a form: how often it was seen, begun, sent and held, by day and by where visitors came from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.platform.db.connections import Connection

MAX_NUMBERS_DAYS = 90
MAX_NUMBERED_SOURCES = 50  # the others are counted together, as `other`
OTHER_SOURCES = "other"

OUTCOME_MEMBERS = {"view": "views", "start": "starts", "submission": "submissions", "held": "held"}

TOTALS_SQL = """
SELECT form_id, outcome, sum(n)::bigint FROM form_counts
WHERE workspace_id = %s AND hour > now() - %s * interval '1 day' GROUP BY 1, 2
"""
BY_DAY_SQL = """
SELECT (hour AT TIME ZONE %s)::date, outcome, sum(n)::bigint FROM form_counts
WHERE workspace_id = %s AND form_id = %s AND hour > now() - %s * interval '1 day' GROUP BY 1, 2 ORDER BY 1
"""
BY_SOURCE_SQL = """
SELECT source, outcome, sum(n)::bigint FROM form_counts
WHERE workspace_id = %s AND form_id = %s AND hour > now() - %s * interval '1 day' GROUP BY 1, 2
"""


@dataclass
class FormFigures:
    """`views`: how often the form was shown. `starts`: how often somebody touched it. `held` ones count as sent too."""

    views: int = 0
    starts: int = 0
    submissions: int = 0
    held: int = 0

    def add(self, outcome: str, n: int) -> None:
        """Add a count of the table."""
        if name := OUTCOME_MEMBERS.get(outcome):
            setattr(self, name, getattr(self, name) + n)
        if outcome == "held":
            self.submissions += n

    def include(self, other: "FormFigures") -> None:
        """Add other figures."""
        for name in OUTCOME_MEMBERS.values():
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class FormNumbers:
    """The numbers of one form. Sources are in the order of their submissions, then of their views."""

    total: FormFigures = field(default_factory=FormFigures)
    by_day: dict[date, FormFigures] = field(default_factory=dict)
    by_source: dict[str, FormFigures] = field(default_factory=dict)


async def read_form_totals(connection: Connection, workspace_id: int, days: int) -> Mapping[int, FormFigures]:
    """Return the figures of the last days by the form's id, for all forms of a workspace that have any."""
    rows = await (await connection.execute(TOTALS_SQL, (workspace_id, days))).fetchall()
    return _figures_by(rows)


async def read_form_numbers(
    connection: Connection, workspace_id: int, form_id: int, days: int, zone: str = "UTC"
) -> FormNumbers:
    """Return the numbers of a form in the last days. Days begin at midnight of the time zone."""
    by_day = await (await connection.execute(BY_DAY_SQL, (zone, workspace_id, form_id, days))).fetchall()
    by_source = await (await connection.execute(BY_SOURCE_SQL, (workspace_id, form_id, days))).fetchall()
    numbers = FormNumbers(by_day=_figures_by(by_day))
    for _, outcome, n in by_source:
        numbers.total.add(outcome, n)
    found = sorted(_figures_by(by_source).items(), key=lambda one: (-one[1].submissions, -one[1].views, one[0]))
    numbers.by_source = dict(found[:MAX_NUMBERED_SOURCES])
    for _, figures in found[MAX_NUMBERED_SOURCES:]:
        numbers.by_source.setdefault(OTHER_SOURCES, FormFigures()).include(figures)
    return numbers


def _figures_by(rows: Iterable[tuple[Any, ...]]) -> dict[Any, FormFigures]:
    figures: dict[Any, FormFigures] = defaultdict(FormFigures)
    for key, outcome, n in rows:
        figures[key].add(outcome, n)
    return dict(figures)
