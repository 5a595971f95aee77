"""A server whose successes are none of LeadHub's: pages of a proxy, JSON that is cut off, lists that never end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "page": (200, "text/html", b"<p>Please sign in."),
    "cut": (200, "application/json", b'{"data": [{"id": 1}'),
    "array": (200, "application/json", b"[]"),
    "empty": (200, "application/json", b""),
    "circle": (200, "application/json", b'{"data": [{"id": 1}], "meta": {"next_cursor": "same", "total": 1}}'),
    "nothing": (204, "application/json", b""),
}
FAILED = "ConnectionFailed"
REFUSED = [FAILED, FAILED, FAILED, FAILED, "taken"]
# What becomes of a lead that is sent, the health, a list, a deletion and a download; PHP has none of the last.
OUTCOMES = {
    **dict.fromkeys(("page", "cut", "array", "empty"), REFUSED),
    "circle": ["taken", "taken", "LeadHubError", "taken", "taken"],
}


class _Handler(BaseHTTPRequestHandler):
    """Gives the answer that the first part of the path names."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, content = ANSWERS[self.path.split("/")[1]]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if content:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def strange_answers() -> Iterator[dict[str, str]]:
    """The address of each strange LeadHub, by name."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {name: f"http://127.0.0.1:{server.server_port}/{name}" for name in OUTCOMES}
        server.shutdown()
