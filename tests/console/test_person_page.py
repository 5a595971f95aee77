"""A person's data in the console: what is held, all of it as a file, the erasure; and retention."""

import json
import secrets

from tests.support.console import ConsoleClient, Reader, console_client
from tests.support.console_leads import post_inbound
from tests.support.stack import Stack

HOSTILE = "<script>alert(1)</script> Smith"


async def test_a_person_is_shown_and_erased(shared_stack: Stack, client: ConsoleClient) -> None:
    email = f"{secrets.token_hex(8)}@example.com"
    lead = post_inbound(shared_stack, email=email, first_name=HOSTILE)
    page = await client.get(f"/console/main/leads/{lead}/person")
    assert page.status == 200
    assert email in page.text
    assert HOSTILE not in page.text
    report = json.loads((await client.get(f"/console/main/leads/{lead}/person.json")).text)["data"]
    assert report["lead"]["email"] == email

    erase = f"/console/main/leads/{lead}/erase"
    refused = await client.post(erase, {"typed": "Somebody else", "why": "asked"})
    assert refused.status == 422
    assert "Type the name exactly" in refused.text
    form = {"typed": f"#{lead}", "why": "asked", "reference": f"{email} wrote", "tell": "1"}
    erased = await client.post(erase, form)
    assert (erased.status, erased.location) == (303, f"/console/main/leads/{lead}/person")
    after = await client.get(erased.location)
    assert f"Lead #{lead} is erased" in after.text
    assert "[erased] wrote" in after.text
    assert email not in after.text
    assert (await client.get(f"/console/main/leads/{lead}")).location == erased.location
    assert (await client.post(erase, form)).status == 404


async def test_only_admins_erase_and_agents_see_no_report(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    lead = post_inbound(shared_stack, email=f"{secrets.token_hex(8)}@example.com", first_name="Ada")
    path = f"/console/main/leads/{lead}"
    for role, seen in (("manager", 200), ("agent", 403), ("read_only", 403)):
        async with console_client(shared_stack.base, readers[role].email) as client:
            page = await client.get(f"{path}/person")
            assert page.status == seen, role
            assert "Erase this person" not in page.text
            assert (await client.post(f"{path}/erase", {"typed": f"#{lead}"})).status == 403, role


async def test_retention_is_kept_and_has_limits(client: ConsoleClient) -> None:
    path = "/console/main/settings/retention"
    assert (await client.get(path)).status == 200
    wrong = await client.post(path, {"submissions_days": "soon", "held_days": "30"})
    assert wrong.status == 422
    assert "whole number of days" in wrong.text
    short = await client.post(path, {"activities_days": "5"})
    assert "at least as long as submissions" in short.text
    try:
        assert (await client.post(path, {"held_days": "36"})).status == 303
        assert 'value="36"' in (await client.get(path)).text
    finally:
        await client.post(path, {})
