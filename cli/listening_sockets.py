"""The sockets that HTTP services listen on. They are held by a process that outlives the services.

`up` opens the sockets and hands them to its gateways. systemd hands sockets to `up`, or to a service that runs alone.
While a gateway is dead, new connections wait in the backlog of the socket for the next gateway.
"""

import os
import socket
from collections.abc import Sequence
from typing import Any

from embedded.process import LISTENER_FDS_VARIABLE

LISTEN_BACKLOG = 2048  # connections; the kernel's `net.core.somaxconn` may be lower
FIRST_SYSTEMD_DESCRIPTOR = 3  # systemd's first descriptor
SYSTEMD_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited_sockets() -> list[socket.socket]:
    """Return the sockets that `up` or systemd handed to this process. A second call returns none.

    RuntimeError if a descriptor is not a listening TCP socket.
    """
    own, for_process, count = (os.environ.pop(name, "") for name in (LISTENER_FDS_VARIABLE, *SYSTEMD_VARIABLES[:2]))
    os.environ.pop(SYSTEMD_VARIABLES[2], None)
    if own:
        return [_adopt_descriptor(int(number)) for number in own.split(",")]
    if for_process != str(os.getpid()):  # another process is meant, such as the one that started this process
        return []
    return [
        _adopt_descriptor(number) for number in range(FIRST_SYSTEMD_DESCRIPTOR, FIRST_SYSTEMD_DESCRIPTOR + int(count))
    ]


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address of the host, all with one port; with `port` 0 a free one.

    OSError if that is not possible.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _resolve_addresses(host, port):
            place = (address[0], sockets[0].getsockname()[1] if sockets else port, *address[2:])
            sockets.append(_listening_socket(family, place))
    except OSError:
        close_sockets(sockets)
        raise
    return sockets


def close_sockets(sockets: Sequence[socket.socket]) -> None:
    """Close the sockets. Connections are still accepted if another process holds them too."""
    for each in sockets:
        each.close()


def _resolve_addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((info[0], info[4]) for info in infos))


def _listening_socket(family: socket.AddressFamily, place: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family)
    try:
        # Connections of the last `up` may still be ending.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the other family has a socket of its own
        listener.bind(place)
        listener.listen(LISTEN_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _adopt_descriptor(number: int) -> socket.socket:
    try:
        adopted = socket.socket(fileno=number)
    except OSError as error:
        raise RuntimeError(f"descriptor {number}, which was handed over, is no socket: {error.strerror}") from None
    is_tcp = adopted.family in (socket.AF_INET, socket.AF_INET6) and adopted.type == socket.SOCK_STREAM
    if not is_tcp or not adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        adopted.detach()
        raise RuntimeError(
            f"descriptor {number}, which was handed over, is no listening TCP socket: give the systemd unit "
            "ListenStream= with a port, and no Accept=yes"
        )
    adopted.set_inheritable(False)
    return adopted
