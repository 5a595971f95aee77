"""Send HTTP requests to servers of others: to allowed addresses only, without redirects, proxies or cookies.

aiohttp's client accepts a custom resolver: it connects to the addresses that the resolver returns, and keeps the URL's
name for `Host` and the certificate. Addresses are checked again when sockets are made, in case a request bypasses the
resolver.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.workers.deliveries.bounded_connection import MAX_RESPONSE_BYTES, BoundedConnector, ResponseTooLarge
from services.workers.deliveries.types import AttemptResult, HttpDocument, HttpRequest, RequestFailure
from shared.outbound.address_policy import AddressPolicy, BlockedTarget, normalised_host, parse_address
from shared.outbound.retry_after import parse_retry_after
from shared.platform.masking import SECRET_MASK

CONNECT_TIMEOUT_SECONDS, ATTEMPT_TIMEOUT_SECONDS = 5.0, 20.0  # seconds
MAX_BODY_BYTES_READ, MAX_BODY_LENGTH_KEPT = 64 * 1024, 4 * 1024  # of a response: bytes read, characters kept
MAX_HEADERS_KEPT, MAX_HEADER_LENGTH_KEPT = 50, 500
MIN_MASKED_LENGTH = 6  # shortest part of a URL, in characters, that is masked in a response

T = TypeVar("T")
AddressLookup = Callable[[str, int], Awaitable[list[str]]]

ADDRESS_BLOCKED_MESSAGE = "The address is not one that requests may go to."
UNKNOWN_HOST_MESSAGE = "The host name could not be resolved."
INVALID_ADDRESS_MESSAGE = "The address is not valid."
CONNECTION_CLOSED_MESSAGE = "The connection was closed before an answer came."
DOCUMENT_TOO_LARGE_MESSAGE = "The answer is longer than {kilobytes} KB."
HEAD_BYTES = 64 * 1024  # of a long answer, beside its body

MESSAGES_BY_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, UNKNOWN_HOST_MESSAGE),
    (aiohttp.ClientConnectorCertificateError, "The certificate of the server could not be verified."),
    (aiohttp.ClientSSLError, "The encrypted connection could not be made."),
    (ssl.SSLError, "The encrypted connection could not be made."),
    (TimeoutError, f"No answer came within {ATTEMPT_TIMEOUT_SECONDS:g} s."),
    (aiohttp.ClientConnectorError, "The connection could not be made."),
    (aiohttp.ClientResponseError, "The answer was no HTTP, or had too many or too long headers."),
    (aiohttp.ClientError, CONNECTION_CLOSED_MESSAGE),
    (OSError, CONNECTION_CLOSED_MESSAGE),
)


async def system_lookup(host: str, port: int) -> list[str]:
    """Resolve a name with the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in found]


class SafeResolver(AbstractResolver):
    """Resolves names to addresses that requests may go to.

    All addresses of a name must be allowed: a name with a private and a public address is likely an attack.
    """

    def __init__(self, policy: AddressPolicy, lookup: AddressLookup = system_lookup) -> None:
        self._policy = policy
        self._lookup = lookup
        self._allowed_by_name: set[str] = set()  # addresses that are allowed because of their host's name

    async def allowed_addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises Blocked, or OSError if the name does not exist."""
        texts = (
            [host]
            if ":" in host or host.replace(".", "").isdigit()
            else await self._lookup(normalised_host(host), port)
        )
        for text in texts:
            address = _parse_address(text)
            if not self._policy.allows_target(host, address):
                raise BlockedTarget(ADDRESS_BLOCKED_MESSAGE)
            if normalised_host(host) in self._policy.hosts:
                self._allowed_by_name.add(str(address))
        return texts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a host for aiohttp."""
        return [
            ResolveResult(hostname=host, host=text, port=port, family=_address_family(text), proto=0, flags=0)
            for text in await self.allowed_addresses(host, port)
        ]

    def make_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Make a socket for an address. Raises OSError if the address is not allowed."""
        family, kind, protocol, _, address = info
        found = _parse_address(str(address[0]))
        if not self._policy.allows_target("", found) and str(found) not in self._allowed_by_name:
            raise PermissionError(ADDRESS_BLOCKED_MESSAGE)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Do nothing: no resources are held."""


class HttpClient:
    """Sends requests. A trusted URL was set by the operator, so its address is not checked.

    `document_bytes` is the longest body that `request_document` returns. Deliveries need none.
    """

    def __init__(
        self, resolver: SafeResolver, *, timeout_seconds: float = ATTEMPT_TIMEOUT_SECONDS, document_bytes: int = 0
    ) -> None:
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds
        self._document_bytes = document_bytes
        most = max(MAX_RESPONSE_BYTES, document_bytes + HEAD_BYTES if document_bytes else 0)
        self._guarded_session = _make_session(
            BoundedConnector(
                max_response_bytes=most,
                resolver=resolver,
                socket_factory=resolver.make_socket,
                use_dns_cache=False,
                limit=0,
            )
        )
        self._unrestricted_session = _make_session(BoundedConnector(max_response_bytes=most, limit=0))

    async def send_request(self, outgoing: HttpRequest) -> AttemptResult:
        """Send the request and return the result. Never raises for anything that the receiver does."""
        started = time.perf_counter()
        result = await _result_or_failure(self._post_request(outgoing))
        if isinstance(result, RequestFailure):
            result = AttemptResult(error=result.error, hopeless=result.hopeless)
        request = {"method": "POST", **outgoing.recorded}
        return replace(result, request=request, ms=round((time.perf_counter() - started) * 1000))

    async def request_document(
        self, url: str, headers: Mapping[str, str], body: bytes | None = None, *, is_trusted: bool = False
    ) -> HttpDocument | RequestFailure:
        """Ask for a document, by GET or, with a body, by POST. Return it whole, or not at all.

        The URL is sent as it is: it must be encoded. Never raises for anything that the server does.
        """
        return await _result_or_failure(self._request_document(url, headers, body, is_trusted))

    async def close(self) -> None:
        await self._guarded_session.close()
        await self._unrestricted_session.close()

    async def _post_request(self, outgoing: HttpRequest) -> AttemptResult:
        url = URL(outgoing.url)
        async with await self._open_request(
            "POST", url, outgoing.headers, outgoing.body, outgoing.is_trusted
        ) as response:
            body = await _read_beginning(response)
            if not response.content.at_eof():
                response.close()
            return _attempt_result(
                response.status, response.headers, body, _secret_parts(url) if outgoing.is_secret else []
            )

    async def _request_document(
        self, url: str, headers: Mapping[str, str], body: bytes | None, is_trusted: bool
    ) -> HttpDocument | RequestFailure:
        method = "GET" if body is None else "POST"
        async with await self._open_request(method, URL(url, encoded=True), headers, body, is_trusted) as response:
            content = b""
            while part := await response.content.read(self._document_bytes + 1 - len(content)):
                content += part
                if len(content) > self._document_bytes:
                    response.close()
                    return RequestFailure(DOCUMENT_TOO_LARGE_MESSAGE.format(kilobytes=self._document_bytes >> 10))
            return HttpDocument(response.status, dict(response.headers), content)

    async def _open_request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, is_trusted: bool
    ) -> Any:
        session = self._unrestricted_session if is_trusted else self._guarded_session
        if not is_trusted:
            await self._check_literal_address(url.host or "")
        limits = aiohttp.ClientTimeout(total=self._timeout_seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)
        return session.request(method, url, data=body, headers=headers, allow_redirects=False, timeout=limits)

    async def _check_literal_address(self, host: str) -> None:
        """Check a host that is an address, since aiohttp does not pass it to the resolver."""
        if ":" in host or host.replace(".", "").isdigit():
            await self._resolver.allowed_addresses(host, 0)


async def _result_or_failure(work: Awaitable[T]) -> T | RequestFailure:
    try:
        return await work
    except BlockedTarget as error:
        return RequestFailure(str(error), hopeless=True)
    except (aiohttp.InvalidURL, ValueError):
        return RequestFailure(INVALID_ADDRESS_MESSAGE, hopeless=True)
    except ResponseTooLarge as error:
        return RequestFailure(str(error))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return RequestFailure(next(text for kind, text in MESSAGES_BY_ERROR if isinstance(error, kind)))


def _make_session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


async def _read_beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of the body. If the body stalls, the response counts with what has arrived."""
    body = b""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        while len(body) < MAX_BODY_BYTES_READ and (
            part := await response.content.read(MAX_BODY_BYTES_READ - len(body))
        ):
            body += part
    return body


def _secret_parts(url: URL) -> list[str]:
    """Return the parts of a URL that may be secret, encoded and decoded, the longest first."""
    parts = {url.raw_path_qs, url.path_qs, url.raw_path, url.path, url.raw_query_string, url.query_string}
    return sorted((part for part in parts if len(part) >= MIN_MASKED_LENGTH), key=len, reverse=True)


def _attempt_result(status: int, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> AttemptResult:
    pause = parse_retry_after(headers.get("Retry-After"), headers.get("Date"), datetime.now(UTC))
    first = list(headers.items())[:MAX_HEADERS_KEPT]
    headers_kept = {str(name): _mask_secrets(value, secrets)[:MAX_HEADER_LENGTH_KEPT] for name, value in first}
    shown = body if secrets else body[:MAX_BODY_LENGTH_KEPT]  # mask before cutting, in case a secret is at the cut
    text = _mask_secrets(shown.decode(errors="replace"), secrets)
    return AttemptResult(status, headers_kept, text[:MAX_BODY_LENGTH_KEPT], retry_after=pause)


def _mask_secrets(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, SECRET_MASK)
    return _storable_text(text)


def _storable_text(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _parse_address(text: str) -> Any:
    try:
        return parse_address(text)
    except ValueError:
        raise BlockedTarget(ADDRESS_BLOCKED_MESSAGE) from None


def _address_family(text: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in text else socket.AF_INET
