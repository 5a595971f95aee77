"""Connections by a URL that names several hosts: the one that took writes last is tried first.

Without this, each new connection would wait for a host that is gone, since libpq tries hosts in the URL's order.
"""

import asyncio.staggered
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

WRITABLE_SESSIONS = ("read-write", "primary")  # values of `target_session_attrs` with which one host answers at most
# Seconds after which the next host is tried as well, while a host has not answered. Less than pools and flushes wait.
NEXT_HOST_SECONDS = 0.4


class DatabaseHost(NamedTuple):
    """A host of a URL. The fields are libpq's parameters."""

    host: str
    port: str


_last_writable_hosts: dict[tuple[DatabaseHost, ...], DatabaseHost] = {}  # of this process, by the hosts of the URL


def order_hosts(conninfo: str, parameters: Mapping[str, Any]) -> list[DatabaseHost]:
    """Return the hosts in the order in which to try them. There are none if libpq's own order is as good.

    That is so with one host, and where the URL does not ask for a server that takes writes: the last one reached may
    then be a standby.
    """
    hosts = _read_hosts(conninfo, parameters)
    last = _last_writable_hosts.get(hosts)
    return sorted(hosts, key=lambda host: host != last)


def ordered_parameters(conninfo: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the URL's hosts in that order, for a connection that libpq opens."""
    hosts = order_hosts(conninfo, parameters)
    places = {"host": ",".join(host for host, _ in hosts), "port": ",".join(port for _, port in hosts)}
    return {**parameters, **(places if hosts else {})}


class HostConnection(psycopg.AsyncConnection[TupleRow]):
    """A connection to the host that took writes last, or else to the first of the others that takes them.

    A host that does not answer is not waited for: the next one is tried beside it.
    """

    @classmethod
    async def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        """Open a connection. Takes psycopg's arguments, and raises its errors."""
        hosts = order_hosts(conninfo, parameters)
        if not hosts:
            return await super().connect(conninfo, **parameters)
        connect: Callable[..., Awaitable[Self]] = super().connect
        tries = [partial(connect, conninfo, **{**parameters, **host._asdict()}) for host in hosts]
        found: tuple[Self | None, int | None, list[Exception | None]]
        found = await asyncio.staggered.staggered_race(tries, NEXT_HOST_SECONDS)
        connection, winner, errors = found
        if connection is None or winner is None:
            raise psycopg.OperationalError("no host takes writes: " + "; ".join(str(error) for error in errors))
        _last_writable_hosts[_read_hosts(conninfo, parameters)] = hosts[winner]
        return connection


def _read_hosts(conninfo: str, parameters: Mapping[str, Any]) -> tuple[DatabaseHost, ...]:
    """Return the hosts of a URL of which one takes writes, in the URL's order, or none."""
    if "," not in f"{conninfo}{parameters.get('host', '')}":  # spares most connections the parsing
        return ()
    known = {**conninfo_to_dict(conninfo), **parameters}
    hosts, ports = str(known.get("host") or "").split(","), str(known.get("port") or "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    is_one_writable = known.get("target_session_attrs") in WRITABLE_SESSIONS
    if not is_one_writable or len(hosts) < 2 or len(ports) != len(hosts) or known.get("hostaddr"):
        return ()
    return tuple(map(DatabaseHost, hosts, ports))
