"""What other scoring rules would do to the scores of leads, counted for as many leads as a moment allows."""

import asyncio
import heapq
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.leads.lead_records import LeadJson, read_leads
from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection
from shared.scoring.lead_points import read_points
from shared.scoring.score_points import ActiveScoringRule, points_for

MAX_PREVIEWED_LEADS = 50_000
MAX_PREVIEW_SECONDS = 2.0
PAGE_SIZE = 500  # leads that are read at a time

NEWEST_LEADS_SQL = "SELECT id FROM leads WHERE workspace_id = %s AND id < %s ORDER BY id DESC LIMIT %s"
# Exact at any moment: the counter, and the deltas that are not folded into it.
COUNT_LEADS_SQL = """
SELECT coalesce((SELECT n FROM lead_counts_by_field
                 WHERE workspace_id = %(workspace)s AND field = '' AND value = ''), 0)::bigint
     + coalesce((SELECT sum(n) FROM lead_count_deltas WHERE workspace_id = %(workspace)s), 0)::bigint
"""


class ScoreExample(NamedTuple):
    """A lead whose score would change. `name` is that of the person, `stored` its score now.

    `before` is its score if it were counted afresh by the rules as they are.
    """

    lead_id: int
    name: str
    before: int
    after: int
    stored: int


@dataclass
class ScorePreview:
    """How many leads gain and lose, of those that were counted: the newest of all `total`.

    `gains` and `losses` are some of those that change most. `stale` have another score now than the rules as they are
    give them.
    """

    total: int
    counted: int = 0
    gaining: int = 0
    losing: int = 0
    stale: int = 0
    gains: list[ScoreExample] = field(default_factory=list)
    losses: list[ScoreExample] = field(default_factory=list)

    @property
    def same(self) -> int:
        return self.counted - self.gaining - self.losing

    @property
    def is_complete(self) -> bool:
        """Whether all leads were counted."""
        return self.counted >= self.total


async def count_all_leads(connection: Connection, workspace_id: int) -> int:
    """Return how many leads the workspace has."""
    [(total,)] = await (await connection.execute(COUNT_LEADS_SQL, {"workspace": workspace_id})).fetchall()
    return int(total)


async def preview_scores(
    connection: Connection,
    workspace_id: int,
    rules: Sequence[ActiveScoringRule],
    *,
    instead_of: Sequence[ActiveScoringRule] | None = None,
    examples: int = 4,
) -> ScorePreview:
    """Return what these rules, and no others, would do. It takes about `MAX_PREVIEW_SECONDS` at most.

    With the rules that they come `instead_of` it is the difference that the change makes. Otherwise it is the
    difference to the scores that are stored.
    """
    preview = ScorePreview(await count_all_leads(connection, workspace_id))
    deadline, below = time.monotonic() + MAX_PREVIEW_SECONDS, 2**63 - 1
    while preview.counted < MAX_PREVIEWED_LEADS and time.monotonic() < deadline:
        page = await connection.execute(NEWEST_LEADS_SQL, (workspace_id, below, PAGE_SIZE))
        keys: list[LeadKey] = [(workspace_id, row[0]) for row in await page.fetchall()]
        if not keys:
            break
        leads, stored = await read_leads(connection, keys), await read_points(connection, keys)
        ordered = [leads[key] for key in keys if key in leads]
        # In a thread: many rules with long lists take seconds, and other pages want the loop.
        both = (instead_of, rules)
        changes = await asyncio.to_thread(_changed_scores, both, ordered, workspace_id, stored, deadline)
        _add_changes(preview, changes, examples)
        below = keys[-1][1]
    return preview


def _changed_scores(
    rules: tuple[Sequence[ActiveScoringRule] | None, Sequence[ActiveScoringRule]],
    leads: Iterable[LeadJson],
    workspace_id: int,
    stored: Mapping[LeadKey, int],
    deadline: float,
) -> list[ScoreExample]:
    """Return each lead with its score before and after, until the deadline."""
    scores = []
    old, new = rules
    for lead in leads:
        if time.monotonic() > deadline:
            break
        by_rules = stored.get((workspace_id, lead["id"]), 0)
        rest = lead["lead_score"] - by_rules
        before = rest + (by_rules if old is None else points_for(old, lead))
        after = rest + points_for(new, lead)
        scores.append(ScoreExample(lead["id"], _name_of(lead), before, after, lead["lead_score"]))
    return scores


def _add_changes(preview: ScorePreview, scores: Sequence[ScoreExample], examples: int) -> None:
    up = [one for one in scores if one.after > one.before]
    down = [one for one in scores if one.after < one.before]
    preview.counted += len(scores)
    preview.gaining += len(up)
    preview.losing += len(down)
    preview.stale += sum(one.before != one.stored for one in scores)
    preview.gains = heapq.nlargest(examples, [*preview.gains, *up], key=_difference)
    preview.losses = heapq.nsmallest(examples, [*preview.losses, *down], key=_difference)


def _difference(example: ScoreExample) -> int:
    return example.after - example.before


def _name_of(lead: Mapping[str, Any]) -> str:
    names = [lead["first_name"], lead["last_name"]]
    return " ".join(name for name in names if name) or str(lead["email"] or lead["phone"] or "")
