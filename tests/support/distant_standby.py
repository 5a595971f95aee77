"""A synchronous standby that answers late: a proxy between it and its primary holds all bytes back for a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shared.platform.data_dir import free_port
from tests.support.standby import ReplicaServer
from tests.support.waiting import until

SYNCHRONOUS_SQL = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"


class DelayProxy:
    """Forwards TCP connections to a port of this machine, each byte `delay` seconds late in either direction."""

    def __init__(self, target_port: int, delay: float) -> None:
        self.port = free_port("127.0.0.1")
        self._target_port = target_port
        self._delay = delay

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        with suppress(OSError):
            await asyncio.gather(self._forward(reader, there_writer), self._forward(there_reader, writer))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(2**16):
            loop.call_later(self._delay, writer.write, data)
        loop.call_later(self._delay, writer.close)


@contextmanager
def delaying(target_port: int, round_trip: float) -> Iterator[int]:
    """The port of a running proxy that adds so many seconds to each round trip. It runs in a thread of its own."""
    proxy, loop = DelayProxy(target_port, round_trip / 2), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    serving = asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port)
    server = asyncio.run_coroutine_threadsafe(serving, loop).result(10)
    try:
        yield proxy.port
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextmanager
def at_a_distance(primary: ReplicaServer, standby: ReplicaServer, round_trip: float) -> Iterator[None]:
    """Have each commit of the primary wait for the standby, which is so many seconds of round trip away."""
    with delaying(primary.port, round_trip) as port:
        source = f"host=127.0.0.1 port={port} user=leadhub password={primary.password} application_name=distant"
        _set(standby, "primary_conninfo", source)
        until(lambda: is_followed_by(primary, "distant"), what="a standby behind the proxy")
        _set(primary, "synchronous_standby_names", "distant")
        until(lambda: primary.execute(SYNCHRONOUS_SQL), what="a synchronous standby")
        try:
            yield
        finally:
            _set(primary, "synchronous_standby_names", "")


def is_followed_by(primary: ReplicaServer, name: str) -> bool:
    """Whether a standby of that name streams."""
    return (name,) in primary.execute("SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'")


def _set(server: ReplicaServer, setting: str, value: str) -> None:
    server.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    server.execute("SELECT pg_reload_conf()")
