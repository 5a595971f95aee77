"""HTTP connections that accept a response of limited size only.

aiohttp limits neither the number of informational responses (1xx) nor the size of a response: a receiver that streams
`100 Continue` uses gigabytes of memory and stops the event loop. Here bytes are counted as they arrive and parsed in
small steps, so the limits apply before the parser allocates more. The session does not decompress responses.
"""

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MAX_RESPONSE_BYTES = 128 * 1024  # of one response: informational responses, headers and body together
MAX_INFORMATIONAL_RESPONSES = 8
PARSE_STEP_BYTES = 4 * 1024  # bytes that are parsed before the limits are checked again

RESPONSE_TOO_LARGE_MESSAGE = (
    "The receiver sent more than {kilobytes} KB without an answer. It must send a final status."
)
TOO_MANY_INFORMATIONAL_MESSAGE = (
    f"The receiver sent more than {MAX_INFORMATIONAL_RESPONSES} informational answers (1xx). "
    "It must send a final status."
)


class ResponseTooLarge(aiohttp.ClientError):
    """The receiver sent too much before its final response. The message says what it sent."""


class BoundedConnector(aiohttp.TCPConnector):
    """Opens connections with these limits. `max_response_bytes` is for callers that need long answers."""

    def __init__(self, *, max_response_bytes: int = MAX_RESPONSE_BYTES, **options: Any) -> None:
        super().__init__(**options)
        if not hasattr(self, "_factory"):  # aiohttp would make connections without these limits
            raise RuntimeError("this version of aiohttp is not known: its connector has no `_factory`")
        made = partial(BoundedHandler, loop=self._loop, max_response_bytes=max_response_bytes)
        self._factory = made  # type: ignore[assignment]  # of a subclass


class BoundedHandler(ResponseHandler):
    """One connection. Bytes that arrive between two requests count as part of the earlier response."""

    def __init__(self, loop: Any, max_response_bytes: int = MAX_RESPONSE_BYTES) -> None:
        super().__init__(loop)
        self._max_response_bytes = max_response_bytes
        self._reset_limits()

    def _reset_limits(self) -> None:
        self._received_bytes = self._informational_count = 0
        self._is_answered = self._has_ended = False

    def set_response_params(self, **params: Any) -> None:
        """Start a request. aiohttp calls this first and parses here what arrived earlier."""
        self._reset_limits()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse until a limit is reached or the parser finds an error."""
        if not data:  # a paused parser resumes
            super().data_received(data)
        for start in range(0, len(data), PARSE_STEP_BYTES):
            if self._has_ended or self.exception():
                return
            part = data[start : start + PARSE_STEP_BYTES]
            self._received_bytes += len(part)
            if self._received_bytes > self._max_response_bytes:
                self._end_response(RESPONSE_TOO_LARGE_MESSAGE.format(kilobytes=self._max_response_bytes >> 10))
            else:
                super().data_received(part)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of a response. Informational responses are dropped, since no request asks for them."""
        if self._has_ended:
            return
        if self._is_answered:  # a second response to one request
            self._abort_connection()
        elif 100 <= data[0].code < 200 and data[0].code != 101:
            self._informational_count += 1
            if self._informational_count > MAX_INFORMATIONAL_RESPONSES:
                self._end_response(TOO_MANY_INFORMATIONAL_MESSAGE)
        else:
            self._is_answered = True
            super().feed_data(data, size)

    def _end_response(self, reason: str) -> None:
        """End the response. If its status has arrived it counts, with the part of the body that has arrived."""
        payload = self._payload
        self._abort_connection()
        if not self._is_answered:
            self.set_exception(ResponseTooLarge(reason))
        elif payload is not None:
            payload.feed_eof()

    def _abort_connection(self) -> None:
        self._has_ended = True
        self.abort()
        self.force_close()
