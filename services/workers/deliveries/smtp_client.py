"""Hand mails to a mail server, at allowed addresses only, as in `http`.

User name and password are sent over TLS only: on port 465 from the first byte, otherwise after STARTTLS. If the server
does not offer TLS, the attempt fails before the login.
"""

import asyncio
import contextlib
import socket
import time
from dataclasses import replace

import aiosmtplib

from services.workers.deliveries.http_client import (
    ADDRESS_BLOCKED_MESSAGE,
    ATTEMPT_TIMEOUT_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    CONNECTION_CLOSED_MESSAGE,
    MAX_BODY_LENGTH_KEPT,
    UNKNOWN_HOST_MESSAGE,
    SafeResolver,
)
from services.workers.deliveries.types import AttemptResult, SmtpMessage, SmtpServer
from shared.outbound.address_policy import BlockedTarget

UNREACHABLE_MESSAGE = "The connection could not be made."
TIMED_OUT_MESSAGE = f"No answer came within {ATTEMPT_TIMEOUT_SECONDS:g} s."
CLOSING_STATUS = 421  # a server that shuts down answers this to any command
MAIL_REFUSED_MESSAGE = "The mail server did not take the mail."
NO_TLS_MESSAGE = (
    "The mail server offers no TLS, so the user name and password were not sent. Use a server that offers STARTTLS, "
    "or TLS on port 465 (smtps://), or remove the user name and password."
)
TLS_WANTED_MESSAGE = "The mail server offers no TLS, so the mail was not sent: its setting asks for TLS."


class SmtpClient:
    """Sends mails, each over its own connection."""

    def __init__(self, resolver: SafeResolver) -> None:
        self._resolver = resolver

    async def send_mail(self, mail: SmtpMessage) -> AttemptResult:
        """Send the mail and return the result. Never raises for anything that the server does."""
        started = time.perf_counter()
        answer = await self._attempt_mail(mail)
        request = {"method": "SMTP", "url": f"smtp://{mail.server.host}:{mail.server.port}", "headers": {}}
        return replace(answer, request=request, ms=round((time.perf_counter() - started) * 1000))

    async def _attempt_mail(self, mail: SmtpMessage) -> AttemptResult:
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_SECONDS):
                return await self._send_connected(mail)
        except BlockedTarget:
            return AttemptResult(error=ADDRESS_BLOCKED_MESSAGE, hopeless=True)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            personal = refused.code != CLOSING_STATUS
            return replace(_refused_result(refused.code, refused.message), personal=personal)
        except aiosmtplib.SMTPResponseException as error:
            return _refused_result(error.code, error.message)
        except TimeoutError:  # includes aiosmtplib's timeouts
            return AttemptResult(error=TIMED_OUT_MESSAGE)
        except socket.gaierror:
            return AttemptResult(error=UNKNOWN_HOST_MESSAGE)
        except (aiosmtplib.SMTPException, OSError) as error:
            return AttemptResult(
                error=CONNECTION_CLOSED_MESSAGE
                if isinstance(error, aiosmtplib.SMTPServerDisconnected)
                else UNREACHABLE_MESSAGE
            )
        except ValueError:
            return AttemptResult(error="The address is not valid.", hopeless=True)

    async def _send_connected(self, mail: SmtpMessage) -> AttemptResult:
        relay = mail.server
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            use_tls=relay.uses_tls,
            sock=await self._connect_to_server(relay),
            local_hostname="localhost",
            timeout=ATTEMPT_TIMEOUT_SECONDS,
        )
        async with client:
            is_encrypted = client.get_transport_info("sslcontext") is not None
            if relay.needs_tls and not is_encrypted:
                return AttemptResult(error=TLS_WANTED_MESSAGE)
            if relay.username is not None:
                if not is_encrypted:
                    return AttemptResult(error=NO_TLS_MESSAGE)
                await client.login(relay.username, relay.password or "")
            _, said = await client.sendmail(mail.sender, [mail.recipient], mail.message.as_bytes())
        return AttemptResult(250, body=said[:MAX_BODY_LENGTH_KEPT])

    async def _connect_to_server(self, server: SmtpServer) -> socket.socket:
        """Return a socket connected to the first address that answers. Raises OSError or Blocked."""
        addresses = (
            [server.host] if server.is_trusted else await self._resolver.allowed_addresses(server.host, server.port)
        )
        last: OSError = socket.gaierror(UNKNOWN_HOST_MESSAGE)
        for address in addresses:
            try:
                return await self._connect_to_address(address, server.port)
            except OSError as error:
                last = error
        raise last

    async def _connect_to_address(self, address: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        socket_ = socket.socket(family, kind, protocol)
        socket_.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await loop.sock_connect(socket_, place)
        except BaseException:
            with contextlib.suppress(OSError):
                socket_.close()
            raise
        return socket_


def _refused_result(code: int, said: str) -> AttemptResult:
    """Return the result of a refused mail. Codes from 500 on are permanent, others temporary."""
    return AttemptResult(code, body=said[:MAX_BODY_LENGTH_KEPT], error=MAIL_REFUSED_MESSAGE, hopeless=code >= 500)
