"""Filters of subscriptions in a round: they have a time, nothing is dropped, and each event is judged once."""

from datetime import UTC, datetime

from services.workers.outbox.filter_round import ROUND_SECONDS, WORKSPACE_SECONDS, FilterRound
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import ActiveSubscription, WebhookNotice
from shared.leads.lead_events import EventFact
from shared.outbound.subscription_expressions import FILTER_STEPS, filter_problem

NOW = datetime(2026, 1, 5, tzinfo=UTC)
STEP_SECONDS = 0.006  # that each event takes, on the clock of the tests
FILTERED = ActiveSubscription(1, frozenset(("*",)), None, "lead.id >= 0")
PLAIN = ActiveSubscription(2, frozenset(("*",)))


class StepClock:
    """A clock on which each reading is a little later."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += STEP_SECONDS
        return self.seconds


def events_of(workspace_id: int, first: int, count: int) -> list[OutboxEvent]:
    """Events of one lead each two."""
    return [OutboxEvent(n, workspace_id, "lead.created", n // 2, n, NOW, {}) for n in range(first, first + count)]


def judge_all(events: list[OutboxEvent], turn: FilterRound, subscription: ActiveSubscription = FILTERED) -> None:
    """Judge the events that are in the round."""
    for event in events:
        if turn.admits(event):
            turn.judge(event, [WebhookNotice(event, EventFact("lead.created", {}), subscription)], {})


def test_a_round_ends_within_the_time_and_the_rest_follows_each_once_and_in_order() -> None:
    waiting, told, rounds = events_of(1, 0, 30), [], 0
    while waiting:
        turn, rounds = FilterRound(StepClock()), rounds + 1
        judge_all(waiting, turn)
        assert len(turn.judged) * STEP_SECONDS < WORKSPACE_SECONDS + STEP_SECONDS * 1.5
        told += [notice.event.id for one in turn.judged.values() for notice in one.notices]
        waiting = [event for event in waiting if event.id in turn.late_ids]
    assert told == list(range(30))
    assert rounds > 1


def test_other_workspaces_have_their_turn_and_plain_subscriptions_no_bound() -> None:
    turn = FilterRound(StepClock())
    judge_all(events_of(1, 0, 50), turn)
    for workspace_id in range(2, 40):
        judge_all(events_of(workspace_id, 100 * workspace_id, 3), turn)
    judge_all(events_of(99, 9_900, 50), turn, PLAIN)
    judged = [100 * workspace_id in turn.judged for workspace_id in range(2, 40)]
    assert all(judged)  # the first one of each, however many they are
    assert sum(event_id < 4_000 for event_id in turn.judged) * STEP_SECONDS < ROUND_SECONDS + 40 * STEP_SECONDS
    assert all(event.id in turn.judged for event in events_of(99, 9_900, 50))


def test_a_batch_that_is_repeated_in_parts_judges_nothing_twice() -> None:
    turn, events = FilterRound(StepClock()), events_of(1, 0, 10)
    judge_all(events, turn)
    first, late = dict(turn.judged), set(turn.late_ids)
    for event in events:
        judge_all([event], turn) if event.id not in turn.judged else None
        assert turn.admits(event) is (event.id in first)
    assert (turn.judged, turn.late_ids) == (first, late)


def test_a_filter_that_always_takes_too_many_steps_is_refused_when_it_is_written() -> None:
    loop = "[1,2,3,4,5,6,7,8,9,10].all(a,[1,2,3,4,5,6,7,8,9,10,11].all(b,a+b>0&&a*b>0))"
    assert "too many steps" in str(filter_problem(loop))
    assert filter_problem("lead.lead_score >= 50 && ['vip', 'new', 'press'].exists(t, t in lead.tags)") is None
    assert FILTER_STEPS <= 300
