"""The HTTP server of the metrics: `/metrics` for Prometheus, on a host and port of its own.

A thread responds, so that no event loop is blocked. Processes that share their metrics serve the same text, so only the
first one to get the port serves it. The others wait, and one of them takes over when that process ends.
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

from shared.platform.observability import logging
from shared.platform.observability.metrics import metrics_folder, render_metrics

log = logging.get_logger()

METRICS_PATH = "/metrics"
METRICS_CACHE_SECONDS = 1.0  # seconds for which a computed text is served again
PORT_RETRY_SECONDS = 5.0  # seconds between attempts to open a port that is in use
METRICS_CLIENT_TIMEOUT_SECONDS = 5.0  # seconds that a client has to send its request, and to read the response
MAX_METRICS_CONNECTIONS = 16  # connections at once


def serve_metrics(host: str, port: int) -> None:
    """Serve the metrics in a thread for as long as the process lives, unless the port is 0. Returns at once.

    A port that cannot be opened causes a warning and further attempts: metrics must not stop the service.
    """
    if port:
        Thread(target=_serve_until_exit, args=(host, port), name="metrics", daemon=True).start()


def _serve_until_exit(host: str, port: int) -> None:
    with _exclusive_port(port):
        server = _open_server(host, port)
        log.info("metrics.listening", host=host, port=port)
        server.serve_forever()


@contextmanager
def _exclusive_port(port: int) -> Iterator[None]:
    """Wait until no other process serves the same metrics on this port."""
    folder = metrics_folder()
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


def _open_server(host: str, port: int) -> "_MetricsServer":
    is_known = False
    while True:
        try:
            return _MetricsServer(host, port)
        except OSError as error:
            if not is_known:
                why = error.strerror
                log.warning("metrics.unavailable", setting="LEADHUB_METRICS_PORT", host=host, port=port, error=why)
            is_known = True
            time.sleep(PORT_RETRY_SECONDS)


class _MetricsCache:
    """The text of the metrics, computed at most once a second, however many clients there are."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._text = b""
        self._rendered_at = 0.0

    def get(self) -> bytes:
        with self._lock:
            if not self._text or time.monotonic() - self._rendered_at > METRICS_CACHE_SECONDS:
                self._text = render_metrics()
                self._rendered_at = time.monotonic()
            return self._text


class _MetricsServer(ThreadingMixIn, TCPServer):
    """A server with bounded connections and times. That of prometheus-client has neither, and computes per request."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = MAX_METRICS_CONNECTIONS

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self.metrics_cache = _MetricsCache()
        self._free_slots = BoundedSemaphore(MAX_METRICS_CONNECTIONS)
        super().__init__((host, port), _MetricsHandler)

    def process_request(self, request: object, client_address: object) -> None:
        if self._free_slots.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free_slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors of clients that are gone or too slow; the default prints a traceback."""


class _MetricsHandler(BaseHTTPRequestHandler):
    timeout = METRICS_CLIENT_TIMEOUT_SECONDS
    server: _MetricsServer
    server_version = "LeadHub"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != METRICS_PATH:
            self.send_error(404, f"The metrics are at {METRICS_PATH}")
            return
        text = self.server.metrics_cache.get()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a line for each scrape would be of no use."""
