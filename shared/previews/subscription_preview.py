"""Which of some events a subscription would send, and with which bodies. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared.expressions.expression_errors import ExpressionProblem
from shared.outbound.sample_events import SILENT_EVENT
from shared.outbound.subscription_expressions import mapped_body, passes_expression
from shared.outbound.subscription_filters import passes_filters

PREVIEWED_EVENTS: Final = 100
SHOWN_BODIES: Final = 3


@dataclass(frozen=True, slots=True)
class PreviewedBody:
    """What would be sent of an event. Without a mapping `body` is the standard one; with a `problem` there is none."""

    message: Mapping[str, Any]
    body: Any
    problem: ExpressionProblem | None


@dataclass(frozen=True, slots=True)
class PreviewedEvent:
    """An event, whether it would be sent, and why the filter gives nothing for it."""

    message: Mapping[str, Any]
    matches: bool
    problem: ExpressionProblem | None

    @property
    def is_made_up(self) -> bool:
        """Whether there is no such event."""
        return self.message.get("test") is True


@dataclass(frozen=True, slots=True)
class SubscriptionPreview:
    """What became of the events, newest first, and the first bodies that would be sent."""

    events: list[PreviewedEvent]
    bodies: list[PreviewedBody]

    @property
    def matching(self) -> int:
        """The number of events that would be sent."""
        return sum(event.matches for event in self.events)

    @property
    def failing(self) -> int:
        """The number of events for which the filter gives nothing."""
        return sum(event.problem is not None for event in self.events)


def preview_subscription(fields: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> SubscriptionPreview:
    """Return what a subscription with these filters, filter and mapping would make of the events."""
    events = [_judged(fields, message) for message in messages]
    sent = [event.message for event in events if event.matches][:SHOWN_BODIES]
    return SubscriptionPreview(events, [_body(fields.get("body_expression"), message) for message in sent])


def _judged(fields: Mapping[str, Any], message: Mapping[str, Any]) -> PreviewedEvent:
    if message["event"] == SILENT_EVENT:  # it is about no lead, and is not narrowed
        return PreviewedEvent(message, matches=True, problem=None)
    if not passes_filters(fields.get("filters"), message["event"], message["data"], message["lead"]):
        return PreviewedEvent(message, matches=False, problem=None)
    if not fields.get("filter_expression"):
        return PreviewedEvent(message, matches=True, problem=None)
    try:
        values = {name: message[name] for name in ("event", "lead", "data")}
        return PreviewedEvent(message, passes_expression(fields["filter_expression"], values), None)
    except ExpressionProblem as problem:
        return PreviewedEvent(message, matches=False, problem=problem)


def _body(expression: str | None, message: Mapping[str, Any]) -> PreviewedBody:
    if not expression:
        return PreviewedBody(message, message, None)
    try:
        return PreviewedBody(message, orjson.loads(mapped_body(expression, message)), None)
    except ExpressionProblem as problem:
        return PreviewedBody(message, None, problem)
