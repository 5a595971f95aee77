"""Mail servers that want a login: they get it over TLS, or not at all."""

import ssl
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from services.workers.deliveries.smtp_client import NO_TLS_MESSAGE
from shared.outbound.deliveries import enqueue_deliveries, mail_to_user
from tests.support.certificates import certify
from tests.support.receivers import MailServer
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration


class Logins:
    """Those that a server was sent, and whether over TLS. It takes each."""

    def __init__(self) -> None:
        self.came: list[tuple[bytes, bytes, bool]] = []

    def __call__(self, server: SMTP, session: Session, _envelope: Envelope, _kind: str, sent: object) -> AuthResult:
        self.came.append((sent.login, sent.password, session.ssl is not None or _is_encrypted(server)))  # type: ignore[attr-defined]
        return AuthResult(success=True)


def _is_encrypted(server: SMTP) -> bool:
    return server.transport is not None and server.transport.get_extra_info("sslcontext") is not None


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    context, trusted = certify(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return context


async def _send_by(outbox: Outbox, server: MailServer, **login: str) -> None:
    fields = {"host": "127.0.0.1", "port": str(server.port), "from": "crm@example.com", **login}
    await outbox.integrate("smtp", **fields)
    await _send(outbox)


async def _send(outbox: Outbox) -> None:
    user = await outbox.user("boss@example.com")
    await enqueue_deliveries(outbox.connection, [mail_to_user(outbox.workspace_id, user, "A lead", "Call it")])
    await outbox.send()


@pytest.mark.parametrize("password", [{"password": "hidden"}, {}])
async def test_no_login_goes_to_a_server_without_tls(outbox: Outbox, password: dict[str, str]) -> None:
    logins = Logins()
    with MailServer(authenticator=logins, auth_require_tls=False) as server:
        await _send_by(outbox, server, username="crm", **password)
    (delivery,), (attempt,) = await outbox.deliveries(), await outbox.attempts()
    assert (delivery["state"], delivery["error"], attempt["error"]) == ("pending", NO_TLS_MESSAGE, NO_TLS_MESSAGE)
    assert "STARTTLS" in NO_TLS_MESSAGE
    assert (logins.came, server.mails) == ([], [])


async def test_the_operators_server_on_this_machine_is_no_exception(outbox: Outbox) -> None:
    logins = Logins()
    with MailServer(authenticator=logins, auth_require_tls=False) as server:
        url = f"smtp://crm:hidden@localhost:{server.port}"
        changed = {"smtp_url": url, "mail_from": "crm@example.com"}
        outbox.settings = outbox.settings.model_copy(update=changed)
        await _send(outbox)
    assert [one["error"] for one in await outbox.deliveries()] == [NO_TLS_MESSAGE]
    assert (logins.came, server.mails) == ([], [])


async def test_a_login_goes_over_starttls(outbox: Outbox, context: ssl.SSLContext) -> None:
    logins = Logins()
    with MailServer(authenticator=logins, tls_context=context) as server:
        await _send_by(outbox, server, username="crm", password="hidden")
    assert [one["state"] for one in await outbox.deliveries()] == ["sent"]
    assert logins.came == [(b"crm", b"hidden", True)]
    assert len(server.mails) == 1


async def test_a_login_goes_over_tls_from_the_first_byte(outbox: Outbox, context: ssl.SSLContext) -> None:
    logins = Logins()
    with MailServer(authenticator=logins, ssl_context=context, auth_require_tls=False) as server:
        url = f"smtps://crm:hidden@localhost:{server.port}"
        changed = {"smtp_url": url, "mail_from": "crm@example.com"}
        outbox.settings = outbox.settings.model_copy(update=changed)
        await _send(outbox)
    assert [one["state"] for one in await outbox.deliveries()] == ["sent"]
    assert logins.came == [(b"crm", b"hidden", True)]


async def test_without_a_login_no_tls_is_needed(outbox: Outbox) -> None:
    with MailServer() as server:
        await _send_by(outbox, server)
    assert [one["state"] for one in await outbox.deliveries()] == ["sent"]
