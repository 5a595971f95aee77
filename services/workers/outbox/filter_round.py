"""The filters of subscriptions in one round of an engine: each event is judged once, and filters have a time. Pure.

The filters of a workspace may be many, and costly on purpose. Events for which no time is left stay in the outbox, and
so do all later ones of their workspace, so that the messages of a lead keep their order.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import thread_time
from typing import Any, Final

from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import FilterFailure, LeadView, WebhookNotice, webhook_event
from shared.expressions.expression_errors import ExpressionProblem
from shared.leads.lead_events import EventFact
from shared.leads.submission import LeadKey
from shared.outbound.subscription_expressions import event_values, passes_expression
from shared.outbound.subscription_filters import passes_filters

# Processor time for the filters of one workspace, and of all, in one round. Each workspace has one event judged in any
# case, so that it always gets on.
WORKSPACE_SECONDS: Final = 0.02
ROUND_SECONDS: Final = 0.1


@dataclass(slots=True)
class JudgedEvent:
    """The notices of an event that its subscriptions let pass, and the filters that failed."""

    notices: list[WebhookNotice] = field(default_factory=list)
    failures: list[FilterFailure] = field(default_factory=list)


class FilterRound:
    """The events that were judged in a round, and the time that was used."""

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        self.judged: dict[int, JudgedEvent] = {}  # by event id; a batch that is repeated in parts judges nothing twice
        self.late_ids: set[int] = set()  # events that stay for the next round
        self._late_workspaces: set[int] = set()
        self._spent: defaultdict[int, float] = defaultdict(float)
        self._clock = clock

    def admits(self, event: OutboxEvent) -> bool:
        """Return whether an event is in this round. If not, it and all later ones of its workspace are late."""
        if event.id in self.judged:
            return True
        used = self._spent.get(event.workspace_id)
        is_spent = used is not None and (used >= WORKSPACE_SECONDS or sum(self._spent.values()) >= ROUND_SECONDS)
        if is_spent or event.workspace_id in self._late_workspaces:
            self._late_workspaces.add(event.workspace_id)
            self.late_ids.add(event.id)
            return False
        return True

    def judge(self, event: OutboxEvent, notices: Sequence[WebhookNotice], leads: Mapping[LeadKey, LeadView]) -> None:
        """Judge an event of this round, with the leads as they are now."""
        self.judged[event.id] = verdict = JudgedEvent()
        began = self._clock()
        fact: EventFact | None = None
        values: Mapping[str, Any] = {}
        for notice in notices:
            if notice.subscription.filter_expression:
                if fact is not notice.fact:  # the notices of a fact follow one another
                    fact, values = notice.fact, event_values(webhook_event(notice.event, notice.fact, leads))
                _judge_notice(notice, values, verdict)
            else:
                verdict.notices.append(notice)
        if values:
            self._spent[event.workspace_id] += self._clock() - began


def _judge_notice(notice: WebhookNotice, values: Mapping[str, Any], verdict: JudgedEvent) -> None:
    subscription, text = notice.subscription, notice.subscription.filter_expression or ""
    if not passes_filters(subscription.filters, values["event"], values["data"], values["lead"] or {}):
        return
    try:
        if passes_expression(text, values):
            verdict.notices.append(notice)
    except ExpressionProblem as problem:  # an event for which it gives nothing is not told
        verdict.failures.append(FilterFailure(notice.event.workspace_id, subscription.id, text, str(problem)))
