"""A port of this machine that answers no connection, as a host does whose packets are dropped."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

FILLERS = 4  # connections that fill the queue of a socket that accepts none; the kernel drops what comes after them


@contextmanager
def black_hole(port: int = 0) -> Iterator[int]:
    """The port, on 127.0.0.1. Whoever connects to it waits for an answer until its own patience ends."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(FILLERS):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
