"""Queries of lists: the same queries on a workspace of ten thousand leads and on one of a million."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.crowd import RARE
from services.api.cursors import Position
from services.api.leadlist.asked import find_filters
from services.api.leadlist.lists import read_counted, read_page, read_step
from services.api.leadlist.sorts import COLUMNS, Sort
from services.api.leadlist.totals import count, estimate
from shared.db import Connection, connect
from shared.leads.records import read_leads

RUNS = 9
SIZE = 15
RATIO, FLOOR, EXEMPT = (
    2.0,
    5.0,
    100.0,
)  # at most twice the time of the smaller workspace, or 5 ms; exempt queries: 100 ms


@dataclass(frozen=True)
class Question:
    """A list's query and page. `walk` is a cursor step from the middle instead. `exempt` has a limit of 100 ms only."""

    label: str
    query: Mapping[str, Any] = field(default_factory=dict)
    page: int = 1
    size: int = SIZE
    walk: bool = False
    exempt: bool = False


def questions(pipeline: int, stage: int, user: int) -> list[Question]:
    now = datetime.now(UTC)
    filters: dict[str, Any] = {
        "source": "facebook",
        "status": "converted",
        "pipeline_id": pipeline,
        "stage_id": stage,
        "assigned_user_id": user,
        "tag": "newsletter",
        "starred": True,
        "created_after": now - timedelta(days=100),
        "created_before": now - timedelta(days=200, seconds=7),
        "updated_after": now - timedelta(days=30),
        "updated_before": now - timedelta(days=300, seconds=7),
    }
    three = {"source": "facebook", "status": "converted", "tag": "newsletter"}
    return [
        *(Question(f"page 1 by {sort}", {"sort": sort}) for sort in COLUMNS),
        *(Question(f"page 2,000 by {sort}", {"sort": sort}, page=2000, size=5) for sort in COLUMNS),
        *(Question(f"{name} alone", {name: value}) for name, value in filters.items()),
        Question("a rare tag", {"tag": RARE}),
        Question("a tag that no lead bears", {"tag": "nobody"}),
        *(Question(f"source by {sort}", {"source": "facebook", "sort": sort}) for sort in [*COLUMNS][1:]),
        Question("source, page 100", {"source": "facebook"}, page=100, size=10),
        Question("three filters", three),
        *(Question(f"three filters by {sort}", {**three, "sort": sort}) for sort in ("email", "last_name")),
        Question(
            "three others, oldest first",
            {"stage_id": stage, "assigned_user_id": user, "starred": True, "direction": "asc"},
        ),
        Question("a step of a walk", walk=True),
        Question("a step of a filtered walk by name", {"source": "facebook", "sort": "last_name"}, walk=True),
        Question("search: part of an e-mail", {"search": "P4A9F"}),
        Question("search: part of a phone", {"search": "(212) 555-1"}),
        Question("search: a full name", {"search": "yuki Tanakason"}, exempt=True),
        Question("search: a common name", {"search": "yuki"}, exempt=True),
        Question("search: two characters", {"search": "yu"}, exempt=True),
        Question("search: one character", {"search": "y"}, exempt=True),
        Question("search and a filter", {"search": "P4A9F", "status": "new"}),
        Question("dates and a filter", {"created_after": now - timedelta(days=100), "source": "facebook"}, exempt=True),
        Question("dates and three filters", {"updated_after": now - timedelta(days=200), **three}, exempt=True),
        Question("the last page", page=0),
        Question("page 4,000 of 15", page=4000, exempt=True),
    ]


async def measure(url: str, small: int, large: int, places: Mapping[int, tuple[int, int, int]]) -> list[dict[str, Any]]:
    """Return median milliseconds at both sizes. `places` holds a pipeline, stage and user of each workspace."""
    rows = []
    async with connect(url, "bench") as connection:
        for one, other in zip(questions(*places[small]), questions(*places[large]), strict=True):
            rows.append(compared(one, await ask(connection, small, one), await ask(connection, large, other)))
    return rows


def compared(question: Question, small: tuple[float, int], large: tuple[float, int]) -> dict[str, Any]:
    ratio = large[0] / small[0]
    met = large[0] < EXEMPT if question.exempt else ratio <= RATIO or large[0] <= FLOOR
    return {
        "label": question.label,
        "small_ms": small[0],
        "large_ms": large[0],
        "ratio": ratio,
        "total": large[1],
        "target": f"< {EXEMPT:g} ms" if question.exempt else f"≤ {RATIO:g}× or ≤ {FLOOR:g} ms",
        "met": met,
    }


async def ask(connection: Connection, workspace: int, question: Question) -> tuple[float, int]:
    """Return the median time in milliseconds, and the number of leads."""
    after = await middle(connection, workspace, question) if question.walk else None
    times, total = [], 0
    for _ in range(RUNS):
        started = time.perf_counter()
        total = await answer(connection, workspace, question, after)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times), total


async def answer(connection: Connection, workspace: int, question: Question, after: Position | None) -> int:
    """Read all that a request reads: filters, total, ids and records. Return the total."""
    filters = await find_filters(connection, workspace, dict(question.query), {})
    if filters is None:
        return 0
    if after:
        total = await estimate(connection, filters)
        ids, _ = await read_step(connection, filters, sort_of(question), total, question.size, after, dear=True)
        n = total.n
    else:
        page = question.page or -(-(await count(connection, filters)).n // question.size)
        offset = (page - 1) * question.size
        ids, n = await read_counted(connection, filters, sort_of(question), question.size, offset, dear=True)
    await read_leads(connection, [(workspace, id_) for id_ in ids])
    return n


async def middle(connection: Connection, workspace: int, question: Question) -> Position | None:
    """Return the position halfway down the list."""
    filters = await find_filters(connection, workspace, dict(question.query), {})
    assert filters is not None
    total = await count(connection, filters)
    sort = sort_of(question)
    (id_,) = await read_page(connection, filters, sort, total, 1, total.n // 2, dear=True)
    statement = f"SELECT {sort.column}::text FROM leads WHERE workspace_id = %s AND id = %s"
    row = await (await connection.execute(statement, (workspace, id_))).fetchone()
    return Position(row[0], id_) if row else None


def sort_of(question: Question) -> Sort:
    return Sort(question.query.get("sort", "created_at"), question.query.get("direction", "desc") == "desc")
