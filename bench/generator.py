"""The connections of the load generator. It shares the cores with the measured server, so it does very little."""

import asyncio
import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from typing import BinaryIO, cast

# The seconds to wait for outstanding answers at the end. Later ones count as unanswered.
ANSWER_GRACE_SECONDS = 20.0
RECONNECT_PAUSE_SECONDS = 0.05
HEAD_END = b"\r\n\r\n"


class LoadRun:
    """The requests and answers of one load: status and latency of each answer, and the bodies of acknowledged ones."""

    def __init__(self, requests: Iterator[bytes], limit: int, acknowledged: BinaryIO | None) -> None:
        self.requests = requests
        self.remaining = limit or -1
        self.acknowledged = acknowledged
        self.statuses: Counter[bytes] = Counter()
        self.latencies = array("d")
        self.in_flight = 0
        self.unanswered = 0
        self.is_open = True
        self.finished = asyncio.Event()

    def next_request(self) -> bytes | None:
        """Return the next request, or None when the time or the number of requests is used up."""
        if not self.is_open or self.remaining == 0:
            self.close()
            return None
        self.remaining -= 1
        self.in_flight += 1
        return next(self.requests)

    def close(self) -> None:
        self.is_open = False
        if not self.in_flight:
            self.finished.set()

    def record_answer(self, data: bytes, head_end: int, due: float) -> None:
        status = data[9:12]
        self.statuses[status] += 1
        self.latencies.append(time.perf_counter() - due)
        self.in_flight -= 1
        if self.acknowledged is not None and status[:1] == b"2":
            self.acknowledged.write(data[head_end + len(HEAD_END) :] + b"\n")


class LoadConnection(asyncio.Protocol):
    """A keep-alive connection with at most one outstanding request. After an answer it sends the next one."""

    transport: asyncio.Transport
    reconnecting: asyncio.Task[None]

    def __init__(self, run: LoadRun) -> None:
        self.run = run
        self.due_at = 0.0
        self.is_busy = False
        self.partial_data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class, no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        if self.partial_data:
            data = self.partial_data + data
        head_end = data.find(HEAD_END)
        if head_end < 0 or len(data) < head_end + len(HEAD_END) + body_length(data, head_end):
            self.partial_data = data
            return
        self.partial_data = b""
        self.is_busy = False
        self.run.record_answer(data, head_end, self.due_at)
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_busy:
            self.run.unanswered += 1
            self.run.in_flight -= 1
        if self.run.is_open:
            self.reconnecting = asyncio.get_running_loop().create_task(self.reconnect())
        else:
            self.run.close()

    async def reconnect(self) -> None:
        """Continue with a new connection as soon as the server accepts one."""
        host, port = self.transport.get_extra_info("peername")[:2]
        self.is_busy, self.partial_data = False, b""
        while self.run.is_open:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, host, port)
            except OSError:
                await asyncio.sleep(RECONNECT_PAUSE_SECONDS)
            else:
                return self.send_next()

    def send_next(self) -> None:
        self.send_request(time.perf_counter())

    def send_request(self, due: float) -> None:
        """Send the next request. Its latency counts from `due`."""
        request = self.run.next_request()
        if request is not None:
            self.due_at, self.is_busy = due, True
            self.transport.write(request)


class PacedConnection(LoadConnection):
    """A connection that sends requests when a schedule says so."""

    def __init__(self, run: LoadRun, schedule: "ArrivalSchedule") -> None:
        super().__init__(run)
        self.schedule = schedule

    def send_next(self) -> None:
        self.schedule.release_connection(self)


class ArrivalSchedule:
    """Arrivals at a fixed rate. An arrival waits while all connections are busy; its latency includes the wait."""

    def __init__(self, run: LoadRun, rate: float, seconds: float) -> None:
        self.run = run
        self.interval = 1 / rate
        self.arrivals = int(rate * seconds)
        # First in, first out: every connection stays in use, so none is closed by the server as idle.
        self.idle_connections: deque[PacedConnection] = deque()
        self.late_arrivals: deque[float] = deque()
        self.is_over = False

    def release_connection(self, connection: PacedConnection) -> None:
        if self.late_arrivals:
            connection.send_request(self.late_arrivals.popleft())
        else:
            self.idle_connections.append(connection)
            self.close_when_over()

    def handle_arrival(self, due: float) -> None:
        if self.idle_connections:
            self.idle_connections.popleft().send_request(due)
        else:
            self.late_arrivals.append(due)

    def end_arrivals(self) -> None:
        self.is_over = True
        self.close_when_over()

    def close_when_over(self) -> None:
        if self.is_over and not self.late_arrivals:
            self.run.close()

    def announce_arrivals(self, loop: asyncio.AbstractEventLoop) -> None:
        """Announce each arrival at its time, from a thread: timers of the event loop are up to 1 ms late."""
        start = time.perf_counter()
        for number in range(self.arrivals):
            due = start + number * self.interval
            if (pause := due - time.perf_counter()) > 0:
                time.sleep(pause)
            loop.call_soon_threadsafe(self.handle_arrival, due)
        loop.call_soon_threadsafe(self.end_arrivals)


def body_length(data: bytes, head_end: int) -> int:
    """Return the Content-Length, whatever the case of the name; 0 without one."""
    at = data.find(b"ength: ", 0, head_end)
    return int(data[at + 7 : data.find(b"\r", at)]) if at >= 0 else 0


async def run_closed_loop(run: LoadRun, host: str, port: int, connections: int, seconds: float) -> None:
    """Run a load in which each connection sends its next request when the last answer has come."""
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(lambda: LoadConnection(run), host, port) for _ in range(connections)]
    for _, connection in pairs:
        connection.send_next()
    loop.call_later(seconds, run.close)
    await await_answers(run, seconds)


async def run_open_loop(run: LoadRun, host: str, port: int, connections: int, rate: float, seconds: float) -> None:
    """Run a load in which requests leave at their scheduled times, whether or not earlier ones have been answered."""
    loop = asyncio.get_running_loop()
    schedule = ArrivalSchedule(run, rate, seconds)
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: PacedConnection(run, schedule), host, port)
        connection.send_next()
    threading.Thread(target=schedule.announce_arrivals, args=(loop,), daemon=True).start()
    await await_answers(run, seconds)


async def await_answers(run: LoadRun, seconds: float) -> None:
    try:
        await asyncio.wait_for(run.finished.wait(), seconds + ANSWER_GRACE_SECONDS)
    except TimeoutError:
        run.unanswered += run.in_flight
