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

from services.workers.deliveries.types import SmtpMessage, SmtpServer

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
UNSUBSCRIBE_FOOTER = "\n\n--\nYou get this mail because you left your address with us. To get no more of them: {url}\n"
SUBMISSION_PORT, SUBMISSION_TLS_PORT = 587, 465
MAX_SUBJECT_LINE_LENGTH = 66  # longest subject, in characters, that is written without encoding


class _WirePolicy(EmailPolicy):
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
            is_plain = value.isascii() and "=?" not in value and len(value) <= MAX_SUBJECT_LINE_LENGTH
            text = value if is_plain else Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {text}\r\n".encode()
        return super().fold_binary(name, value)


WIRE_POLICY = _WirePolicy(linesep=LINES.linesep)


class InvalidMailAddress(ValueError):
    """The address cannot send or receive mail."""


@dataclass(frozen=True, slots=True)
class MailDraft:
    """A mail before its provider is chosen. `unsubscribe` is the link in mails to leads.

    With `by_installation` only the operator's mail server may send it.
    """

    message_id: str
    recipient: str
    subject: str
    body: str
    date: datetime
    unsubscribe: str | None = None
    by_installation: bool = False

    @property
    def full_text(self) -> str:
        """Return the body with the footer."""
        return self.body + (UNSUBSCRIBE_FOOTER.format(url=self.unsubscribe) if self.unsubscribe else "")

    def extra_headers(self, sender: str) -> dict[str, str]:
        """Return the headers other than addresses and subject."""
        domain = sender.rpartition("@")[2]
        headers = {"Message-ID": f"<{self.message_id}@{domain}>", "Date": format_datetime(self.date)}
        if self.unsubscribe:
            headers["List-Unsubscribe"] = f"<{self.unsubscribe}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers


def smtp_message(draft: MailDraft, sender: str, server: SmtpServer) -> SmtpMessage:
    """Make the mail for an SMTP server. The sender may include a display name. Raises InvalidMailAddress."""
    message = EmailMessage(WIRE_POLICY)
    if CONTROL_CHARACTERS.search(sender):
        raise InvalidMailAddress("The address is not valid.")
    name, sender = parseaddr(sender)
    name = one_line(server.sender_name or name).replace("=?", "= ?")  # otherwise the library would decode it
    message["From"], message["To"] = _header_address(sender, name), _header_address(draft.recipient)
    message["Subject"] = one_line(draft.subject)
    for name, value in draft.extra_headers(sender).items():
        message[name] = value
    message.set_content(draft.full_text, cte="quoted-printable")
    return SmtpMessage(message, sender, draft.recipient, server)


def mailgun_fields(draft: MailDraft, sender: str) -> dict[str, str]:
    """Make the form fields of a mail for Mailgun. Raises BadAddress."""
    addresses = {"from": str(_header_address(sender)), "to": str(_header_address(draft.recipient))}
    headers = {f"h:{name}": value for name, value in draft.extra_headers(sender).items()}
    return {**addresses, "subject": one_line(draft.subject), "text": draft.full_text, **headers}


def one_line(text: str) -> str:
    """Replace line ends and control characters by spaces."""
    return CONTROL_CHARACTERS.sub(" ", text).strip()


def server_from_credentials(credentials: Mapping[str, str]) -> SmtpServer:
    """Return the mail server of an integration. Raises ValueError for an invalid port."""
    port = int(credentials["port"])
    user, password = credentials.get("username") or None, credentials.get("password") or None
    security = credentials.get("security")
    return SmtpServer(
        credentials["host"],
        port,
        user,
        password,
        uses_tls=security == "tls" if security else port == SUBMISSION_TLS_PORT,
        needs_tls=security is not None,
        sender_name=credentials.get("from_name") or "",
    )


def server_from_url(url: str) -> SmtpServer:
    """Return the operator's mail server. Raises ValueError for an invalid URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("LEADHUB_SMTP_URL must be smtp://host:port or smtps://host:port")
    tls = parts.scheme == "smtps"
    port = parts.port or (SUBMISSION_TLS_PORT if tls else SUBMISSION_PORT)
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return SmtpServer(parts.hostname, port, user, password, uses_tls=tls, is_trusted=True)


def _header_address(text: str, name: str = "") -> Address:
    """Return a header value for exactly one address. Raises BadAddress for any other text."""
    if CONTROL_CHARACTERS.search(text):
        raise InvalidMailAddress("The address is not valid.")
    try:
        return Address(name, addr_spec=text)
    except (ValueError, LookupError, AttributeError, MessageError) as error:
        raise InvalidMailAddress("The address is not valid.") from error
