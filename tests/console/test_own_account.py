"""The reader's own account: recovery codes are renewed after the password, and the old ones end."""

import re
from datetime import UTC, datetime

import pyotp

from shared.auth.passwords import PasswordHashing
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, WORKSPACE, ConsoleClient, console_client, make_account
from tests.support.stack import Stack

ACCOUNT, SECOND_FACTOR = "/console/me/account", "/console/me/second-factor"


async def enrol(client: ConsoleClient) -> list[str]:
    """The recovery codes of a second factor that was set up by the pages."""
    shown = await client.post_when_allowed(SECOND_FACTOR, {"password": PASSWORD})
    [secret] = set(re.findall(r'name="secret" value="(\w+)"', shown.text))
    code = pyotp.TOTP(secret).at(datetime.now(UTC))
    return codes_in((await client.post(f"{SECOND_FACTOR}/confirm", {"code": code, "secret": secret})).text)


def codes_in(page: str) -> list[str]:
    listed = page.partition('id="recovery-codes"')[2].partition("</ul>")[0]
    return re.findall(r">([a-z0-9-]+)</li>", listed)


async def test_recovery_codes_are_renewed_after_the_password(shared_stack: Stack) -> None:
    email = "codes@console.example"
    async with connect(shared_stack.database_url, "tests") as connection:
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        await make_account(connection, WORKSPACE, email, "agent", name="Ada", password_hash=password_hash)
    async with console_client(shared_stack.base, email) as client:
        without = await client.post_when_allowed(f"{SECOND_FACTOR}/recovery-codes", {"password": PASSWORD})
        assert (without.status, codes_in(without.text)) == (200, [])
        old = await enrol(client)
        refused = await client.post(f"{SECOND_FACTOR}/recovery-codes", {"password": "a wrong one"})
        assert (refused.status, codes_in(refused.text)) == (422, [])
        new = codes_in((await client.post_when_allowed(f"{SECOND_FACTOR}/recovery-codes", {"password": PASSWORD})).text)
        assert (len(new), set(new) & set(old)) == (len(old), set())
        assert "You have 10 recovery codes left." in (await client.get(ACCOUNT)).text
    async with console_client(shared_stack.base) as client:
        assert (await client.sign_in_when_allowed(email, code=old[0])).status == 200  # it asks again
        assert (await client.sign_in_when_allowed(email, code=new[0])).status == 303
