"""HTTP connections that accept a response of limited size only.

aiohttp limits neither the number of informational responses (1xx) nor the size of a response: a receiver that streams
`100 Continue` uses gigabytes of memory and stops the event loop. Here bytes are counted as they arrive and parsed in
small steps, so the limits apply before the parser allocates more. The session does not decompress responses.
"""

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MOST_BYTES = 128 * 1024  # of one response: informational responses, headers and body together
MOST_INFORMATIONAL = 8
STEP = 4 * 1024  # bytes that are parsed before the limits are checked again

TOO_LONG = f"The receiver sent more than {MOST_BYTES >> 10} KB without an answer. It must send a final status."
TOO_MANY = f"The receiver sent more than {MOST_INFORMATIONAL} informational answers (1xx). It must send a final status."


class TooMuch(aiohttp.ClientError):
    """The receiver sent too much before its final response. The message says what it sent."""


class BoundedConnector(aiohttp.TCPConnector):
    """Opens connections with these limits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(BoundedHandler, loop=self._loop)  # type: ignore[assignment]  # of a subclass


class BoundedHandler(ResponseHandler):
    """One connection. Bytes that arrive between two requests count as part of the earlier response."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._begin()

    def _begin(self) -> None:
        self._came = self._informational = 0
        self._is_answered = self._is_over = False

    def set_response_params(self, **params: Any) -> None:
        """Start a request. aiohttp calls this first and parses here what arrived earlier."""
        self._begin()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse until a limit is reached or the parser finds an error."""
        if not data:  # a paused parser resumes
            super().data_received(data)
        for start in range(0, len(data), STEP):
            if self._is_over or self.exception():
                return
            part = data[start : start + STEP]
            self._came += len(part)
            if self._came > MOST_BYTES:
                self._end(TOO_LONG)
            else:
                super().data_received(part)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take the head of a response. Informational responses are dropped, since no request asks for them."""
        if self._is_over:
            return
        if self._is_answered:  # a second response to one request
            self._hang_up()
        elif 100 <= data[0].code < 200 and data[0].code != 101:
            self._informational += 1
            if self._informational > MOST_INFORMATIONAL:
                self._end(TOO_MANY)
        else:
            self._is_answered = True
            super().feed_data(data, size)

    def _end(self, reason: str) -> None:
        """End the response. If its status has arrived it counts, with the part of the body that has arrived."""
        payload = self._payload
        self._hang_up()
        if not self._is_answered:
            self.set_exception(TooMuch(reason))
        elif payload is not None:
            payload.feed_eof()

    def _hang_up(self) -> None:
        self._is_over = True
        self.abort()
        self.force_close()
