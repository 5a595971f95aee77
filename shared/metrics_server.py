"""The address of the metrics: `/metrics` for Prometheus, on a host and port beside those of the service.

A thread answers, so that no event loop computes. The processes that pool their figures share one text, and the first
of them that has the port serves it: the others wait for their turn, and one goes on when that process ends.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import BoundedSemaphore, Lock, Thread

from shared import logging
from shared.metrics import exposition, pool

log = logging.get()

PATH = "/metrics"
FRESH = 1.0  # seconds for which a text is good
RETRY = 5.0  # seconds between attempts to have a port that is taken
PATIENCE = 5.0  # seconds that a client has for its request, and for reading the answer
MOST = 16  # connections at once


def serve(host: str, port: int) -> None:
    """Shows the metrics for as long as the process lives; port 0: not at all. Returns at once.

    A port that cannot be had is only warned of, and tried again: figures must not cost the service.
    """
    if port:
        Thread(target=_serve, args=(host, port), name="metrics", daemon=True).start()


def _serve(host: str, port: int) -> None:
    with _turn(port):
        server = _opened(host, port)
        log.info("metrics.listening", host=host, port=port)
        server.serve_forever()


@contextmanager
def _turn(port: int) -> Iterator[None]:
    """Waits until no other process of the pool shows the same figures on this port."""
    folder = pool()
    if folder is None:
        yield
        return
    try:
        descriptor = os.open(folder / f"port-{port}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # a full disk: the port itself decides
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(host: str, port: int) -> "_Server":
    is_known = False
    while True:
        try:
            return _Server(host, port)
        except OSError as error:
            if not is_known:
                why = error.strerror
                log.warning("metrics.unavailable", setting="LEADHUB_METRICS_PORT", host=host, port=port, error=why)
            is_known = True
            time.sleep(RETRY)


class _Text:
    """The metrics, computed once a second at most however many ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._text = b""
        self._made = 0.0

    def get(self) -> bytes:
        with self._lock:
            if not self._text or time.monotonic() - self._made > FRESH:
                self._text = exposition()
                self._made = time.monotonic()
            return self._text


class _Server(ThreadingMixIn, TCPServer):
    """Not the library's: that one computes for each request, and takes any number of clients for any time."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = MOST

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self.text = _Text()
        self._free = BoundedSemaphore(MOST)
        super().__init__((host, port), _Handler)

    def process_request(self, request: object, client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Of a client that is gone or too slow; the library's would print a traceback."""


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server: _Server
    server_version = "LeadHub"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(404, f"The metrics are at {PATH}")
            return
        text = self.server.text.get()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line for each scrape tells nobody anything."""
