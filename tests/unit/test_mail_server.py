"""The mail server of a workspace as a setting: what is kept, shown and refused."""

from typing import Any

import pytest

from services.console.workspace.mail_form import sent_server
from services.console.workspace.mail_presets import MAIL_PRESETS
from services.console.workspace.mail_words import NO_TLS_START, TRIAL_ERRORS
from services.workers.deliveries import http_client, smtp_client
from shared.integrations.credentials import MAIL_SECURITY_CHOICES
from shared.outbound.address_policy import AddressPolicy, is_host
from shared.platform.errors import FieldErrors
from shared.workspace_changes.mail_server import PRIVATE_HOST_MESSAGE, mail_with_changes

UNSET: dict[str, Any] = {"sent_by": None, "without_server": None, "integration_id": None, "server": None}
SENT = {"host": "smtp.example.com", "port": 587, "from": "crm@firm.example", "username": "crm", "password": "x" * 16}


def changed(mail: dict[str, Any], sent: dict[str, Any] | None, allowed: str = "") -> tuple[dict[str, Any], FieldErrors]:
    errors: FieldErrors = {}
    return mail_with_changes(mail, sent, allowed, errors), errors


def test_a_server_is_connected_and_its_password_is_masked() -> None:
    mail, errors = changed(UNSET, SENT)
    assert errors == {}
    assert (mail["sent_by"], mail["server"]["port"], mail["server"]["host"]) == ("workspace", "587", "smtp.example.com")
    assert "x" * 5 not in mail["server"]["password"]


def test_what_is_shown_may_be_sent_back() -> None:
    mail, _ = changed(UNSET, SENT)
    again, errors = changed(mail, mail["server"])
    assert (again, errors) == (mail, {})


@pytest.mark.parametrize("change", [{"host": "mx.evil.example"}, {"port": "25"}, {"username": "root"}])
def test_a_password_is_not_kept_for_another_server(change: dict[str, str]) -> None:
    mail, _ = changed(UNSET, SENT)
    assert set(changed(mail, change)[1]) == {"mail.password"}
    assert set(changed(mail, {**change, "password": mail["server"]["password"]})[1]) == {"mail.password"}
    assert changed(mail, {**change, "password": "another"})[1] == {}


def test_a_server_is_disconnected() -> None:
    mail, _ = changed({**UNSET, "without_server": "installation"}, SENT)
    assert changed(mail, None)[0] == {**mail, "sent_by": "installation", "server": None}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "0x7f000001", "127.1", "[::1]", "::1", "169.254.169.254", "::"]
)
def test_no_private_address_is_taken(host: str) -> None:
    assert set(changed(UNSET, {**SENT, "host": host})[1]) == {"mail.host"}


def test_the_operator_allows_private_addresses() -> None:
    assert changed(UNSET, {**SENT, "host": "10.1.2.3"})[1] == {"mail.host": [PRIVATE_HOST_MESSAGE]}
    assert changed(UNSET, {**SENT, "host": "10.1.2.3"}, "10.0.0.0/8")[1] == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "smtp://example.com"),
        ("host", "smtp.example.com:25"),
        ("host", "a b.example"),
        ("host", "smtp.example.com\r\nRCPT TO:<x@y.example>"),
        ("host", "x" * 300),
        ("host", None),
        ("port", "0"),
        ("port", "65536"),
        ("port", "25;26"),
        ("security", "none"),
        ("from", "a@firm.example\r\nBcc: x@y.example"),
        ("from", "a@firm.example, b@firm.example"),
        ("from", "Name <a@firm.example>"),
        ("from_name", "Sales\r\nBcc: x@y.example"),
        ("from_name", "\u202eselaS"),
        ("from_name", "x" * 101),
        ("bcc", "x@y.example"),
    ],
)
def test_hostile_values_are_refused_at_their_field(field: str, value: str | None) -> None:
    assert set(changed(UNSET, {**SENT, field: value})[1]) == {f"mail.{field}"}


def test_a_host_is_a_name_or_an_address() -> None:
    assert all(map(is_host, ["smtp.example.com", "mail_1", "192.0.2.1", "2001:db8::1", "bücher.example"]))
    assert not any(map(is_host, ["", "a/b", "a:b", "user@host", "a..b", "::g", "\0"]))


@pytest.mark.parametrize("host", ["", "a..b", "a/b", "x" * 300])
def test_a_policy_judges_hosts_only(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AddressPolicy().refuses_host(host)


def test_presets_are_valid_servers() -> None:
    for preset in MAIL_PRESETS:
        sent = {**SENT, "host": preset.host, "port": preset.port, "security": preset.security}
        assert preset.security in MAIL_SECURITY_CHOICES
        assert changed(UNSET, sent)[1] == {}


def test_an_empty_password_stays_and_goes_with_its_user() -> None:
    assert "password" not in sent_server({"host": "a.example", "username": "crm", "password": ""})
    assert sent_server({"host": "a.example", "username": ""})["password"] is None


def test_the_page_knows_what_an_attempt_may_say() -> None:
    said = {
        smtp_client.MAIL_REFUSED_MESSAGE,
        smtp_client.UNREACHABLE_MESSAGE,
        smtp_client.TIMED_OUT_MESSAGE,
        smtp_client.TLS_WANTED_MESSAGE,
        http_client.UNKNOWN_HOST_MESSAGE,
        http_client.CONNECTION_CLOSED_MESSAGE,
        http_client.ADDRESS_BLOCKED_MESSAGE,
    }
    assert said == set(TRIAL_ERRORS)
    assert smtp_client.NO_TLS_MESSAGE.startswith(NO_TLS_START)
