"""Webhooks that automations send: signed with the secret of their own address, or not at all."""

import hashlib
import hmac

import orjson
import pytest
from aiohttp import web

from services.workers.deliveries.signatures import sign_message
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.masking import SECRET_MASK
from tests.support.automating import SETTINGS, action, leads, run, save
from tests.support.receivers import Receiver, Request
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

KEEP = "UPDATE automations SET secrets = %s WHERE id = %s"
MAKE_DUE = "UPDATE automation_runs SET due_at = now()"
SECRETS = {"/first": "the secret of the first", "/second": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
NEWER = "the secret that came later"


def assert_signed(request: Request, secret: str) -> None:
    headers = request.headers
    plain = hmac.new(secret.encode(), request.raw, hashlib.sha256).hexdigest()
    assert headers["X-LeadHub-Signature"] == f"sha256={plain}"
    signed = sign_message(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), request.raw)
    assert headers["webhook-signature"] == signed


async def test_automation_webhook_is_signed_with_the_secret_of_its_address(
    database_url: str, database: Connection, outbox: Outbox, receiver: Receiver
) -> None:
    outbox.cipher = TransactionCipher.from_settings(SETTINGS)
    hooks = {path: action("send_webhook", url=receiver.url + path) for path in ("/first", "/second", "/unsigned")}
    later = ({"delay": {"hours": 1}}, hooks["/first"])
    id_ = await save(database, {"type": "lead_created"}, *hooks.values(), *later)

    async def keep(secrets: dict[str, str]) -> None:
        by_url = {receiver.url + path: secret for path, secret in secrets.items()}
        await database.execute(KEEP, (outbox.cipher.encrypt(orjson.dumps(by_url).decode()), id_))

    await keep(SECRETS)
    await leads(database_url, database, {"email": "a@example.com", "first_name": "Ada"})
    await run(database_url)
    await outbox.send()
    came = {request.path: request for request in receiver.requests}
    assert came.keys() == hooks.keys()
    for path, secret in SECRETS.items():
        assert_signed(came[path], secret)
        assert came[path].body["event"] == "automation.ran"
        assert came[path].body["data"]["automation_id"] == id_
        assert came[path].body["lead"]["first_name"] == "Ada"
    assert not {"webhook-signature", "X-LeadHub-Signature"} & came["/unsigned"].headers.keys()

    await keep({**SECRETS, "/first": NEWER})  # runs that wait go by what is kept by then
    await database.execute(MAKE_DUE)
    await run(database_url)
    await outbox.send()
    assert_signed(receiver.requests[-1], NEWER)


async def test_without_secrets_none_is_signed(
    database_url: str, database: Connection, outbox: Outbox, receiver: Receiver
) -> None:
    outbox.cipher = TransactionCipher.from_settings(SETTINGS)
    await save(database, {"type": "lead_created"}, action("send_webhook", url=receiver.url))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await outbox.send()
    (request,) = receiver.requests
    assert not {"webhook-signature", "X-LeadHub-Signature"} & request.headers.keys()


@pytest.mark.parametrize("status", [200, 404, 308])
async def test_no_part_of_an_address_but_its_host_is_on_record(
    database_url: str,
    database: Connection,
    outbox: Outbox,
    receiver: Receiver,
    status: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not even where the receiver repeats it."""
    outbox.cipher = TransactionCipher.from_settings(SETTINGS)
    secret = "/services/T0hidden/B0%20hidden?token=hidden"
    receiver.answer = lambda request: web.Response(
        status=status,
        headers={"Location": f"{receiver.url}{request.path}&again"},
        text="x" * 4080 + f"no {request.path} here",
    )
    url = receiver.url.replace("//", "//user:hidden@") + secret
    await save(database, {"type": "lead_created"}, action("send_webhook", url=url))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    await outbox.send()
    (attempt,) = await outbox.attempts()
    assert len(receiver.requests) == 1
    assert attempt["request"]["url"] == f"{receiver.url}/{SECRET_MASK}"
    assert attempt["headers"]["Location"] == f"{receiver.url}{SECRET_MASK}&again"
    (started,) = await outbox.rows("SELECT steps, error FROM automation_runs")
    for record in (attempt, await outbox.deliveries(), started, await outbox.rows("SELECT * FROM activities")):
        assert "hidden" not in str(record)
    captured = capfd.readouterr()
    assert "hidden" not in captured.out + captured.err
