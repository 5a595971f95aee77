"""Whether the fast path fits the installed aiohttp: its private names exist, and a few requests are answered as meant.

It is asked at the start. Another version may have renamed what the fast path stands on, or use it in another way.
"""

import asyncio
import re
import socket
from typing import Any, Final

from aiohttp import web
from aiohttp.http import RawRequestMessage

from shared.platform.web.fast_path.connection import (
    FastPathConnection,
    ReadBody,
    SendResponse,
    serialise_response,
)
from shared.platform.web.http_connection import HttpConnection

CHECK_SECONDS: Final = 5.0  # it takes some milliseconds
# Of aiohttp's RequestHandler and its base; decision 0017 says what for.
PRIVATE_NAMES: Final = (
    *("_messages", "_parser", "_buffer_paused", "_msg_queue_resume_size", "_resume_reading_if_drained", "_waiter"),
    *("_handle_request", "_close", "_force_close", "_process_keepalive", "_keepalive_handle", "_keepalive_timeout"),
    *("_next_keepalive_close_time", "_loop", "_paused"),
)

FAST_ROUTE, OTHER_BODY = "/fast", b"aiohttp"
BODY_OF_ANSWER = re.compile(rb"HTTP/1\.1 200 OK\r\n.*?\r\n\r\n(\w+?)(?=HTTP/1|$)", re.DOTALL)
OTHER_REQUEST = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"


def _fast_request(body: bytes) -> bytes:
    return b"POST /fast HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


# What arrives in each read, and the answers to it: two with one head, aiohttp's own, two at once, one in two pieces.
READS: Final[tuple[tuple[bytes, list[bytes]], ...]] = (
    (_fast_request(b"one"), [b"one"]),
    (_fast_request(b"second"), [b"second"]),
    (OTHER_REQUEST, [OTHER_BODY]),
    (_fast_request(b"third") + OTHER_REQUEST, [b"third", OTHER_BODY]),
    (_fast_request(b"fourth")[:20], []),
    (_fast_request(b"fourth")[20:], [b"fourth"]),
)
FAST_BODIES: Final = [b"one", b"second", b"third", b"fourth"]


async def find_fast_path_problem() -> str | None:
    """Return why the fast path cannot be used with this aiohttp, or None if it can."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return _find_missing_names() or await _find_wrong_answers()
    except TimeoutError:
        return "requests by hand were not answered"
    except Exception as error:
        return f"requests by hand failed: {type(error).__name__}: {error}"


def _find_missing_names() -> str | None:
    connection = HttpConnection(web.Server(_answer_other), loop=asyncio.get_running_loop())
    missing = [name for name in PRIVATE_NAMES if not hasattr(connection, name)]
    return f"aiohttp has no {', '.join(missing)}" if missing else None


async def _find_wrong_answers() -> str | None:
    fast_path, server = _TrialFastPath(), web.Server(_answer_other)
    connection = FastPathConnection(server, fast_path=fast_path, loop=asyncio.get_running_loop(), access_log=None)
    with socket.socket() as unconnected:
        transport = _TrialTransport(unconnected)
        connection.connection_made(transport)
        try:
            for data, answers in READS:
                transport.written.clear()
                connection.data_received(data)
                while len(bodies := BODY_OF_ANSWER.findall(transport.written)) < len(answers):
                    transport.is_written.clear()
                    await transport.is_written.wait()
                await asyncio.sleep(0)  # aiohttp's task comes to its end
                if bodies != answers:
                    return f"a request by hand was answered with {bodies}"
        finally:
            connection.connection_lost(None)
            await server.shutdown()
    return None if fast_path.bodies == FAST_BODIES else f"it took {fast_path.bodies}"


async def _answer_other(request: web.BaseRequest) -> web.Response:
    return web.Response(body=OTHER_BODY)


class _TrialFastPath:
    """Answers a request with its body."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def handler_for(self, message: RawRequestMessage) -> "_TrialFastPath | None":
        return self if message.path == FAST_ROUTE else None

    def begin_request(self, size: int, send: SendResponse) -> ReadBody | None:
        def read(body: bytes) -> None:
            self.bodies.append(body)
            send(serialise_response(200, "", body))

        return read


class _TrialTransport(asyncio.Transport):
    """A connection without a client: it keeps what is written."""

    def __init__(self, unconnected: socket.socket) -> None:
        super().__init__({"socket": unconnected})
        self.written = bytearray()
        self.is_written = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data
        self.is_written.set()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    abort = pause_reading = resume_reading = close
