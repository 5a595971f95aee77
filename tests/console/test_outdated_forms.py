"""Forms that were open in two windows: what the other one saved is not overwritten without a word."""

import re
import secrets

from tests.support.console import ConsoleClient, Shown, shown_mark
from tests.support.console_routes import make_integration, make_webhook
from tests.support.provider_signing import CREDENTIALS
from tests.support.stack import Stack


async def test_edit_of_another_window_is_not_overwritten_unsaid(shared_stack: Stack, client: ConsoleClient) -> None:
    page = f"/console/main/webhooks/{make_webhook(shared_stack)['id']}"
    mark = shown_mark((await client.get(f"{page}/edit")).text)
    form = {"url": "https://crm.example.com/two", "events": "lead.created", "shown_values": mark}
    assert (await client.post(page, {**form, "events": "tag.added"})).status == 303
    late = await client.post(page, {**form, "description": "late"})
    assert (late.status, "changed meanwhile" in late.text, ">late</textarea>" in late.text) == (409, True, True)
    assert (await client.post(page, {**form, "shown_values": shown_mark(late.text)})).status == 303


async def test_settings_of_another_window_are_not_overwritten_unsaid(
    shared_stack: Stack, client: ConsoleClient
) -> None:
    source = make_integration(shared_stack, "typeform", "Quiz in two windows", **CREDENTIALS["typeform"])
    page = f"/console/main/sources/{source['id']}"
    mark = shown_mark((await client.get(page)).text)
    form = {"name": "Quiz in two windows", "merge_policy": "overwrite", "shown_values": mark}
    assert (await client.post(f"{page}/settings", {**form, "tags": "first"})).status == 303
    late = await client.post(f"{page}/settings", {**form, "source": "late"})
    assert (late.status, "changed meanwhile" in late.text, 'value="late"' in late.text) == (409, True, True)
    assert 'value="first"' in (await client.get(page)).text
    again = {**form, "source": "late", "shown_values": shown_mark(late.text)}
    assert (await client.post(f"{page}/settings", again)).status == 303


async def test_a_setting_of_another_window_is_not_overwritten_unsaid(
    shared_stack: Stack, client: ConsoleClient
) -> None:
    page = "/console/main/settings/workspace"

    async def change(country: str, mark: str, seen: str = "") -> Shown:
        form = {"section": "place", "country": country, "timezone": "UTC", "shown_values": mark, "seen": seen}
        return await client.post(page, form)

    mark = place_mark((await client.get(page)).text)
    first = await change("NO", mark)
    assert (await change("NO", mark, seen_change(first.text))).status == 303
    late = await change("SE", mark, seen_change(first.text))
    assert (late.status, "changed meanwhile" in late.text, "changed, was" in late.text) == (409, True, True)
    query = f"section=place&country=SE&timezone=UTC&shown_values={mark}"
    assert "changed meanwhile" in (await client.get(f"{page}?{query}")).text
    assert (await change("US", place_mark(late.text), "not seen")).status == 200
    again = await change("US", place_mark(late.text))
    assert (await change("US", place_mark(late.text), seen_change(again.text))).status == 303


def place_mark(page: str) -> str:
    return shown_mark(page[page.index('name="section" value="place"') :])


def seen_change(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found, page
    return found[1]


async def test_a_tag_that_another_window_renamed_keeps_that_name(shared_stack: Stack, client: ConsoleClient) -> None:
    page, name = "/console/main/settings/tags", f"two windows {secrets.token_hex(4)}"
    assert (await client.post(page, {"name": name})).status == 303
    listed = (await client.get(f"{page}?q={name}")).text
    id_ = re.search(r"tags\?edit=(\d+)", listed)
    assert id_
    mark = shown_mark((await client.get(f"{page}?edit={id_[1]}")).text)
    form = {"shown_values": mark, "keeps_name": "1"}
    assert (await client.post(f"{page}/{id_[1]}", {**form, "name": f"{name} first"})).status == 303
    late = await client.post(f"{page}/{id_[1]}", {**form, "name": f"{name} late"})
    assert (late.status, "changed meanwhile" in late.text, f'value="{name} late"' in late.text) == (409, True, True)
    assert f"<bdi>{name} first</bdi>" in (await client.get(f"{page}?q={name}")).text
    again = {**form, "name": f"{name} late", "shown_values": shown_mark(late.text)}
    assert (await client.post(f"{page}/{id_[1]}", again)).status == 303
