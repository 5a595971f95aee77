# Generated from _async_transport.py by integrations/codegen; do not edit.
"""How an synchronous client sends calls, walks pages, and what its groups of methods stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

import httpx

from ._calls import Answer, Call, RetryPolicy, quoted, read_answer, seconds_to_wait
from ._models import WebhookEvent
from .errors import ConnectionFailed, LeadHubError

__all__ = ["EventFeed", "Pages", "Resource", "Transport", "quoted"]

RecordT = TypeVar("RecordT")
LARGEST_PAGE = 100  # records
EVENTS_PATH = "/api/v1/events"
NEWEST = "now"


class Transport:
    """Sends calls, and sends them again where that is safe."""

    def __init__(self, client: httpx.Client, policy: RetryPolicy, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._policy = policy
        self._sleep = sleep

    def send(self, call: Call) -> Answer:
        """Return the answer. Raises ApiError, or ConnectionFailed where none came."""
        attempt = 0
        while True:
            try:
                return self._send_once(call)
            except LeadHubError as error:
                pause = seconds_to_wait(call, self._policy, attempt, error)
                if pause is None:
                    raise
            attempt += 1
            self._sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send_once(self, call: Call) -> Answer:
        try:
            response = self._client.request(call.method, call.path, **call.arguments())
        except httpx.TransportError as error:
            raise ConnectionFailed(f"{call.method} {call.path}: {error or type(error).__name__}") from error
        return read_answer(call, response)


class Pages(Generic[RecordT]):
    """All records that match, read page by page while they are iterated over."""

    def __init__(self, transport: Transport, path: str, query: Mapping[str, Any]) -> None:
        self._transport = transport
        self._path = path
        self._query = query

    def __iter__(self) -> Iterator[RecordT]:
        for page in self.pages():
            for record in page:
                yield record

    def pages(self) -> Iterator[list[RecordT]]:
        """Yield the records of one page after another."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"per_page": LARGEST_PAGE, **self._query, "cursor": cursor}
            answer = self._transport.send(Call("GET", self._path, query))
            yield cast("list[RecordT]", answer.data["data"])
            previous, cursor = cursor, answer.data["meta"]["next_cursor"]
            if cursor == previous:
                raise LeadHubError(f"GET {self._path}: the same next_cursor came twice")

    def first(self) -> RecordT | None:
        """Return the first record, or None if nothing matches."""
        one: Pages[RecordT] = Pages(self._transport, self._path, {**self._query, "per_page": 1})
        for record in one:
            return record
        return None

    def count(self) -> int:
        """Return how many match. A search for leads counts up to a bound."""
        answer = self._transport.send(Call("GET", self._path, {**self._query, "per_page": 1}))
        return int(answer.data["meta"]["total"])


class EventFeed:
    """A workspace's events, oldest first, read answer by answer while they are iterated over.

    It ends where nothing more is there; with `wait` it never ends. `cursor` is where to go on another time. It moves
    when the next answer is asked for: whoever fails amid the events of one gets these again, and misses none.
    """

    def __init__(self, transport: Transport, query: Mapping[str, Any]) -> None:
        self._transport = transport
        self._query = query
        self.cursor = cast("str | None", query.get("after"))

    def __iter__(self) -> Iterator[WebhookEvent]:
        for page in self.pages():
            for event in page:
                yield event

    def pages(self) -> Iterator[list[WebhookEvent]]:
        """Yield the events of one answer after another, and no empty ones. Raises Gone where the cursor is too old."""
        if self.cursor == NEWEST:
            # "now" is later each time: a first answer that waited could not be asked for again.
            query = {**self._query, "after": self.cursor, "wait": None}
            answer = self._transport.send(Call("GET", EVENTS_PATH, query))
            self.cursor = answer.data["meta"]["next_cursor"]
        while True:
            answer = self._transport.send(Call("GET", EVENTS_PATH, {**self._query, "after": self.cursor}))
            events = cast("list[WebhookEvent]", answer.data["data"])
            if events:
                yield events
            self.cursor = answer.data["meta"]["next_cursor"]
            if not events and not self._query.get("wait"):
                return


class Resource:
    """A group of methods, about one kind of record."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _pages(self, path: str, query: Mapping[str, Any]) -> Pages[Any]:
        return Pages(self._transport, path, query)

    def _data(self, method: str, path: str, query: Mapping[str, Any] | None = None, fields: Any = None) -> Any:
        answer = self._transport.send(Call(method, path, query or {}, fields))
        return None if answer.data is None else answer.data["data"]

    def _bytes(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        return (self._transport.send(Call(method, path, query or {}, kind="bytes"))).content

    def _nothing(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> None:
        self._transport.send(Call(method, path, query or {}))
