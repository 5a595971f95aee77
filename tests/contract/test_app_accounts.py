"""One app, many accounts: one webhook of an app brings the leads of all of them."""

import hmac
import json
import secrets
import subprocess
from typing import Any

import aiohttp
import pytest

from tests.contract.service import Service, new_phone
from tests.contract.webhook_posts import post, submissions_of
from tests.contract.workspaces import Workspace
from tests.support.waiting import until_async

VERIFY_TOKEN = "verify-me-please"


async def make_whatsapp(workspace: Workspace, secret: str, *accounts: str) -> dict[str, Any]:
    credentials = {"app_secret": secret, "verify_token": VERIFY_TOKEN}
    body = {"type": "whatsapp", "name": "App", "credentials": credentials, "settings": {"accounts": accounts}}
    return await workspace.make("/integrations", body)


def whatsapp_body(number_id: str, sender: str, text: str) -> bytes:
    message = {"from": sender, "id": f"wamid.{secrets.token_hex(8)}", "timestamp": "1774690200", "type": "text"}
    message["text"] = {"body": text}  # type: ignore[assignment]
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": number_id}, "messages": [message]}
    value["contacts"] = [{"wa_id": sender, "profile": {"name": "Ada Byron"}}]
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


async def say_hello(provider: aiohttp.ClientSession, receiver: dict[str, Any], secret: str, number_id: str) -> None:
    """Somebody writes to one of the app's numbers, and the app's one webhook tells it."""
    body = whatsapp_body(number_id, new_phone().removeprefix("+"), "hello")
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
    assert (await post(provider, receiver, body, **headers)).status == 200


async def test_one_app_serves_many_accounts(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    secret = secrets.token_hex(16)
    receiver = await make_whatsapp(ours, secret)
    claimed = await make_whatsapp(ours, secret, "4930")
    again = {"type": "whatsapp", "name": "Again", "settings": {"accounts": ["4930"]}}
    again["credentials"] = {"app_secret": secret, "verify_token": VERIFY_TOKEN}
    assert (await ours.errors("POST", "/integrations", again)).keys() == {"settings.accounts"}
    for number_id, owner in (("4930", claimed), ("4989", receiver)):
        await say_hello(provider, receiver, secret, number_id)
        await submissions_of(ours, owner, 1)


def workspace_command(ours: Workspace, *words: str) -> "subprocess.CompletedProcess[str]":
    return ours.service.stack.run("workspace", *words, check=False)


async def test_account_of_another_workspace_is_its_own_only_while_an_operator_grants_it(
    ours: Workspace, theirs: Workspace, provider: aiohttp.ClientSession
) -> None:
    secret, number_id = secrets.token_hex(16), f"49{secrets.randbelow(10**12)}"
    receiver, claimed = await make_whatsapp(ours, secret), await make_whatsapp(theirs, secret, number_id)
    counts = {"ours": 0, "theirs": 0}

    async def goes_to(name: str) -> bool:
        """Whether the next message goes there; it goes to exactly one of both."""
        await say_hello(provider, receiver, secret, number_id)
        found: dict[str, int] = {}

        async def has_come() -> bool:
            for whose, workspace, integration in (("ours", ours, receiver), ("theirs", theirs, claimed)):
                path = f"/submissions?channel=integration:{integration['id']}&per_page=100"
                found[whose] = len((await workspace.ask("GET", path)).body["data"])
            return sum(found.values()) > sum(counts.values())

        await until_async(has_come, what="the message")
        assert sum(found.values()) == sum(counts.values()) + 1
        is_there = found[name] == counts[name] + 1
        counts.update(found)
        return is_there

    assert await goes_to("ours")
    listed = workspace_command(ours, "accounts").stdout.splitlines()
    claim = f"{theirs.slug} whatsapp {number_id} {claimed['id']} App no".split()
    assert claim in [line.split() for line in listed]
    decision = (theirs.slug, "whatsapp", number_id)
    with ours.service.stack.database() as database:
        database.execute("LISTEN integrations")
        granted = workspace_command(ours, "grant-account", *decision)
        assert (granted.returncode, granted.stdout) == (0, ""), granted.stderr
        assert list(database.notifies(timeout=60, stop_after=1))  # gateways need not wait for their next refresh
    await until_async(lambda: goes_to("theirs"), what="the grant to be seen")
    assert await goes_to("theirs")
    [submission, *_] = await submissions_of(theirs, claimed, counts["theirs"])
    assert (await theirs.show(f"/leads/{submission['lead_id']}"))["first_name"] == "Ada"
    assert workspace_command(ours, "withdraw-account", *decision).returncode == 0
    await until_async(lambda: goes_to("ours"), what="the withdrawal to be seen")
    assert await goes_to("ours")
    told = (await theirs.ask("GET", "/audit-log")).body["data"]
    assert [one["action"] for one in told][:2] == ["integration.account_withdrawn", "integration.account_granted"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("grant-account", "main", "whatsapp", "0"), 1, "claims no account '0' of the type whatsapp"),
        (("withdraw-account", "none", "hubspot", "0"), 1, "`workspace accounts` shows the claims"),
        (("grant-account", "main", "typeform", "0"), 2, "'typeform' is not one of"),
        (("grant-account", "main", "whatsapp"), 2, "Missing argument 'ACCOUNT'"),
    ],
)
def test_grant_without_a_claim_is_an_error(service: Service, words: tuple[str, ...], status: int, said: str) -> None:
    ended = service.stack.run("workspace", *words, check=False)
    assert (ended.returncode, ended.stdout, said in ended.stderr) == (status, "", True), ended.stderr
    assert "Traceback" not in ended.stderr
