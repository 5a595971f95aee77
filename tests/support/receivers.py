"""Those who receive what leaves the house: an HTTP server that answers as it is told, and a mail server."""

import asyncio
import contextlib
import socketserver
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from multidict import CIMultiDictProxy
from standardwebhooks import WebhookVerificationError

from services.console.webhooks.verification import PYTHON_LINES
from shared.platform.data_dir import free_port


@dataclass(frozen=True)
class Request:
    """One that came."""

    path: str
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)


def is_verified(secret: str, request: Request) -> bool:
    """Whether the lines that the page of webhooks shows take a request."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    lines = {"secret": secret, "body": request.raw, "headers": headers}
    try:
        exec(PYTHON_LINES, lines)  # our own lines
    except WebhookVerificationError:
        return False
    return True


@dataclass
class Receiver:
    """An HTTP server on this machine. `answer` says what the next request gets; `held` ones wait for `release`."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], web.Response] = lambda _: web.Response(text="ok")
    most_at_once: int = 0
    _at_once: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def status(self, status: int, headers: dict[str, str] | None = None) -> None:
        """Answer so from now on."""
        self.answer = lambda _: web.Response(status=status, headers=headers)

    def hold(self) -> None:
        """Answer nobody until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp's handler."""
        came = Request(request.path_qs, request.headers, await request.read())
        self.requests.append(came)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._open.wait()
        finally:
            self._at_once -= 1
        return self.answer(came)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    receiver = Receiver()
    receiver.release()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.release()
        await runner.cleanup()


@contextmanager
def flooding(first: bytes, more: bytes) -> Iterator[str]:
    """The URL of a server that answers every request with `first` and then `more`, again and again, for as long as
    anybody takes it. In threads of its own: it goes on where the test's event loop stands still."""
    many = more * (50_000 // len(more) + 1) if more else b""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(first)
                while many:
                    self.request.sendall(many)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


class MailServer:
    """Takes mails on a free port; `answer` is what it says to a recipient, `answer_to_data` to the mail itself.

    `options` are those of aiosmtpd's controller and server, such as certificates.
    """

    def __init__(self, **options: Any) -> None:
        self.mails: list[Envelope] = []
        self.answer = "250 OK"
        self.answer_to_data = "250 taken"
        self.port = free_port("127.0.0.1")
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """aiosmtpd's handler."""
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """aiosmtpd's handler."""
        self.mails.append(envelope)
        return self.answer_to_data

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
