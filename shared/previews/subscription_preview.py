"""Which of some events a subscription would send, and with which bodies. No database.

It runs among the requests of others: they have their turn every few milliseconds, and after a time it ends.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import thread_time
from typing import Any, Final

import orjson

from shared.expressions.expression_errors import ExpressionProblem
from shared.outbound.sample_events import SILENT_EVENT
from shared.outbound.subscription_expressions import mapped_body, passes_expression
from shared.outbound.subscription_filters import passes_filters

PREVIEWED_EVENTS: Final = 100
SHOWN_BODIES: Final = 3
PREVIEW_SECONDS, SLICE_SECONDS = 0.2, 0.005  # processor time of a preview, and until others have their turn


@dataclass(frozen=True, slots=True)
class PreviewedBody:
    """What would be sent of an event. Without a mapping `body` is the standard one; with a `problem` there is none."""

    message: Mapping[str, Any]
    body: Any
    problem: ExpressionProblem | None
    matches: bool = True  # false for the newest event where none matches


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
    """What became of the events, newest first, and the first bodies that would be sent.

    Where no event matches, it is the body of the newest one. There were events without time if it is not complete.
    """

    events: list[PreviewedEvent]
    bodies: list[PreviewedBody]
    is_complete: bool = True

    @property
    def matching(self) -> int:
        """The number of events that would be sent."""
        return sum(event.matches for event in self.events)

    @property
    def failing(self) -> int:
        """The number of events for which the filter gives nothing."""
        return sum(event.problem is not None for event in self.events)


class PreviewSlices:
    """The processor time of a preview, in slices."""

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        self._clock = clock
        self._slice_began = clock()
        self._used = 0.0

    async def has_time(self) -> bool:
        """Return whether there is time left, after others had their turn if it is due."""
        now = self._clock()
        if now - self._slice_began >= SLICE_SECONDS:
            self._used += now - self._slice_began
            await asyncio.sleep(0)
            self._slice_began = self._clock()
        return self._used < PREVIEW_SECONDS


async def preview_subscription(
    fields: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], slices: PreviewSlices | None = None
) -> SubscriptionPreview:
    """Return what a subscription with these filters, filter and mapping would make of the events."""
    slices, events = slices or PreviewSlices(), list[PreviewedEvent]()
    for message in messages:
        if events and not await slices.has_time():
            break
        events.append(_judged(fields, message))
    sent = [event for event in events if event.matches][:SHOWN_BODIES] or events[:1]
    bodies: list[PreviewedBody] = []
    for event in sent:
        if bodies and not await slices.has_time():
            break
        bodies.append(_body(fields.get("body_expression"), event))
    return SubscriptionPreview(events, bodies, len(events) == len(messages))


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


def _body(expression: str | None, event: PreviewedEvent) -> PreviewedBody:
    message = event.message
    if not expression:
        return PreviewedBody(message, message, None, event.matches)
    try:
        return PreviewedBody(message, orjson.loads(mapped_body(expression, message)), None, event.matches)
    except ExpressionProblem as problem:
        return PreviewedBody(message, None, problem, event.matches)
