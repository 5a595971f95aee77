"""Decide which rules an event matches, without the database.

Automations are indexed by the value that their trigger names (a tag, a form, a stage, a source, a field). An event only
looks at automations that may match, however many there are.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.workers.automations.types import ActiveAutomation, NewRun
from services.workers.conversions.conversion_triggers import (
    ConversionMatch,
    ConversionRules,
    LeadFact,
    match_conversions,
)
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.webhook_subscriptions import (
    SUBSCRIBABLE_EVENTS,
    ActiveSubscription,
    FilterFailure,
    LeadView,
    WebhookNotice,
    subscribers_to,
)
from shared.automations.run_limits import chain_stop_reason, entry_trigger_key
from shared.automations.trigger_match import (
    TRIGGER_BY_EVENT,
    lookup_keys,
    passes_filter,
    score_change,
    trigger_keys,
)
from shared.leads.lead_events import EventFact, event_facts
from shared.leads.submission import LeadKey
from shared.scoring.score_points import ActiveScoringRule, points_for

AUTOMATIC_ACTORS = ("automation", "scoring")  # actors whose changes do not count as activity for inactivity timers


@dataclass(slots=True)
class WorkspaceRules:
    """The active rules of a workspace, indexed for matching."""

    automations: dict[tuple[str, Hashable], list[ActiveAutomation]]
    score_crossings: list[tuple[int, ActiveAutomation]]  # sorted by threshold
    inactivity: list[tuple[int, ActiveAutomation]]  # with the minutes of inactivity
    scoring_rules: Sequence[ActiveScoringRule]
    subscriptions: Sequence[ActiveSubscription]
    holds_points: bool  # whether leads get points from rules, or still have points from deleted rules
    notifying_forms: frozenset[int] = frozenset()  # forms that send notification mails
    conversions: Sequence[ConversionRules] = ()
    has_feed: bool = False  # whether its events are recorded for readers with a cursor

    @classmethod
    def from_active(
        cls,
        automations: Iterable[ActiveAutomation],
        scoring: Sequence[ActiveScoringRule] = (),
        subscriptions: Sequence[ActiveSubscription] = (),
        *,
        holds_points: bool = False,
        forms: Iterable[int] = (),
        conversions: Sequence[ConversionRules] = (),
        has_feed: bool = False,
    ) -> "WorkspaceRules":
        """Index the rules."""
        points = holds_points or bool(scoring)
        rules = cls(defaultdict(list), [], [], scoring, subscriptions, points, frozenset(forms), conversions, has_feed)
        for automation in automations:
            trigger = automation.trigger
            if trigger["type"] == "lead_score_crossed":
                rules.score_crossings.append((trigger["threshold"], automation))
            elif trigger["type"] == "no_activity":
                rules.inactivity.append((trigger["minutes"], automation))
            else:
                for key in trigger_keys(trigger):
                    rules.automations[trigger["type"], key].append(automation)
        rules.score_crossings.sort(key=lambda crossing: crossing[0])
        return rules

    def points_for(self, lead: Mapping[str, Any]) -> int:
        """Return the points that the scoring rules give a lead."""
        return points_for(self.scoring_rules, lead)


@dataclass(slots=True)
class MatchedEvents:
    """The consequences of some events."""

    runs: list[NewRun] = field(default_factory=list)
    webhooks: list[WebhookNotice] = field(default_factory=list)
    recorded: list[tuple[OutboxEvent, EventFact]] = field(default_factory=list)  # for feeds
    form_submissions: list[tuple[OutboxEvent, int]] = field(default_factory=list)  # event and form id
    inactivity: list[tuple[OutboxEvent, int, int]] = field(default_factory=list)  # event, automation id and minutes
    conversions: list[ConversionMatch] = field(default_factory=list)
    rescored: dict[LeadKey, OutboxEvent] = field(default_factory=dict)  # lead to its latest event
    deleted_leads: list[LeadKey] = field(default_factory=list)
    filter_failures: list[FilterFailure] = field(default_factory=list)  # of webhooks that are not told
    read_leads: dict[LeadKey, LeadView] = field(default_factory=dict)  # that filters were judged with


def match_events(events: Iterable[OutboxEvent], rules: Mapping[int, WorkspaceRules]) -> MatchedEvents:
    """Return the consequences of the events, in the order of the events."""
    matched = MatchedEvents()
    for event in events:
        _match_event(event, rules[event.workspace_id], matched)
    return matched


def _match_event(event: OutboxEvent, rules: WorkspaceRules, matched: MatchedEvents) -> None:
    called: dict[int, ActiveAutomation] = {}
    for fact in event_facts(event.type, event.data):
        called |= {automation.id: automation for automation in _automations_for(fact, rules)}
        matched.webhooks += [WebhookNotice(event, fact, one) for one in subscribers_to(fact.type, rules.subscriptions)]
        if rules.has_feed and fact.type in SUBSCRIBABLE_EVENTS:
            matched.recorded.append((event, fact))
        if fact.type == "form.submitted" and fact.data["form_id"] in rules.notifying_forms:
            matched.form_submissions.append((event, fact.data["form_id"]))
        if rules.conversions:
            matched.conversions += match_conversions(rules.conversions, _lead_fact(event, fact))
    if event.type == "lead.deleted":
        matched.deleted_leads.append(event.lead_key)
        return
    for automation in sorted(called.values(), key=lambda one: one.id):
        stopped = chain_stop_reason(automation.id, event.chain)
        key = entry_trigger_key(event.activity_id)
        matched.runs.append(NewRun(automation, key, event.lead_id, event.chain, stopped))
    if event.actor.get("kind") not in AUTOMATIC_ACTORS:
        matched.inactivity += [(event, automation.id, minutes) for minutes, automation in rules.inactivity]
    if rules.holds_points and event.actor.get("kind") != "scoring":
        matched.rescored[event.lead_key] = event


def _lead_fact(event: OutboxEvent, fact: EventFact) -> LeadFact:
    return LeadFact(event.workspace_id, event.lead_id, event.activity_id, event.occurred_at, fact.type, fact.data)


def _automations_for(fact: EventFact, rules: WorkspaceRules) -> Iterator[ActiveAutomation]:
    """Yield the automations that a fact sets off. `trigger_matches` says the same of each by itself."""
    near = _near_thresholds(fact, rules) if fact.type == "lead.score_changed" else _under_keys(fact, rules)
    return (automation for automation in near if passes_filter(automation.trigger, fact))


def _under_keys(fact: EventFact, rules: WorkspaceRules) -> Iterator[ActiveAutomation]:
    trigger = TRIGGER_BY_EVENT.get(fact.type)
    for key in lookup_keys(fact):
        yield from rules.automations.get((trigger or "", key), ())


def _near_thresholds(fact: EventFact, rules: WorkspaceRules) -> Iterator[ActiveAutomation]:
    """Yield automations whose threshold lies between the scores before and after."""
    low, high = sorted(score_change(fact))
    first = bisect_right(rules.score_crossings, low, key=lambda crossing: crossing[0])
    last = bisect_right(rules.score_crossings, high, key=lambda crossing: crossing[0])
    return (automation for _, automation in rules.score_crossings[first:last])
