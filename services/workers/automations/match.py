"""Decide which rules an event matches, without the database.

Automations are indexed by the value that their trigger names (a tag, a form, a stage, a source, a field). An event only
looks at automations that may match, however many there are.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.workers.automations.values import Automation, Event, NewRun
from shared.automations.conditions import fits
from shared.leads.events import Fact, facts
from shared.leads.submission import LeadKey

LONGEST = 5  # automations in a chain, each triggered by the one before, for one lead
OWN = ("automation", "scoring")  # actors whose changes do not count as activity for inactivity timers

TOO_LONG = f"more than {LONGEST} automations set one another off"
ITSELF = "it was set off by its own change of the lead"

EVENTS = frozenset(
    "lead.created lead.updated lead.deleted lead.duplicate lead.stage_changed lead.assigned tag.added "
    "form.submitted".split()
)
ALL = "*"

TRIGGERS = {
    "lead.created": "lead_created",
    "lead.updated": "lead_updated",
    "lead.stage_changed": "lead_stage_changed",
    "lead.assigned": "lead_assigned",
    "tag.added": "tag_added",
    "form.submitted": "form_submitted",
    "lead.duplicate": "duplicate_received",
}


class ScoringRule(NamedTuple):
    """A scoring rule: points for a lead while the condition matches it."""

    condition: Mapping[str, Any]
    points: int


class Subscription(NamedTuple):
    """A webhook subscription to some events."""

    id: int
    events: frozenset[str]


@dataclass(slots=True)
class Rules:
    """The active rules of a workspace, indexed for matching."""

    automations: dict[tuple[str, Hashable], list[Automation]]
    crossings: list[tuple[int, Automation]]  # sorted by threshold
    silences: list[tuple[int, Automation]]  # with the minutes of inactivity
    scoring: Sequence[ScoringRule]
    subscriptions: Sequence[Subscription]
    holds_points: bool  # whether leads get points from rules, or still have points from deleted rules
    forms: frozenset[int] = frozenset()  # forms that send notification mails

    @classmethod
    def of(
        cls,
        automations: Iterable[Automation],
        scoring: Sequence[ScoringRule] = (),
        subscriptions: Sequence[Subscription] = (),
        *,
        holds_points: bool = False,
        forms: Iterable[int] = (),
    ) -> "Rules":
        """Index the rules."""
        points = holds_points or bool(scoring)
        rules = cls(defaultdict(list), [], [], scoring, subscriptions, points, frozenset(forms))
        for automation in automations:
            trigger = automation.trigger
            if trigger["type"] == "lead_score_crossed":
                rules.crossings.append((trigger["threshold"], automation))
            elif trigger["type"] == "no_activity":
                rules.silences.append((trigger["minutes"], automation))
            else:
                for key in _filed_under(trigger):
                    rules.automations[trigger["type"], key].append(automation)
        rules.crossings.sort(key=lambda crossing: crossing[0])
        return rules

    def points(self, lead: Mapping[str, Any]) -> int:
        """Return the points that the scoring rules give a lead."""
        return sum(rule.points for rule in self.scoring if fits(rule.condition, lead))

    def told(self, what: str) -> list[int]:
        """Return the ids of the subscriptions to an event."""
        if what not in EVENTS:
            return []
        return [one.id for one in self.subscriptions if what in one.events or ALL in one.events]


@dataclass(slots=True)
class Matched:
    """The consequences of some events."""

    runs: list[NewRun] = field(default_factory=list)
    told: list[tuple[Event, Fact, int]] = field(default_factory=list)  # event, fact and subscription id
    submitted: list[tuple[Event, int]] = field(default_factory=list)  # event and form id
    silences: list[tuple[Event, int, int]] = field(default_factory=list)  # event, automation id and minutes
    scored: dict[LeadKey, Event] = field(default_factory=dict)  # lead to its latest event
    deleted: list[LeadKey] = field(default_factory=list)


def match(events: Iterable[Event], rules: Mapping[int, Rules]) -> Matched:
    """Return the consequences of the events, in the order of the events."""
    matched = Matched()
    for event in events:
        _match(event, rules[event.workspace_id], matched)
    return matched


def _match(event: Event, rules: Rules, matched: Matched) -> None:
    called: dict[int, Automation] = {}
    for fact in facts(event.type, event.data):
        called |= {automation.id: automation for automation in _called_by(fact, rules)}
        matched.told += [(event, fact, id_) for id_ in rules.told(fact.type)]
        if fact.type == "form.submitted" and fact.data["form_id"] in rules.forms:
            matched.submitted.append((event, fact.data["form_id"]))
    if event.type == "lead.deleted":
        matched.deleted.append(event.lead)
        return
    for automation in sorted(called.values(), key=lambda one: one.id):
        stopped = _guard(automation, event)
        matched.runs.append(NewRun(automation, f"event:{event.id}", event.lead_id, event.chain, stopped))
    if event.by.get("kind") not in OWN:
        matched.silences += [(event, automation.id, minutes) for minutes, automation in rules.silences]
    if rules.holds_points and event.by.get("kind") != "scoring":
        matched.scored[event.lead] = event


def _guard(automation: Automation, event: Event) -> str | None:
    """Return why the automation may not run, or None. Automations could trigger one another forever otherwise."""
    if automation.id in event.chain:
        return ITSELF
    return TOO_LONG if len(event.chain) >= LONGEST else None


def _called_by(fact: Fact, rules: Rules) -> Iterator[Automation]:
    if fact.type == "lead.score_changed":
        yield from _crossed(fact.data["from"] or 0, fact.data["to"] or 0, rules)
        return
    trigger = TRIGGERS.get(fact.type)
    for key in _looked_up(fact):
        for automation in rules.automations.get((trigger or "", key), ()):
            if fact.type != "lead.stage_changed" or _leaves(automation.trigger, fact):
                yield automation


def _leaves(trigger: Mapping[str, Any], fact: Fact) -> bool:
    return trigger.get("from_stage_id") in (None, fact.data["from"])


def _crossed(before: int, after: int, rules: Rules) -> Iterator[Automation]:
    """Yield automations whose threshold was crossed. A score equal to the threshold counts as above it."""
    low, high = sorted((before, after))
    first = bisect_right(rules.crossings, low, key=lambda crossing: crossing[0])
    last = bisect_right(rules.crossings, high, key=lambda crossing: crossing[0])
    direction = "above" if after > before else "below"
    for _, automation in rules.crossings[first:last]:
        if automation.trigger.get("direction") in (None, direction):
            yield automation


ANY = None  # the key of triggers that match any value


def _filed_under(trigger: Mapping[str, Any]) -> list[Hashable]:
    match trigger["type"]:
        case "lead_created":
            return [source.casefold() for source in trigger.get("sources") or ()] or [ANY]
        case "lead_updated":
            return list(trigger.get("fields") or ()) or [ANY]
        case "lead_stage_changed":
            return [trigger.get("to_stage_id")]
        case "tag_added":
            return [trigger["tag"].casefold()]
        case "form_submitted":
            return [trigger.get("form_id")]
    return [ANY]


def _looked_up(fact: Fact) -> list[Hashable]:
    data = fact.data
    match fact.type:
        case "lead.created":
            return [ANY, str(data.get("source") or "").casefold()]
        case "lead.updated":
            return [ANY, *data["fields"]]
        case "lead.stage_changed":
            return [ANY, data["to"]] if data["to"] is not None else [ANY]
        case "tag.added":
            return [str(data["tag"]).casefold()]
        case "form.submitted":
            return [ANY, data["form_id"]]
    return [ANY]
