"""Connections that take a bounded answer, whatever the other side streams.

aiohttp bounds neither the number of informational answers (1xx) nor the bytes of an answer: a receiver that streams
`100 Continue` takes gigabytes of memory and stops the event loop. Here bytes are counted as they arrive, and are parsed
in small steps, so that the limits hold before more is made of them. Nothing is decompressed: the session is told so.
"""

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

MOST_BYTES = 128 * 1024  # of one answer: informational answers, headers and body together
MOST_INFORMATIONAL = 8
STEP = 4 * 1024  # bytes that are parsed before the limits are checked again

TOO_LONG = f"The receiver sent more than {MOST_BYTES >> 10} KB without an answer. It must send a final status."
TOO_MANY = f"The receiver sent more than {MOST_INFORMATIONAL} informational answers (1xx). It must send a final status."


class TooMuch(aiohttp.ClientError):
    """The other side sent too much before its answer; the message says what."""


class BoundedConnector(aiohttp.TCPConnector):
    """Makes such connections."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(BoundedHandler, loop=self._loop)  # type: ignore[assignment]  # of a subclass


class BoundedHandler(ResponseHandler):
    """One connection. What comes between two requests counts as part of the earlier one."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._begin()

    def _begin(self) -> None:
        self._came = self._informational = 0
        self._is_answered = self._is_over = False

    def set_response_params(self, **params: Any) -> None:
        """Each request begins with this; what came before it is parsed in here."""
        self._begin()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parses until a limit is reached or the parser finds an error."""
        if not data:  # a paused parser goes on
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
        """Takes the head of an answer. Informational ones are dropped: nobody asks for them."""
        if self._is_over:
            return
        if self._is_answered:  # a second answer to one request
            self._hang_up()
        elif 100 <= data[0].code < 200 and data[0].code != 101:
            self._informational += 1
            if self._informational > MOST_INFORMATIONAL:
                self._end(TOO_MANY)
        else:
            self._is_answered = True
            super().feed_data(data, size)

    def _end(self, reason: str) -> None:
        """An answer whose status has come counts, with the body as far as it has come."""
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
