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
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.workers.deliveries import backoff
from services.workers.deliveries.bounded import BoundedConnector, TooMuch
from services.workers.deliveries.messages import Answer, Call
from shared.guard import Blocked, Policy, parse, plain
from shared.masking import SECRET_MASK

CONNECT, TOTAL = 5.0, 20.0  # seconds
READ, KEPT = 64 * 1024, 4 * 1024  # of a response: bytes read, characters kept
MOST_HEADERS, LONGEST_HEADER = 50, 500
SHORTEST_SECRET = 6  # shortest part of a URL, in characters, that is masked in a response

Lookup = Callable[[str, int], Awaitable[list[str]]]

BLOCKED = "The address is not one that requests may go to."
NO_NAME = "The host name could not be resolved."
NO_ADDRESS = "The address is not valid."
CLOSED = "The connection was closed before an answer came."

ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, NO_NAME),
    (aiohttp.ClientConnectorCertificateError, "The certificate of the server could not be verified."),
    (aiohttp.ClientSSLError, "The encrypted connection could not be made."),
    (ssl.SSLError, "The encrypted connection could not be made."),
    (TimeoutError, f"No answer came within {TOTAL:g} s."),
    (aiohttp.ClientConnectorError, "The connection could not be made."),
    (aiohttp.ClientResponseError, "The answer was no HTTP, or had too many or too long headers."),
    (aiohttp.ClientError, CLOSED),
    (OSError, CLOSED),
)


async def system_lookup(host: str, port: int) -> list[str]:
    """Resolve a name with the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in found]


class Gate(AbstractResolver):
    """Resolves names to addresses that requests may go to.

    All addresses of a name must be allowed: a name with a private and a public address is likely an attack.
    """

    def __init__(self, policy: Policy, lookup: Lookup = system_lookup) -> None:
        self._policy = policy
        self._lookup = lookup
        self._by_name: set[str] = set()  # addresses that are allowed because of their host's name

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises Blocked, or OSError if the name does not exist."""
        texts = [host] if ":" in host or host.replace(".", "").isdigit() else await self._lookup(plain(host), port)
        for text in texts:
            address = _address(text)
            if not self._policy.allows(host, address):
                raise Blocked(BLOCKED)
            if plain(host) in self._policy.hosts:
                self._by_name.add(str(address))
        return texts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a host for aiohttp."""
        return [
            ResolveResult(hostname=host, host=text, port=port, family=_family(text), proto=0, flags=0)
            for text in await self.addresses(host, port)
        ]

    def socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Make a socket for an address. Raises OSError if the address is not allowed."""
        family, kind, protocol, _, address = info
        found = _address(str(address[0]))
        if not self._policy.allows("", found) and str(found) not in self._by_name:
            raise PermissionError(BLOCKED)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Do nothing: no resources are held."""


class Caller:
    """Sends requests. A trusted URL was set by the operator, so its address is not checked."""

    def __init__(self, gate: Gate, *, total: float = TOTAL) -> None:
        self._gate = gate
        self._total = total
        self._guarded = _session(
            BoundedConnector(resolver=gate, socket_factory=gate.socket, use_dns_cache=False, limit=0)
        )
        self._open = _session(BoundedConnector(limit=0))

    async def call(self, call: Call) -> Answer:
        """Send the request and return the result. Never raises for anything that the receiver does."""
        started = time.perf_counter()
        answer = await self._attempt(call)
        request = {"method": "POST", **call.shown}
        return replace(answer, request=request, ms=round((time.perf_counter() - started) * 1000))

    async def close(self) -> None:
        await self._guarded.close()
        await self._open.close()

    async def _attempt(self, call: Call) -> Answer:
        try:
            return await self._ask(call)
        except Blocked as error:
            return Answer(error=str(error), hopeless=True)
        except (aiohttp.InvalidURL, ValueError):
            return Answer(error=NO_ADDRESS, hopeless=True)
        except TooMuch as error:
            return Answer(error=str(error))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Answer(error=next(text for kind, text in ERRORS if isinstance(error, kind)))

    async def _ask(self, call: Call) -> Answer:
        session = self._open if call.trusted else self._guarded
        url = URL(call.url)
        if not call.trusted:
            await self._check_literal(url.host or "")
        limits = aiohttp.ClientTimeout(total=self._total, sock_connect=CONNECT)
        async with session.post(
            url, data=call.body, headers=call.headers, allow_redirects=False, timeout=limits
        ) as response:
            body = await _beginning(response)
            if not response.content.at_eof():
                response.close()
            return _answer(response.status, response.headers, body, _secrets(url) if call.is_secret else [])

    async def _check_literal(self, host: str) -> None:
        """Check a host that is an address, since aiohttp does not pass it to the resolver."""
        if ":" in host or host.replace(".", "").isdigit():
            await self._gate.addresses(host, 0)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of the body. If the body stalls, the response counts with what has arrived."""
    body = b""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        while len(body) < READ and (part := await response.content.read(READ - len(body))):
            body += part
    return body


def _secrets(url: URL) -> list[str]:
    """Return the parts of a URL that may be secret, encoded and decoded, the longest first."""
    parts = {url.raw_path_qs, url.path_qs, url.raw_path, url.path, url.raw_query_string, url.query_string}
    return sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


def _answer(status: int, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Answer:
    asked = backoff.wish(headers.get("Retry-After"), headers.get("Date"), datetime.now(UTC))
    first = list(headers.items())[:MOST_HEADERS]
    kept = {str(name): _masked(value, secrets)[:LONGEST_HEADER] for name, value in first}
    shown = body if secrets else body[:KEPT]  # mask before cutting, in case a secret is at the cut
    text = _masked(shown.decode(errors="replace"), secrets)
    return Answer(status, kept, text[:KEPT], retry_after=asked)


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, SECRET_MASK)
    return _storable(text)


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _address(text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise Blocked(BLOCKED) from None


def _family(text: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in text else socket.AF_INET
