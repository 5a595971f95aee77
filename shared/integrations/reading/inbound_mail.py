"""Make a lead of a mail that somebody sent us: who wrote, and what. Pure."""

import codecs
import email
import email.header
import email.message
import email.policy
import email.utils
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.reading.contact_reading import AnsweredField, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.mail_text import html_text, written_text
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import CaseInsensitive, UnreadableBody, storable_text

_NAMED_ADDRESS = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^<]*?)\s*<\s*([^<>\s@]+@[^<>\s]+)\s*>').match
_BARE_ADDRESS = re.compile(r"[^\s<>()\",;:@]+@[^\s<>()\",;:]+").search
_COMMENT = re.compile(r"\(([^()]*)\)").search
_MACHINE_NAMES = ("mailer-daemon", "postmaster")
_NO_REPLY = re.compile(r"(?:do[-_.]?not[-_.]?reply|no[-_.]?reply)", re.IGNORECASE).match
_SLOW_CODECS = ("idna", "punycode")  # for names of hosts; a long text takes minutes
_MIME_ERRORS = (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMail:
    """A mail as far as its carrier tells us about it.

    `sender` is the header From. `envelope_sender` is None if unknown, and empty for bounces. `text` is what the sender
    wrote, without quotes and signature. `received_at` is in ISO 8601; where it is empty, the header Date counts.
    """

    sender: str
    headers: CaseInsensitive
    envelope_sender: str | None = None
    subject: str = ""
    text: str = ""
    attachments: list[str] = field(default_factory=list)
    received_at: str = ""


def mail_event(mail: InboundMail, document: Any) -> SourceEvent:
    """Return the mail as a lead. A bounce or an automatic reply is ignored."""
    message_id = storable_text(str(mail.headers.get("Message-Id", ""))).strip() or None
    if reason := _reason_to_ignore(mail):
        return SourceEvent(kind="ignored", event_id=message_id, note=reason)
    return SourceEvent(
        event_id=message_id,
        lead=read_contact(_lead_fields(mail)),
        attribution=make_attribution(at=mail.received_at or _date_text(mail.headers), provider_lead_id=message_id),
        document=document,
    )


def read_mime(raw: bytes) -> InboundMail:
    """Return the mail of a raw MIME message, without its envelope. Raises UnreadableBody."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        headers = CaseInsensitive([(name, str(value)) for name, value in message.items()])
        plain, html, attachments = _read_parts(message)
    except _MIME_ERRORS as error:
        raise UnreadableBody("The mail is no readable MIME message.") from error
    return InboundMail(
        sender=str(headers.get("From", "")),
        headers=headers,
        subject=decoded_header(headers.get("Subject", "")),
        text=body_text(plain, html),
        attachments=attachments,
    )


def body_text(plain: str, html: str) -> str:
    """Return what the sender wrote, of the mail's text or, where it has none, of its HTML."""
    return storable_text(written_text(plain) if plain.strip() else written_text(html_text(html)))


def parse_headers(text: str) -> CaseInsensitive:
    """Return the headers of a mail from their text."""
    try:
        message = email.message_from_string(text, policy=email.policy.compat32)
        return CaseInsensitive([(name, str(value)) for name, value in message.items()])
    except _MIME_ERRORS:
        return CaseInsensitive({})


def decoded_header(value: Any) -> str:
    """Return a header with its encoded words such as `=?utf-8?q?…?=` read."""
    text = " ".join(str(value).split())
    try:
        parts = email.header.decode_header(text)
        return storable_text("".join(decoded_text(part, charset) for part, charset in parts)).strip()
    except _MIME_ERRORS:
        return storable_text(text)


def parse_address(header: str) -> tuple[str, str]:
    """Return name and address of the first person of a header such as From."""
    text = " ".join(header.split())[:1000]
    if named := _NAMED_ADDRESS(text):
        name = re.sub(r"\\(.)", r"\1", named[1].strip().removeprefix('"').removesuffix('"'))
        return _plain_name(decoded_header(name), named[2]), storable_text(named[2])
    bare = _BARE_ADDRESS(text)
    if bare is None:
        return decoded_header(text), ""
    comment = _COMMENT(text)
    return _plain_name(decoded_header(comment[1]) if comment else "", bare[0]), storable_text(bare[0])


def _plain_name(name: str, address: str) -> str:
    plain = name.strip().strip("'\"").strip()
    return "" if plain.lower() == address.lower() else plain


def _lead_fields(mail: InboundMail) -> Iterator[AnsweredField]:
    name, address = _author(mail)
    yield AnsweredField(name, kind="full_name")
    yield AnsweredField(address, label="Email", kind="email")
    yield AnsweredField(mail.subject, label="Subject", kind="notes")
    yield AnsweredField(mail.text, label="Message", kind="notes")
    yield AnsweredField(", ".join(mail.attachments), label="Attachments", kind="custom")


def _author(mail: InboundMail) -> tuple[str, str]:
    """Return who wrote the mail. Forms on websites write as no-reply@…, and name the person in Reply-To."""
    name, address = parse_address(mail.sender)
    if not address or _NO_REPLY(address):
        reply_name, reply_address = parse_address(str(mail.headers.get("Reply-To", "")))
        if reply_address:
            return reply_name or ("" if address else name), reply_address
    return name, address or parse_address(mail.envelope_sender or "")[1]


def _reason_to_ignore(mail: InboundMail) -> str:
    automatic = str(mail.headers.get("Auto-Submitted", "")).partition(";")[0].strip().lower()
    if automatic not in ("", "no"):  # RFC 3834
        return "automatic mail"
    precedence = str(mail.headers.get("Precedence", "")).strip().lower()
    if precedence == "auto_reply" or any(name in mail.headers for name in ("X-Autoreply", "X-Autorespond")):
        return "automatic mail"
    return_path = mail.headers.get("Return-Path") if mail.envelope_sender is None else mail.envelope_sender
    if return_path is not None and not str(return_path).strip(" <>\t\r\n"):
        return "bounce"
    local_part = parse_address(mail.sender)[1].partition("@")[0].lower()
    content_type = str(mail.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    return "bounce" if local_part in _MACHINE_NAMES or content_type == "multipart/report" else ""


def _date_text(headers: Mapping[str, str]) -> str:
    try:
        moment = email.utils.parsedate_to_datetime(str(headers.get("date", "")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    return utc_time(moment.isoformat())


def _read_parts(message: email.message.Message) -> tuple[str, str, list[str]]:
    """Return the first plain text, the first HTML, and the names of attachments."""
    texts = {"text/plain": "", "text/html": ""}
    attachments: list[str] = []
    for part in message.walk():
        file_name, kind = part.get_filename(), part.get_content_type()
        if file_name:
            attachments.append(decoded_header(file_name))
        elif texts.get(kind) == "" and not part.is_multipart() and part.get_content_disposition() != "attachment":
            payload = part.get_payload(decode=True)
            texts[kind] = decoded_text(payload if isinstance(payload, bytes) else b"", part.get_content_charset())
    return texts["text/plain"], texts["text/html"], attachments


def decoded_text(content: bytes | str, charset: str | None) -> str:
    """Return the text of bytes in a charset that a mail names, which may be none."""
    if isinstance(content, str):
        return content
    try:
        name = codecs.lookup(charset or "utf-8").name
        return content.decode("utf-8" if name in _SLOW_CODECS else name, errors="replace")
    except (LookupError, ValueError):  # a charset that nobody knows
        return content.decode(errors="replace")
