"""Mails: what headers they bear, and that nothing a lead wrote becomes one."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.deliveries.mail_format import (
    InvalidMailAddress,
    MailDraft,
    mailgun_fields,
    one_line,
    server_from_credentials,
    server_from_url,
    smtp_message,
)
from services.workers.deliveries.types import SmtpServer

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 28, 9, 15, tzinfo=UTC)
RELAY = SmtpServer("mail.example.com", 587, None, None, uses_tls=False)
HEADERS = {"From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
words = st.text(st.characters(codec="utf-8"), max_size=120)


def _draft(**changes: str | None) -> MailDraft:
    wanted = {"recipient": "ada@example.com", "subject": "Hello", "body": "Hi Ada", "unsubscribe": None, **changes}
    return MailDraft("msg_1", wanted["recipient"], wanted["subject"], wanted["body"], NOW, wanted["unsubscribe"])  # type: ignore[arg-type]


def _sent(draft: MailDraft) -> "dict[str, str]":
    raw = smtp_message(draft, "crm@example.com", RELAY).message.as_bytes()
    return dict(message_from_bytes(raw, policy=policy.default).items())


def test_a_mail_to_a_lead_can_be_unsubscribed_from_in_one_click() -> None:
    sent = _sent(_draft(unsubscribe="https://crm.example.com/u/token"))
    assert sent["List-Unsubscribe"] == "<https://crm.example.com/u/token>"
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["Message-ID"] == "<msg_1@example.com>"
    assert "https://crm.example.com/u/token" in _draft(unsubscribe="https://crm.example.com/u/token").full_text


def test_a_long_link_stands_in_its_header_as_it_is() -> None:
    link = "https://crm.example.com/u/1." + "gAAAAAB" * 40
    sent = smtp_message(_draft(unsubscribe=link), "crm@example.com", RELAY).message.as_bytes()
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in sent


def test_any_other_cannot() -> None:
    assert set(_sent(_draft())) == HEADERS


@given(words, words)
def test_no_subject_or_body_makes_a_header(subject: str, body: str) -> None:
    assert set(_sent(_draft(subject=subject, body=body))) == HEADERS


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_end_in_a_subject_is_a_space(end: str) -> None:
    assert _sent(_draft(subject=f"Hello{end}Bcc: all@example.com"))["Subject"] == "Hello Bcc: all@example.com"


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Hi=0D=0ABcc:_all@example.com?=",
        "=?us-ascii?q?=0D=0A=0D=0AAnother_body?=",
        "=?utf-8?b?//8=?= é",
        f"{'a' * 70} =?utf-8?q?=0AX-Other:_1?=",
    ],
)
def test_encoded_looking_subject_is_sent_as_plain_text(subject: str) -> None:
    sent = _sent(_draft(subject=subject))
    assert sent["Subject"] == subject
    assert set(sent) == HEADERS


def test_encoded_looking_sender_name_adds_no_header() -> None:
    mail = smtp_message(_draft(), '"=?utf-8?q?x=0D=0ABcc:_evil@example.com?=" <crm@example.com>', RELAY).message
    assert set(message_from_bytes(mail.as_bytes()).keys()) == HEADERS
    with pytest.raises(InvalidMailAddress):
        smtp_message(_draft(), "crm@example.com\r\nBcc: evil@example.com", RELAY)


@given(words)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    assert _sent(_draft(subject=subject))["Subject"].split() == one_line(subject).split()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@example.com\r\nBcc: x@example.com",
        "ada@example.com, bob@example.com",
        "<ada@example.com>",
        "a b",
        "é=?x-unknown?q?a?=@[?b?,.",  # Python's library stumbles over it
    ],
)
def test_recipient_must_be_a_single_address(address: str) -> None:
    with pytest.raises(InvalidMailAddress):
        smtp_message(_draft(recipient=address), "crm@example.com", RELAY)
    with pytest.raises(InvalidMailAddress):
        mailgun_fields(_draft(recipient=address), "crm@example.com")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_no_name_of_a_sender_makes_a_header_or_another_sender(name: str) -> None:
    server = replace(RELAY, sender_name=name)
    raw = smtp_message(_draft(), "crm@example.com", server).message.as_bytes()
    sent = message_from_bytes(raw, policy=policy.default)
    assert set(sent.keys()) == HEADERS
    assert [one.addr_spec for one in sent["From"].addresses] == ["crm@example.com"]


def test_a_sender_has_a_name_in_any_script() -> None:
    for name in ("Nordlys, Sales", "شركة الشفق"):
        server = server_from_credentials({"host": "m.example.com", "port": "587", "from_name": name})
        raw = smtp_message(_draft(), "crm@example.com", server).message.as_bytes()
        assert message_from_bytes(raw, policy=policy.default)["From"].addresses[0].display_name == name


@pytest.mark.parametrize(
    ("security", "port", "uses_tls", "needs_tls"),
    [("", "465", True, False), ("", "587", False, False), ("starttls", "465", False, True), ("tls", "587", True, True)],
)
def test_the_setting_says_how_tls_begins(security: str, port: str, uses_tls: bool, needs_tls: bool) -> None:
    chosen = {"security": security} if security else {}
    server = server_from_credentials({"host": "m.example.com", "port": port, **chosen})
    assert (server.uses_tls, server.needs_tls) == (uses_tls, needs_tls)


def test_mailgun_is_told_the_same() -> None:
    found = mailgun_fields(_draft(subject="Hello\nthere", unsubscribe="https://x.example/u/t"), "crm@example.com")
    assert found["subject"] == "Hello there"
    assert found["h:List-Unsubscribe"] == "<https://x.example/u/t>"
    assert found["to"] == "ada@example.com"


def test_smtp_server_is_read_from_url_and_credentials() -> None:
    assert server_from_url("smtps://crm%40x:p%2Fw@mail.example.com") == SmtpServer(
        "mail.example.com", 465, "crm@x", "p/w", uses_tls=True, is_trusted=True
    )
    assert server_from_url("smtp://localhost:2525") == SmtpServer(
        "localhost", 2525, None, None, uses_tls=False, is_trusted=True
    )
    assert server_from_credentials({"host": "m.example.com", "port": "465"}) == SmtpServer(
        "m.example.com", 465, None, None, uses_tls=True
    )
    for bad in ("http://x", "smtp://", "smtp://host:port"):
        with pytest.raises(ValueError):
            server_from_url(bad)
