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

from services.workers.deliveries.http import BLOCKED, CLOSED, CONNECT, KEPT, NO_NAME, TOTAL, Gate
from services.workers.deliveries.messages import Answer, Letter, Relay
from shared.guard import Blocked

UNREACHABLE = "The connection could not be made."
SLOW = f"No answer came within {TOTAL:g} s."
SHUTS_DOWN = 421  # a server that shuts down answers this to any command
NOT_TAKEN = "The mail server did not take the mail."
NO_TLS = (
    "The mail server offers no TLS, so the user name and password were not sent. Use a server that offers STARTTLS, "
    "or TLS on port 465 (smtps://), or remove the user name and password."
)


class Postman:
    """Sends mails, each over its own connection."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def deliver(self, letter: Letter) -> Answer:
        """Send the mail and return the result. Never raises for anything that the server does."""
        started = time.perf_counter()
        answer = await self._attempt(letter)
        request = {"method": "SMTP", "url": f"smtp://{letter.relay.host}:{letter.relay.port}", "headers": {}}
        return replace(answer, request=request, ms=round((time.perf_counter() - started) * 1000))

    async def _attempt(self, letter: Letter) -> Answer:
        try:
            async with asyncio.timeout(TOTAL):
                return await self._send(letter)
        except Blocked:
            return Answer(error=BLOCKED, hopeless=True)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            personal = refused.code != SHUTS_DOWN
            return replace(_refused(refused.code, refused.message), personal=personal)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code, error.message)
        except TimeoutError:  # includes aiosmtplib's timeouts
            return Answer(error=SLOW)
        except socket.gaierror:
            return Answer(error=NO_NAME)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer(error=CLOSED if isinstance(error, aiosmtplib.SMTPServerDisconnected) else UNREACHABLE)
        except ValueError:
            return Answer(error="The address is not valid.", hopeless=True)

    async def _send(self, letter: Letter) -> Answer:
        relay = letter.relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            use_tls=relay.tls,
            sock=await self._connect(relay),
            local_hostname="localhost",
            timeout=TOTAL,
        )
        async with client:
            if relay.username is not None:
                if client.get_transport_info("sslcontext") is None:
                    return Answer(error=NO_TLS)
                await client.login(relay.username, relay.password or "")
            _, said = await client.sendmail(letter.sender, [letter.recipient], letter.message.as_bytes())
        return Answer(250, body=said[:KEPT])

    async def _connect(self, relay: Relay) -> socket.socket:
        """Return a socket connected to the first address that answers. Raises OSError or Blocked."""
        addresses = [relay.host] if relay.trusted else await self._gate.addresses(relay.host, relay.port)
        last: OSError = socket.gaierror(NO_NAME)
        for address in addresses:
            try:
                return await self._connect_to(address, relay.port)
            except OSError as error:
                last = error
        raise last

    async def _connect_to(self, address: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT):
                await loop.sock_connect(made, place)
        except BaseException:
            with contextlib.suppress(OSError):
                made.close()
            raise
        return made


def _refused(code: int, said: str) -> Answer:
    """Return the result of a refused mail. Codes from 500 on are permanent, others temporary."""
    return Answer(code, body=said[:KEPT], error=NOT_TAKEN, hopeless=code >= 500)
