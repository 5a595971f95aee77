"""The history's folding and reading, sources, and pauses of one workspace's lanes, on a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.workers.deliveries.claim import claim_due, has_due
from services.workers.ledger.history_sampler import fold_history, sample_history
from services.workers.outbox.event_claims import claim_events, seconds_waiting
from services.workers.outbox.workspace_fairness import WorkspaceCursor
from services.workers.processes.work_statistics import FLUSH_STATISTICS_SQL, WorkStatistics
from shared.operations.history import read_history
from shared.operations.lane_names import JOURNAL_LANES, LANE_NAMES, WHOLE_INSTALLATION, WORKSPACE_LANES
from shared.operations.lane_pauses import LaneActor, pause_lane, read_active_pauses, resume_lane
from shared.operations.overview import read_lanes
from shared.platform.db.connections import Connection
from shared.platform.errors import Forbidden
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.sending import Outbox, tell

pytestmark = pytest.mark.integration

KEY = LaneActor("key", 1, "tests")
OLD_MINUTES = """
INSERT INTO minute_statistics (workspace_id, step, at, accepted, done, verdict_ms)
SELECT %s, 60, date_trunc('minute', now()) - n * interval '1 min', 2, 1, '{0,1,1}' FROM generate_series(0, 200) n
"""


async def test_minutes_fold_into_half_hours_and_lose_nothing(database: Connection) -> None:
    main = await workspace_id(database)
    await database.execute(OLD_MINUTES, (main,))
    await fold_history(database)
    await fold_history(database)
    counts = "SELECT step, count(*)::int, sum(accepted)::int FROM minute_statistics GROUP BY 1 ORDER BY 1"
    minutes, halves = await (await database.execute(counts)).fetchall()
    assert 60 <= minutes[1] <= 91
    assert minutes[2] + halves[2] == 402
    step, points = await read_history(database, main, 60, WORKSPACE_LANES)
    assert (step, len(points), {point.accepted for point in points}) == (60, 60, {2})
    step, points = await read_history(database, WHOLE_INSTALLATION, 2880, LANE_NAMES)
    assert (step, len(points), sum(point.accepted for point in points)) == (1800, 96, 402)
    assert points[-2].verdict_ms == {"p50": 1.4, "p95": 2.0, "p99": 2.0}


async def test_a_lane_counts_what_came_in_and_went_out(database: Connection) -> None:
    main = await workspace_id(database)
    await sample_history(database)
    moved = "UPDATE lane_statistics SET at = at - interval '1 min', sampled_at = sampled_at - interval '1 min'"
    await database.execute(moved)
    statistics = WorkStatistics()
    for milliseconds in (10, 20, 30):
        statistics.record_work("deliveries", main, milliseconds, 5)
    assert statistics.take_activity() == "deliveries"
    figures = statistics.take_figures()
    assert figures is not None
    await database.execute(FLUSH_STATISTICS_SQL, figures.as_arguments())
    await sample_history(database)
    _, points = await read_history(database, main, 5, WORKSPACE_LANES)
    lane = points[-1].lanes["deliveries"]
    assert (lane.depth, lane.entered, lane.out, lane.waiting_ms["p50"]) == (0, 3, 3, 22.6)
    assert points[0].lanes["deliveries"].depth is None


async def test_a_repeated_sample_counts_nothing_twice(database_url: str, database: Connection) -> None:
    main = await workspace_id(database)
    await accept(database, [item(main, {"email": f"a{n % 3}@example.com"}) for n in range(5)])
    await drain(database_url)
    for _ in range(3):
        await sample_history(database)
    _, points = await read_history(database, main, 2, WORKSPACE_LANES)
    assert [sum(values) for values in zip(*[(one.accepted, one.done) for one in points], strict=True)] == [5, 5]


async def test_paused_deliveries_of_a_workspace_are_not_claimed(outbox: Outbox) -> None:
    await tell(outbox, await outbox.subscribe("https://example.com"), await outbox.lead())
    async with outbox.connection.transaction():
        await pause_lane(outbox.connection, "deliveries", outbox.workspace_id, KEY, "the receiver is moved")
    paused = (await read_active_pauses(outbox.connection)).deliveries
    assert paused == (outbox.workspace_id,)
    assert not await has_due(outbox.connection, paused=paused)
    assert await claim_due(outbox.connection, 10, paused=paused) == []
    lanes = {lane.name: lane for lane in await read_lanes(outbox.connection, outbox.workspace_id)}
    assert (lanes["deliveries"].depth, lanes["deliveries"].pause is not None) == (1, True)
    assert await resume_lane(outbox.connection, "deliveries", outbox.workspace_id, KEY)
    (claimed,) = await claim_due(outbox.connection, 10)
    assert claimed.waited_seconds is not None
    assert claimed.waited_seconds >= 0


async def test_events_of_a_paused_workspace_stay_in_the_outbox(database_url: str, database: Connection) -> None:
    main = await workspace_id(database)
    await accept(database, [item(main, {"email": "a@example.com"})])
    await drain(database_url)
    cursor = WorkspaceCursor()
    cursor.paused_workspaces = [main]
    assert await claim_events(database, 10, cursor) == []
    assert await seconds_waiting(database, [main]) is None
    cursor.paused_workspaces = []
    assert len(await claim_events(database, 10, cursor)) == 1


async def test_a_pause_ends_by_itself_and_only_operators_pause_the_journal(database: Connection) -> None:
    main = await workspace_id(database)
    soon = datetime.now(UTC) + timedelta(hours=1)
    await pause_lane(database, "automations", main, KEY, "for an hour", soon)
    assert (await read_active_pauses(database)).automations == (main,)
    await database.execute("UPDATE lane_pauses SET until = clock_timestamp()")
    assert (await read_active_pauses(database)).automations == ()
    for lane in JOURNAL_LANES:
        with pytest.raises(Forbidden):
            await pause_lane(database, lane, main, KEY, "no")
    await pause_lane(database, "bulk", main, LaneActor("operator", 1, "Ingrid"), "yes")
    pauses = await read_active_pauses(database)
    assert (pauses.version, pauses.journal_lanes) == (2, frozenset({JOURNAL_LANES["bulk"]}))
