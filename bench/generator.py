"""The connections of the load generator. It shares the cores with the measured server, so it does very little."""

import asyncio
import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from typing import BinaryIO, cast

# The seconds to wait for outstanding answers at the end. Later ones count as unanswered.
GRACE = 20.0
RECONNECT_PAUSE = 0.05
HEAD_END = b"\r\n\r\n"


class Run:
    """The requests and answers of one load: status and latency of each answer, and the bodies of acknowledged ones."""

    def __init__(self, requests: Iterator[bytes], limit: int, acknowledged: BinaryIO | None) -> None:
        self.requests = requests
        self.remaining = limit or -1
        self.acknowledged = acknowledged
        self.statuses: Counter[bytes] = Counter()
        self.latencies = array("d")
        self.in_flight = 0
        self.broken = 0
        self.open = True
        self.done = asyncio.Event()

    def next_request(self) -> bytes | None:
        """Return the next request, or None when the time or the number of requests is used up."""
        if not self.open or self.remaining == 0:
            self.close()
            return None
        self.remaining -= 1
        self.in_flight += 1
        return next(self.requests)

    def close(self) -> None:
        self.open = False
        if not self.in_flight:
            self.done.set()

    def answered(self, data: bytes, head_end: int, due: float) -> None:
        status = data[9:12]
        self.statuses[status] += 1
        self.latencies.append(time.perf_counter() - due)
        self.in_flight -= 1
        if self.acknowledged is not None and status[:1] == b"2":
            self.acknowledged.write(data[head_end + len(HEAD_END) :] + b"\n")


class Connection(asyncio.Protocol):
    """A keep-alive connection with at most one outstanding request. After an answer it sends the next one."""

    transport: asyncio.Transport
    reconnecting: asyncio.Task[None]

    def __init__(self, run: Run) -> None:
        self.run = run
        self.due = 0.0
        self.busy = False
        self.partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class, no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        if self.partial:
            data = self.partial + data
        head_end = data.find(HEAD_END)
        if head_end < 0 or len(data) < head_end + len(HEAD_END) + body_length(data, head_end):
            self.partial = data
            return
        self.partial = b""
        self.busy = False
        self.run.answered(data, head_end, self.due)
        self.proceed()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy:
            self.run.broken += 1
            self.run.in_flight -= 1
        if self.run.open:
            self.reconnecting = asyncio.get_running_loop().create_task(self.reconnect())
        else:
            self.run.close()

    async def reconnect(self) -> None:
        """Continue with a new connection as soon as the server accepts one."""
        host, port = self.transport.get_extra_info("peername")[:2]
        self.busy, self.partial = False, b""
        while self.run.open:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, host, port)
            except OSError:
                await asyncio.sleep(RECONNECT_PAUSE)
            else:
                return self.proceed()

    def proceed(self) -> None:
        self.send(time.perf_counter())

    def send(self, due: float) -> None:
        """Send the next request. Its latency counts from `due`."""
        request = self.run.next_request()
        if request is not None:
            self.due, self.busy = due, True
            self.transport.write(request)


class PacedConnection(Connection):
    """A connection that sends requests when a schedule says so."""

    def __init__(self, run: Run, schedule: "Schedule") -> None:
        super().__init__(run)
        self.schedule = schedule

    def proceed(self) -> None:
        self.schedule.free(self)


class Schedule:
    """Arrivals at a fixed rate. An arrival waits while all connections are busy; its latency includes the wait."""

    def __init__(self, run: Run, rate: float, seconds: float) -> None:
        self.run = run
        self.interval = 1 / rate
        self.arrivals = int(rate * seconds)
        # First in, first out: every connection stays in use, so none is closed by the server as idle.
        self.idle: deque[PacedConnection] = deque()
        self.late: deque[float] = deque()
        self.over = False

    def free(self, connection: PacedConnection) -> None:
        if self.late:
            connection.send(self.late.popleft())
        else:
            self.idle.append(connection)
            self.close_when_over()

    def arrive(self, due: float) -> None:
        if self.idle:
            self.idle.popleft().send(due)
        else:
            self.late.append(due)

    def end(self) -> None:
        self.over = True
        self.close_when_over()

    def close_when_over(self) -> None:
        if self.over and not self.late:
            self.run.close()

    def keep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Announce each arrival at its time, from a thread: timers of the event loop are up to 1 ms late."""
        start = time.perf_counter()
        for number in range(self.arrivals):
            due = start + number * self.interval
            if (pause := due - time.perf_counter()) > 0:
                time.sleep(pause)
            loop.call_soon_threadsafe(self.arrive, due)
        loop.call_soon_threadsafe(self.end)


def body_length(data: bytes, head_end: int) -> int:
    """Return the Content-Length, whatever the case of the name; 0 without one."""
    at = data.find(b"ength: ", 0, head_end)
    return int(data[at + 7 : data.find(b"\r", at)]) if at >= 0 else 0


async def closed_loop(run: Run, host: str, port: int, connections: int, seconds: float) -> None:
    """Run a load in which each connection sends its next request when the last answer has come."""
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(lambda: Connection(run), host, port) for _ in range(connections)]
    for _, connection in pairs:
        connection.proceed()
    loop.call_later(seconds, run.close)
    await finish(run, seconds)


async def open_loop(run: Run, host: str, port: int, connections: int, rate: float, seconds: float) -> None:
    """Run a load in which requests leave at their scheduled times, whether or not earlier ones have been answered."""
    loop = asyncio.get_running_loop()
    schedule = Schedule(run, rate, seconds)
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: PacedConnection(run, schedule), host, port)
        connection.proceed()
    threading.Thread(target=schedule.keep, args=(loop,), daemon=True).start()
    await finish(run, seconds)


async def finish(run: Run, seconds: float) -> None:
    try:
        await asyncio.wait_for(run.done.wait(), seconds + GRACE)
    except TimeoutError:
        run.broken += run.in_flight
