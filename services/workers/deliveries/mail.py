"""Format mails and describe mail servers. Pure.

Header values may come from a lead: line ends and other control characters are removed before a header is set, and the
email library refuses any that remain.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from services.workers.deliveries.messages import Letter, Relay

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
FOOTER = "\n\n--\nYou get this mail because you left your address with us. To get no more of them: {url}\n"
SUBMISSION, SUBMISSION_TLS = 587, 465
SHORT = 66  # longest subject, in characters, that is written without encoding


class _Wire(EmailPolicy):
    """The format of sent mails, with two exceptions to the library's rules.

    A link in a header is for programs, but the library would encode one longer than a line. A subject is plain text,
    but the library would decode parts that look encoded, and write out line ends found in them.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, value) if name == "Subject" else super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "List-Unsubscribe":
            return f"{name}: {value}\r\n".encode("ascii", "backslashreplace")
        if name == "Subject":
            is_plain = value.isascii() and "=?" not in value and len(value) <= SHORT
            text = value if is_plain else Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {text}\r\n".encode()
        return super().fold_binary(name, value)


WIRE = _Wire(linesep=LINES.linesep)


class BadAddress(ValueError):
    """The address cannot send or receive mail."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail before its provider is chosen. `unsubscribe` is the link in mails to leads."""

    message_id: str
    recipient: str
    subject: str
    body: str
    date: datetime
    unsubscribe: str | None = None

    @property
    def text(self) -> str:
        """Return the body with the footer."""
        return self.body + (FOOTER.format(url=self.unsubscribe) if self.unsubscribe else "")

    def headers(self, sender: str) -> dict[str, str]:
        """Return the headers other than addresses and subject."""
        domain = sender.rpartition("@")[2]
        found = {"Message-ID": f"<{self.message_id}@{domain}>", "Date": format_datetime(self.date)}
        if self.unsubscribe:
            found["List-Unsubscribe"] = f"<{self.unsubscribe}>"
            found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return found


def letter(draft: Draft, sender: str, relay: Relay) -> Letter:
    """Make the mail for an SMTP server. The sender may include a display name. Raises BadAddress."""
    message = EmailMessage(WIRE)
    if CONTROL.search(sender):
        raise BadAddress("The address is not valid.")
    name, sender = parseaddr(sender)
    name = name.replace("=?", "= ?")  # otherwise the library would decode it
    message["From"], message["To"] = _address(sender, name), _address(draft.recipient)
    message["Subject"] = one_line(draft.subject)
    for name, value in draft.headers(sender).items():
        message[name] = value
    message.set_content(draft.text, cte="quoted-printable")
    return Letter(message, sender, draft.recipient, relay)


def fields(draft: Draft, sender: str) -> dict[str, str]:
    """Make the form fields of a mail for Mailgun. Raises BadAddress."""
    addresses = {"from": str(_address(sender)), "to": str(_address(draft.recipient))}
    headers = {f"h:{name}": value for name, value in draft.headers(sender).items()}
    return {**addresses, "subject": one_line(draft.subject), "text": draft.text, **headers}


def one_line(text: str) -> str:
    """Replace line ends and control characters by spaces."""
    return CONTROL.sub(" ", text).strip()


def relay_of(credentials: Mapping[str, str]) -> Relay:
    """Return the mail server of an integration. Raises ValueError for an invalid port."""
    port = int(credentials["port"])
    user, password = credentials.get("username") or None, credentials.get("password") or None
    return Relay(credentials["host"], port, user, password, tls=port == SUBMISSION_TLS)


def relay_at(url: str) -> Relay:
    """Return the operator's mail server. Raises ValueError for an invalid URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("LEADHUB_SMTP_URL must be smtp://host:port or smtps://host:port")
    tls = parts.scheme == "smtps"
    port = parts.port or (SUBMISSION_TLS if tls else SUBMISSION)
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return Relay(parts.hostname, port, user, password, tls=tls, trusted=True)


def _address(text: str, name: str = "") -> Address:
    """Return a header value for exactly one address. Raises BadAddress for any other text."""
    if CONTROL.search(text):
        raise BadAddress("The address is not valid.")
    try:
        return Address(name, addr_spec=text)
    except (ValueError, LookupError, AttributeError, MessageError) as error:
        raise BadAddress("The address is not valid.") from error
