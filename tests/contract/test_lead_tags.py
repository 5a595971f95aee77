"""Tags of one lead come and go by their names."""

import asyncio
import secrets
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.contract.service import Service, ask, new_email, post_lead
from tests.contract.test_leads import LEADS, make
from tests.contract.workspaces import new_workspace
from tests.support.waiting import until_async


@pytest.mark.parametrize("name", ["vip-client", "a b/c", "100% ☕", "O'Neil; DROP", "..%2f"])
async def test_tags_are_added_and_removed_one_by_one(client: aiohttp.ClientSession, name: str) -> None:
    name = f"{name}{secrets.token_hex(3)}"
    lead = await make(client, tags=["first"])
    path = f"{LEADS}/{lead['id']}/tags"
    for spelt in (name, name.upper()):
        answer = await ask(client, "POST", path, json={"tag": spelt})
        assert (answer.status, answer.body["data"]["tags"]) == (200, ["first", name])
    other = quote(f"{name}!", safe="")
    for missing in (other, "%00", "%FF", "nobody"):
        assert (await ask(client, "DELETE", f"{path}/{missing}")).status == 404
    url = client._build_url(path).with_path(f"{path}/{quote(name.swapcase(), safe='')}", encoded=True)
    answer = await ask(client, "DELETE", url)
    assert (answer.status, answer.body["data"]["tags"]) == (200, ["first"])
    assert (await ask(client, "DELETE", url)).status == 404


async def test_concurrent_tag_removals_succeed_once(service: Service, client: aiohttp.ClientSession) -> None:
    lead = await make(client, tags=["once"])
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'leadhub api' AND wait_event_type = 'Lock'"
    with service.stack.database() as database, service.stack.database() as holder:
        with holder.transaction():
            holder.execute("SELECT FROM leads WHERE id = %s FOR UPDATE", (lead["id"],))
            asked = [asyncio.create_task(ask(client, "DELETE", f"{LEADS}/{lead['id']}/tags/ONCE")) for _ in range(2)]
            await until_async(lambda: database.execute(waiting).rowcount == 2, what="both at the lead")
        assert sorted([(await one).status for one in asked]) == [200, 404]


async def test_a_tag_with_two_small_letters_for_one_capital_is_one_in_any_case(client: aiohttp.ClientSession) -> None:
    small = f"{secrets.token_hex(3)} οδος"
    lead = await make(client, tags=[small, small.upper()], email=new_email())
    assert lead["tags"] == [small]
    await post_lead(client, {"email": lead["email"], "tags": [small.upper(), small.replace("ς", "σ")]})
    answer = await ask(client, "GET", f"{LEADS}?tag={quote(small.upper())}")
    assert [(found["id"], found["tags"]) for found in answer.body["data"]] == [(lead["id"], [small])]
    answer = await ask(client, "DELETE", f"{LEADS}/{lead['id']}/tags/{quote(small.upper())}")
    assert (answer.status, answer.body["data"]["tags"]) == (200, [])


@pytest.mark.parametrize("tag", [None, "", "  ", "\u202e", "\u200b \u2060", 1, ["a"], "x" * 101, "a\0"])
async def test_invalid_tags_are_refused(client: aiohttp.ClientSession, tag: Any) -> None:
    lead = await make(client)
    answer = await ask(client, "POST", f"{LEADS}/{lead['id']}/tags", json={"tag": tag})
    assert (answer.status, list(answer.body["errors"])) == (422, ["tag"])


async def test_a_tag_that_was_merged_is_another_name_of_the_other(service: Service) -> None:
    async with new_workspace(service) as own, new_workspace(service) as other:
        both = await own.lead(tags=["webinar", "webinars"])
        one = await own.lead(tags=["Webinars"])
        tags = {tag["name"]: tag for tag in (await own.ask("GET", "/tags")).body["data"]}
        stays, going = tags["webinar"], tags["webinars"]
        path = f"/tags/{going['id']}"
        for into in (going["id"], 2**50, None, "x"):
            assert list(await own.errors("POST", f"{path}/merge", {"into": into})) == ["into"]
        moved = await own.ask("POST", f"{path}/merge", {"into": stays["id"], "confirm": 7})
        assert (moved.status, moved.body["count"]) == (409, 2)
        assert (await other.ask("POST", f"{path}/merge", {"into": stays["id"]})).status == 404
        merged = (await own.ask("POST", f"{path}/merge", {"into": stays["id"], "confirm": 2})).body["data"]
        assert (merged["id"], merged["leads_count"], merged["aliases"]) == (stays["id"], 2, ["webinars"])
        assert (await own.ask("POST", f"{path}/merge", {"into": stays["id"]})).status == 404
        for method in ("GET", "PATCH", "DELETE"):
            assert (await own.ask(method, path, {} if method == "PATCH" else None)).status == 404
        assert (await own.errors("POST", "/tags", {"name": "WEBINARS"})).keys() == {"name"}

        for lead in (both, one):
            assert (await own.show(f"/leads/{lead}"))["tags"] == ["webinar"]
        late = await own.lead(tags=["WEBINARS", "new"])
        assert (await own.show(f"/leads/{late}"))["tags"] == ["webinar", "new"]
        entry = (await own.ask("GET", f"/leads/{late}/activities")).body["data"][-1]
        assert entry["data"]["tags_added"] == ["webinar", "new"]
        plain = await own.lead()
        assert (await own.ask("POST", f"/leads/{plain}/tags", {"tag": "webinars"})).body["data"]["tags"] == ["webinar"]
        assert (await own.ask("GET", "/leads?tag=webinars")).body["meta"]["total"] == 4
        assert (await own.ask("DELETE", f"/leads/{plain}/tags/webinar")).body["data"]["tags"] == []

        aliases = f"/tags/{stays['id']}/aliases"
        assert (await other.ask("DELETE", f"{aliases}/webinars")).status == 404
        assert (await own.ask("DELETE", f"{aliases}/%00")).status == 404
        assert (await own.ask("DELETE", f"{aliases}/webinars")).status == 204
        anew = await own.lead(tags=["webinars"])
        assert (await own.show(f"/leads/{anew}"))["tags"] == ["webinars"]
