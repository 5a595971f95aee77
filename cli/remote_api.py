"""A client of the REST API of any installation, for commands that run where no server does.

It uses the standard library alone, so that such a command starts at once.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click

from shared import __version__

DEFAULT_URL = "http://127.0.0.1:8000"
API_PREFIX = "/api/v1/"
ANSWER_SECONDS = 60.0  # more than the service lets anybody wait
CONNECTION_ERRORS = (OSError, http.client.HTTPException)
HTTP_SCHEMES = ("http", "https")
BAD_URL_MESSAGE = "an address such as https://crm.example.com, without a path"

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


@dataclass(frozen=True)
class RemoteAnswer:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def document(self) -> Any:
        """Return the JSON of the body; None if it is none, as of a proxy's page."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    def message(self) -> str:
        """Return what an error says, with all that is wrong by field."""
        document = self.document()
        if not isinstance(document, dict):
            return f"status {self.status}"
        fields = [f"{name}: {' '.join(texts)}" for name, texts in (document.get("errors") or {}).items()]
        return " ".join([f"{document.get('message', '')} ({self.status})", *fields]).strip()

    def retry_after(self) -> float:
        """Return for how many seconds the service asks to wait."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdigit() else 1.0


class HttpOrigin:
    """One server, over a connection that is kept. Raises one of `CONNECTION_ERRORS` if it cannot be reached."""

    def __init__(self, scheme: str, host: str, port: int | None, seconds: float) -> None:
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
            if scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=seconds)
        )
        self._is_used, self._seconds = False, seconds

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, max_bytes: int | None = None
    ) -> RemoteAnswer:
        """Send a request and return its answer. One that meets a connection that the server closed is sent again.

        With `max_bytes` no more of a body is read, and no longer than a request may take.
        """
        was_used = self._is_used
        try:
            return self._send_once(method, path, body, headers, max_bytes)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not was_used:
                raise
        return self._send_once(method, path, body, headers, max_bytes)

    def close(self) -> None:
        """Close the connection. The next request opens another."""
        self._connection.close()
        self._is_used = False

    def _send_once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int | None
    ) -> RemoteAnswer:
        self._is_used = True
        try:
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            content = answer.read() if max_bytes is None else self._read_beginning(answer, max_bytes)
            return RemoteAnswer(answer.status, named, content)
        except BaseException:  # also an interruption: what is left of the answer belongs to no other request
            self.close()
            raise

    def _read_beginning(self, answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
        content, deadline = b"", time.monotonic() + self._seconds
        while len(content) < max_bytes and time.monotonic() < deadline:
            if not (chunk := answer.read1(max_bytes - len(content))):
                return content + answer.read()  # nothing more: it frees the connection for the next request
            content += chunk
        self.close()
        return content


class RemoteApi:
    """A client with a key. RuntimeError if that is none."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname  # noqa: S101  # the option was checked
        self.host, key = parts.netloc, sendable_key(key)
        self._origin = HttpOrigin(parts.scheme, parts.hostname, parts.port, ANSWER_SECONDS)
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": f"leadhub-cli/{__version__}",
        }

    def call(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> RemoteAnswer:
        """Call the API. A path that begins with no slash is one under /api/v1/.

        A body is sent as JSON; bytes are sent as they are.
        """
        target = path if path.startswith("/") else API_PREFIX + path
        target = quote(target, safe="/?&=%:@+,;!$'()*~-._")
        if query:
            target += ("&" if "?" in target else "?") + urlencode(query)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        return self._origin.send(method.upper(), target, data, headers)

    def close(self) -> None:
        """Close the connection."""
        self._origin.close()


def sendable_key(key: str) -> str:
    """Return a key without spaces around it. RuntimeError if no header can hold it."""
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise RuntimeError("LEADHUB_KEY holds characters that no key has, such as a line break")
    return key


def url_option(command: CommandT) -> CommandT:
    """Add `--url` to a command."""
    option = click.option(
        "--url",
        envvar="LEADHUB_URL",
        default=DEFAULT_URL,
        show_default=True,
        callback=_check_url,
        help="Where LeadHub is, or LEADHUB_URL.",
    )
    return option(command)


def key_option(*, is_required: bool) -> Callable[[CommandT], CommandT]:
    """Return what adds `--key` to a command."""
    return click.option(
        "--key",
        envvar="LEADHUB_KEY",
        required=is_required,
        help="The API key. Better in LEADHUB_KEY: others on this machine see options.",
    )


def remote_options(command: CommandT) -> CommandT:
    """Add `--url` and `--key` to a command."""
    return url_option(key_option(is_required=True)(command))


def _check_url(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        parts = urlsplit(value)
        is_origin = parts.scheme in HTTP_SCHEMES and parts.hostname and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        is_origin = False
    if not is_origin:
        raise click.BadParameter(BAD_URL_MESSAGE)
    return value
