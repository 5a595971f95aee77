"""Rows of the list of leads: changed in place with undo, looked at beside the list, and fresh when a job ends."""

import re
import secrets
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from services.console.web.colors import nearest_hue
from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead, new_pipeline
from tests.support.stack import Stack
from tests.support.waiting import until

LIST = "/console/main/leads"
JSON = "application/json"
SCRIPT = {"HX-Request": "true"}


def lead_now(stack: Stack, lead_id: int) -> dict[str, Any]:
    record: dict[str, Any] = call_api(stack, "GET", f"/api/v1/leads/{lead_id}")
    return record


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def move_and_take_back(
    page: Page, row: Locator, stack: Stack, lead_id: int, stages: list[dict[str, Any]]
) -> None:
    """Move the lead from the first stage to the last by keys, and undo it."""
    toast, (first, won) = page.locator("[data-toast]"), stages
    await press(page, "j", "m")
    await page.get_by_role("button", name=won["name"]).press("Enter")
    await expect(row).to_contain_text(won["name"])
    await expect(toast).to_contain_text(f"moved to {won['name']}")
    assert lead_now(stack, lead_id)["status"] == "converted"
    await expect(page.locator("a.name")).to_be_focused()
    await toast.get_by_role("button", name="Undo").click()
    await expect(row).to_contain_text(first["name"])
    await expect(toast).to_contain_text("It is taken back.")
    now = lead_now(stack, lead_id)
    assert (now["pipeline_stage_id"], now["status"]) == (first["id"], "new")


async def assign(page: Page, row: Locator, stack: Stack, lead_id: int, owner: dict[str, Any]) -> None:
    await press(page, "o")
    await page.keyboard.type(owner["name"].lower())
    await press(page, "Enter")
    await expect(row).to_contain_text(owner["name"])
    await expect(page.locator("[data-toast]")).to_contain_text(f"is assigned to {owner['name']}")
    assert lead_now(stack, lead_id)["assigned_user_id"] == owner["id"]


async def tag_and_take_back(page: Page, row: Locator, stack: Stack, lead_id: int) -> None:
    toast, tag = page.locator("[data-toast]"), f"hot-{secrets.token_hex(4)}"
    await press(page, "#")
    await page.keyboard.type(tag)
    await press(page, "Enter")
    await expect(row.locator(".tag")).to_have_text([tag])
    await expect(toast).to_contain_text(f"has the tag {tag}")
    assert lead_now(stack, lead_id)["tags"] == [tag]
    await toast.get_by_role("button", name="Undo").click()
    await expect(row.locator(".tag")).to_have_count(0)
    until(lambda: lead_now(stack, lead_id)["tags"] == [], what="the undo")


@needs_chromium
async def test_stage_owner_and_tags_are_changed_from_the_row(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source = f"rows-{secrets.token_hex(4)}"
    board = new_pipeline(shared_stack, {"name": f"Entry {source}"}, {"name": f"Won {source}", "is_won": True})
    first, won = board["stages"]
    user = {"name": f"Olga {secrets.token_hex(3)}", "email": f"{secrets.token_hex(8)}@example.com"}
    owner = call_api(shared_stack, "POST", "/api/v1/users", user)
    lead_id = new_lead(shared_stack, source=source, pipeline_stage_id=first["id"])["id"]
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page, row = watched.page, watched.page.locator("tr[data-row]")
        await watched.open(f"{LIST}?source={source}")
        await move_and_take_back(page, row, shared_stack, lead_id, board["stages"])
        await assign(page, row, shared_stack, lead_id, owner)
        await tag_and_take_back(page, row, shared_stack, lead_id)

        # Somebody else was quicker: their change stands, and the row shows it.
        call_api(shared_stack, "PATCH", f"/api/v1/leads/{lead_id}", {"pipeline_stage_id": won["id"]})
        call_api(shared_stack, "PATCH", f"/api/v1/leads/{lead_id}", {"assigned_user_id": None})
        await row.locator("[data-row-edit=owner]").click()
        await page.locator("[data-row-menu=owner] button", has_text="Ada Lovelace").first.click()
        await expect(page.locator("[data-toast]")).to_contain_text("assigned Mary to nobody meanwhile")
        await expect(row).not_to_contain_text(owner["name"])
        assert [fault for fault in watched.faults if "409" not in fault] == []


@needs_chromium
async def test_a_lead_is_looked_at_beside_the_list(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source = f"peek-{secrets.token_hex(4)}"
    names = [f"Ottoline {source}", f"Barnaby {source}"]
    for name in names:
        new_lead(shared_stack, first_name=name, source=source, company="Analytical <Engines>")
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"{LIST}?source={source}&sort=created_at&direction=asc")
        panel = page.get_by_role("complementary", name="A look at a lead")
        await press(page, "j", " ")
        await expect(panel.get_by_role("heading", name=names[0])).to_be_focused()
        await expect(panel).to_contain_text("Analytical <Engines>")
        await expect(panel).to_contain_text("New lead")
        await press(page, "j")
        await expect(panel.get_by_role("heading", name=names[1])).to_be_visible()
        await press(page, "ArrowUp")
        await expect(panel.get_by_role("heading", name=names[0])).to_be_visible()
        await press(page, "Escape")
        await expect(panel).to_be_hidden()
        await expect(page.get_by_role("link", name=names[0], exact=True)).to_be_focused()
        await page.locator("tr[data-row]").nth(1).hover()
        await page.get_by_role("link", name=f"Look at {names[1]} beside the list").click()
        await expect(panel.get_by_role("heading", name=names[1])).to_be_focused()
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await watched.excess_width() == 0
        await panel.get_by_role("button", name="Close").click()
        await expect(panel).to_be_hidden()
        assert watched.faults == []


async def test_a_stage_has_its_colour_in_the_list_its_menu_and_beside_it(
    client: ConsoleClient, shared_stack: Stack
) -> None:
    source = f"hues-{secrets.token_hex(4)}"
    colors = ("#cc473d", "#3d74cc", "")  # the last one has the hue of its place
    stages: list[dict[str, object]] = [{"name": f"{source} {n}", "color": one or None} for n, one in enumerate(colors)]
    board = new_pipeline(shared_stack, *stages)
    dots = []
    for stage in board["stages"]:
        lead = new_lead(shared_stack, source=source, pipeline_stage_id=stage["id"])
        dot = f'hue-{nearest_hue(stage["color"], stage["position"])}"></span> ?<bdi>{stage["name"]}<'
        dots.append(dot)
        assert re.search(dot, (await client.get(f"{LIST}/{lead['id']}/peek", **SCRIPT)).text)
    assert [dot[:5] for dot in dots[:2]] == ["hue-1", "hue-6"]
    listed = (await client.get(f"{LIST}?source={source}")).text
    assert [len(re.findall(dot, listed)) for dot in dots] == [2, 2, 2]  # in the row, and in the menu


async def test_who_changes_and_sees_what_of_rows(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    secret = f"secret{secrets.token_hex(6)}"
    lead = new_lead(shared_stack, source=secret, first_name=secret, notes=secret, email=f"{secret}@example.com")
    row, peek = f"{LIST}/{lead['id']}/row", f"{LIST}/{lead['id']}/peek"
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        listed = (await reader.get(f"{LIST}?source={secret}")).text
        assert "data-row-edit" not in listed
        assert "data-row-menu" not in listed
        looked = await reader.get(peek, **SCRIPT)
        shown = looked.text.replace(f"source {secret}", "").replace(f"<bdi>{secret}</bdi>", "", 1)
        assert (looked.status, "hidden for your role" in shown, f"{secret}@" in shown) == (200, True, False)
        assert "mailto:" not in shown
        assert (await reader.post(row, {"field": "stage", "value": "0", "seen": "0"})).status == 403
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        elsewhere = f"/console/elsewhere/leads/{lead['id']}"
        assert (await stranger.get(f"{elsewhere}/peek", **SCRIPT)).status == 404
        sent = {"field": "add_tag", "value": "theirs"}
        assert (await stranger.post(f"{elsewhere}/row", sent, Accept=JSON)).status == 404
    # Without scripts a look is the lead's page, and a change says what came of it there.
    assert (await client.get(peek)).location == f"{LIST}/{lead['id']}"
    assert (await client.post(row, {"field": "add_tag", "value": "plain"})).location == f"{LIST}/{lead['id']}"
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"field": "stage", "value": "x", "seen": "0"},
        {"field": "stage", "value": str(2**52), "seen": "0"},
        {"field": "owner", "value": str(2**70), "seen": "0"},
        {"field": "add_tag", "value": "  "},
        {"field": "add_tag", "value": "a\0b"},
        {"field": "notes", "value": "1", "seen": "1"},
    )
    for sent in wrong:
        refused = await client.post(row, sent, Accept=JSON)
        assert refused.status in (200, 409, 422), (sent, refused.status)
        assert '"text":' in refused.text
    for sent in ({"add_tags": "a\0b"}, {"remove_tags": "\0"}):
        assert (await client.post(f"{LIST}/{lead['id']}/change", sent)).status == 303, sent
    now = lead_now(shared_stack, lead["id"])
    assert (now["notes"], now["tags"]) == (secret, ["plain"])


@needs_chromium
async def test_a_list_shows_the_end_of_an_edit_and_keeps_its_undo(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source, tag = f"many-{secrets.token_hex(4)}", f"fair-{secrets.token_hex(4)}"
    leads = [new_lead(shared_stack, source=source) for _ in range(2)]
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(f"{LIST}?source={source}&sort=lead_score")
        await press(page, "j", "x", "j", "x", "e")
        await page.get_by_role("combobox", name="Add tags").fill(tag)
        await page.get_by_role("button", name="Edit 2").click()
        await page.wait_for_url(re.compile(r"/leads\?"))
        await expect(page.locator("tr[data-row]").filter(has_text=tag)).to_have_count(2)
        toast = page.locator("[data-toast]")
        await expect(toast).to_contain_text("Edit 2 leads: all done")
        await page.wait_for_timeout(9000)  # longer than other toasts stay
        await toast.get_by_role("button", name="Undo").click()
        await page.wait_for_url(re.compile(r"/leads\?"))
        await expect(page.locator("tr[data-row]").filter(has_text=tag)).to_have_count(0)
        assert [lead_now(shared_stack, lead["id"])["tags"] for lead in leads] == [[], []]
        await toast.get_by_role("button", name="Close").click()
        await expect(toast).to_have_count(0)
        assert watched.faults == []


async def test_long_values_take_two_lines_and_names_one(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader], browser: Browser
) -> None:
    source = f"long-{secrets.token_hex(4)}"
    lead = new_lead(
        shared_stack, source=source, first_name="Maximiliane-Theodora " * 6, company="Import und Export " * 11
    )
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await page.set_viewport_size({"width": 1440, "height": 900})
        await watched.open(f"{LIST}?source={source}")
        box = await page.locator("tr[data-row]").bounding_box()
        assert box is not None
        assert box["height"] < 70
        await expect(page.get_by_role("columnheader", name="Created")).to_be_in_viewport()
        await watched.open(f"{LIST}/{lead['id']}")
        box = await page.get_by_role("heading", level=1).bounding_box()
        assert box is not None
        assert box["height"] < 50
        await page.emulate_media(media="print")
        assert await page.locator("form:visible, .main .button:visible").count() == 0
        assert watched.faults == []
    assert (await client.get(f"{LIST}/{lead['id']}")).status == 200
