"""Webhooks that automations send: signed with the secret of their own address, or not at all."""

import hashlib
import hmac

import orjson
import pytest
from aiohttp import web
from psycopg.types.json import Jsonb

from services.workers.deliveries.signatures import sign_message
from shared.automations.automation_drafts import save_draft
from shared.automations.automation_editing import SentAutomation, change_automation, create_automation
from shared.automations.automation_fields import check_definition
from shared.automations.webhook_secrets import MAX_SECRETS, decrypt_secrets
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed
from shared.platform.masking import SECRET_MASK
from tests.support.automating import SETTINGS, Row, action, leads, run, save
from tests.support.ingesting import workspace_id
from tests.support.receivers import Receiver, Request
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

KEEP = "UPDATE automations SET secrets = %s WHERE id = %s"
ADD_WAITING_RUN = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, plan, due_at)
VALUES (%s, %s, %s, 1, 'waiting', %s, now() + interval '1 day')
"""
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


def signed_hooks(name: str, count: int) -> list[Row]:
    return [action("send_webhook", url=f"https://{name}.example/{n}", secret="s" * 200) for n in range(count)]


async def test_secrets_of_an_automation_have_bounds_and_those_in_use_stay(database: Connection) -> None:
    cipher, workspace = TransactionCipher.from_settings(SETTINGS), await workspace_id(database)

    def sent(*steps: Row) -> SentAutomation:
        body = {"name": "Posts", "trigger": {"type": "manual"}, "steps": list(steps)}
        return SentAutomation(body, *check_definition(body, ""))

    async def change(*steps: Row) -> None:
        async with database.transaction():
            await change_automation(database, cipher, workspace, id_, sent(*steps), "Ada")

    async def kept(table: str, column: str) -> list[str]:
        [(sealed,)] = await (
            await database.execute(f"SELECT secrets FROM {table} WHERE {column} = %s", (id_,))
        ).fetchall()
        return list(decrypt_secrets(cipher, sealed))

    async def wait(*steps: Row) -> None:
        await database.execute(ADD_WAITING_RUN, (workspace, id_, steps[0]["action"]["url"], Jsonb(steps)))

    first = signed_hooks("first", 1)
    async with database.transaction():
        id_ = (await create_automation(database, cipher, workspace, sent(*first), 9, "Ada"))["id"]
    await wait(*first)
    for number in range(5):
        await change(*signed_hooks(f"round-{number}", 99))
    urls = await kept("automations", "id")
    assert len(urls) == MAX_SECRETS
    assert "https://first.example/0" in urls
    assert [f"https://round-{number}.example/98" in urls for number in (0, 3, 4)] == [False, True, True]
    for number in range(5):
        changes = {"steps": signed_hooks(f"draft-{number}", 100)}
        async with database.transaction():
            await save_draft(database, cipher, workspace, id_, changes, None, "Ada")
    assert len(await kept("automation_drafts", "automation_id")) <= MAX_SECRETS
    for number in (2, 3, 4):
        await wait(*signed_hooks(f"round-{number}", 99))
    await change(*signed_hooks("round-4", 99))
    with pytest.raises(ValidationFailed) as refused:
        await change(*signed_hooks("one-too-many", 99), *signed_hooks("even-more", 1))
    assert list(refused.value.errors or ()) == ["steps"]
    long = {"steps": [action("send_webhook", url="https://long.example", secret="s" * (1 << 20))]}
    with pytest.raises(ValidationFailed):
        await save_draft(database, cipher, workspace, id_, long, None, "Ada")
