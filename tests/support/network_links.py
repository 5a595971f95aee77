"""Links to a network namespace of this machine, on which packets can be dropped: nobody is told that they are gone."""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from shared.platform.data_dir import free_port

NETWORKS = range(200, 250)  # of which each namespace takes one, so that tests beside one another do not meet
NOBODY = "02:00:00:00:00:01"  # a hardware address that no interface has


class NetworkLink:
    """A pair of interfaces: `here` on this machine, `there` in the namespace, with their addresses."""

    def __init__(self, namespace: str, network: str, number: int) -> None:
        name = f"{namespace}{number}"
        self._here_name, self._there_name = f"{name}h", f"{name}t"
        self._namespace = namespace
        self.here, self.there = f"{network}.{number}.1", f"{network}.{number}.2"

    def open(self) -> None:
        """Make it."""
        _ip("link", "add", self._here_name, "type", "veth", "peer", "name", self._there_name)
        _ip("link", "set", self._there_name, "netns", self._namespace)
        _ip("address", "add", f"{self.here}/30", "dev", self._here_name)
        _ip("-n", self._namespace, "address", "add", f"{self.there}/30", "dev", self._there_name)
        _ip("link", "set", self._here_name, "up")
        _ip("-n", self._namespace, "link", "set", self._there_name, "up")

    def cut(self) -> None:
        """Have every packet of both directions go to an address that nobody has."""
        _ip("neighbour", "replace", self.there, "lladdr", NOBODY, "dev", self._here_name, "nud", "permanent")
        inside = ("-n", self._namespace, "neighbour", "replace", self.here)
        _ip(*inside, "lladdr", NOBODY, "dev", self._there_name, "nud", "permanent")

    def mend(self) -> None:
        """Have packets arrive again."""
        _ip("neighbour", "del", self.there, "dev", self._here_name)
        _ip("-n", self._namespace, "neighbour", "del", self.here, "dev", self._there_name)


class LinkedNamespace:
    """A namespace with two links: `front`, by which it is asked, and `stores`, on which a store can be cut off.

    `open_link` makes further ones, such as one for each store.
    """

    def __init__(self) -> None:
        self.name = f"lh{secrets.token_hex(3)}"
        self._network = f"10.{secrets.choice(NETWORKS)}"
        self._links = 0
        self.front, self.stores = self.make_link(), self.make_link()

    @property
    def prefix(self) -> tuple[str, ...]:
        """The beginning of a command that runs in it."""
        return "ip", "netns", "exec", self.name

    def make_link(self) -> NetworkLink:
        """A further link, which is not open yet."""
        self._links += 1
        return NetworkLink(self.name, self._network, self._links)

    def open_link(self) -> NetworkLink:
        """A further link."""
        link = self.make_link()
        link.open()
        return link

    @asynccontextmanager
    async def relayed(self, server: str | int, link: NetworkLink | None = None) -> AsyncIterator[tuple[str, int]]:
        """Where the namespace reaches a server of this machine, by the path of its socket or its port on loopback.

        The bytes go over the link, which is `stores` unless given.
        """

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                if isinstance(server, int):
                    answers, further = await asyncio.open_connection("127.0.0.1", server)
                else:
                    answers, further = await asyncio.open_unix_connection(server)
                await asyncio.gather(_pass_on(reader, further), _pass_on(answers, writer))
            writer.close()

        here = (link or self.stores).here
        port = free_port(here)
        async with await asyncio.start_server(serve, here, port):
            yield here, port


def why_no_namespaces() -> str:
    """Why this machine makes no network namespaces, or nothing."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and the program ip"
    try:
        with linked_namespace():
            return ""
    except subprocess.CalledProcessError as refused:
        return f"this machine makes no network namespaces: {refused.stderr.decode().strip()}"


@contextmanager
def linked_namespace() -> Iterator[LinkedNamespace]:
    """A namespace with its two links."""
    made = LinkedNamespace()
    _ip("netns", "add", made.name)
    try:
        _ip("-n", made.name, "link", "set", "lo", "up")
        for link in (made.front, made.stores):
            link.open()
        yield made
    finally:
        _ip("netns", "delete", made.name)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
