"""The board in a browser: moves by mouse, keys and menu, undo, conflicts, filters, and more cards."""

import re
import secrets
from typing import Any

import aiohttp
from playwright.async_api import Browser, Locator, expect

from tests.support.console import Reader, WatchedPage, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead, new_pipeline
from tests.support.stack import Stack
from tests.support.waiting import until

STAGES: tuple[dict[str, object], ...] = ({"name": "Fresh"}, {"name": "Warm"}, {"name": "Won", "is_won": True})
JSON = {"Accept": "application/json"}


def column(watched: WatchedPage, name: str) -> Locator:
    """A column of the board."""
    return watched.page.get_by_role("region", name=re.compile(f"^{name}"))


def stored(stack: Stack, lead: dict[str, Any]) -> tuple[int, str]:
    """The stage and the status of a lead."""
    found = call_api(stack, "GET", f"/api/v1/leads/{lead['id']}")
    return found["pipeline_stage_id"], found["status"]


async def drag(watched: WatchedPage, card: Locator, onto: Locator) -> None:
    """Carry a card to a column with the mouse."""
    start, end = await card.bounding_box(), await onto.bounding_box()
    assert start
    assert end
    await watched.page.mouse.move(start["x"] + 30, start["y"] + 8)
    await watched.page.mouse.down()
    await watched.page.mouse.move(start["x"] + 60, start["y"] + 20)
    await watched.page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 60, steps=4)
    await expect(onto.locator(".slot")).to_have_count(1)
    await watched.page.mouse.up()


@needs_chromium
async def test_cards_are_moved_by_mouse_keys_and_menu_and_taken_back(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    pipeline = new_pipeline(shared_stack, *STAGES)
    fresh, warm, won = (stage["id"] for stage in pipeline["stages"])
    name = f"Ada {secrets.token_hex(4)}"
    lead = new_lead(shared_stack, first_name=name, pipeline_id=pipeline["id"])
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/pipeline?pipeline_id={pipeline['id']}")
        card = page.locator(f'[data-card="{lead["id"]}"]')
        await expect(column(watched, "Fresh").locator("[data-count]")).to_have_text("1")

        await drag(watched, card, column(watched, "Warm"))
        await expect(page.locator(".toast")).to_contain_text(f"{name} moved to Warm")
        await expect(column(watched, "Warm").locator("[data-card]")).to_have_count(1)
        await expect(column(watched, "Warm").locator("[data-count]")).to_have_text("1")
        assert stored(shared_stack, lead) == (warm, "new")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator(".toast")).to_contain_text("Taken back")
        assert stored(shared_stack, lead) == (fresh, "new")

        await card.get_by_role("link").focus()
        await page.keyboard.press("Shift+ArrowRight")
        await expect(page.locator(".toast")).to_contain_text("moved to Warm")
        await expect(card.get_by_role("link")).to_be_focused()
        await page.keyboard.press("m")
        await expect(page.get_by_role("menuitem", name="Warm")).to_be_disabled()
        await page.keyboard.press("3")
        await expect(page.locator(".toast")).to_contain_text("moved to Won")
        assert stored(shared_stack, lead) == (won, "converted")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator(".toast")).to_contain_text("Taken back")
        assert stored(shared_stack, lead) == (warm, "new")

        call_api(shared_stack, "PUT", f"/api/v1/leads/{lead['id']}", {"pipeline_stage_id": fresh})
        await card.get_by_role("button", name=re.compile("Move .* to another stage")).click()
        await page.get_by_role("menuitem", name="Won").click()
        await expect(page.locator(".toast")).to_contain_text("somebody has moved")
        await expect(column(watched, "Fresh").locator("[data-card]")).to_have_count(1)
        assert stored(shared_stack, lead) == (fresh, "new")
        assert [fault for fault in watched.faults if "409" not in fault] == []


@needs_chromium
async def test_a_long_column_is_read_in_parts_and_filtered_as_the_list(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    pipeline, source = new_pipeline(shared_stack, *STAGES), f"crowd-{secrets.token_hex(4)}"
    leads = [{"email": f"{secrets.token_hex(8)}@example.com", "source": source, "pipeline_id": pipeline["id"]}] * 1
    leads += [{**leads[0], "email": f"{secrets.token_hex(8)}@example.com"} for _ in range(29)]
    async with aiohttp.ClientSession(headers={**shared_stack.headers, "Prefer": "wait=5"}) as session:
        for lead in leads:
            async with session.post(shared_stack.inbound, json=lead) as answer:
                assert answer.status == 201
    options = {"locale": "ar", "viewport": {"width": 390, "height": 844}}
    async with watched_page(browser, shared_stack.base, readers["manager"].email, **options) as watched:
        page = watched.page
        await watched.open(f"/console/main/pipeline?pipeline_id={pipeline['id']}&source={source}")
        first = page.locator("[data-stage]").first
        await expect(first.locator("[data-count]")).to_have_text("30")
        await expect(first.locator("[data-card]")).to_have_count(25)
        await first.locator("form button").click()
        await expect(first.locator("[data-card]")).to_have_count(30)
        await expect(first.locator("form button")).to_have_count(0)
        await first.locator("[data-card] a").first.focus()
        await page.keyboard.press("Shift+ArrowLeft")  # the next column is to the left
        await expect(page.locator("[data-stage]").nth(1).locator("[data-card]")).to_have_count(1)
        await expect(first.locator("[data-count]")).to_have_text("29")
        assert await watched.excess_width() <= 0
        await watched.open(f"/console/main/pipeline?pipeline_id={pipeline['id']}&source=no-such-source")
        await expect(page.locator("[data-card]")).to_have_count(0)
        assert watched.faults == []


async def test_leads_without_a_stage_have_a_column_of_their_own(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    pipeline = new_pipeline(shared_stack, *STAGES)
    fresh, warm, _ = (stage["id"] for stage in pipeline["stages"])
    lead = new_lead(shared_stack, pipeline_id=pipeline["id"], pipeline_stage_id=warm)
    path = f"/console/main/pipeline?pipeline_id={pipeline['id']}"
    async with console_client(shared_stack.base, readers["agent"].email) as agent:
        assert 'data-stage="0"' not in (await agent.get(path)).text
        call_api(shared_stack, "PATCH", f"/api/v1/leads/{lead['id']}", {"pipeline_stage_id": None})
        until(lambda: stored(shared_stack, lead)[0] is None, what="the end of the stage")
        shown = (await agent.get(path)).text
        assert 'data-stage="0"' in shown
        assert f'data-card="{lead["id"]}"' in shown
        form = {"lead": str(lead["id"]), "stage": str(fresh), "seen": "0"}
        moved = await agent.post("/console/main/pipeline/move", form, **JSON)
        assert (moved.status, stored(shared_stack, lead)[0]) == (200, fresh)
        again = await agent.post("/console/main/pipeline/move", form, **JSON)
        assert (again.status, "meanwhile" in again.text) == (409, True)
        for wrong in ({}, {**form, "lead": "x"}, {**form, "lead": str(2**60)}):
            assert (await agent.post("/console/main/pipeline/move", wrong, **JSON)).status == 404
        foreign = {**form, "stage": str(2**50), "seen": str(fresh)}
        assert (await agent.post("/console/main/pipeline/move", foreign, **JSON)).status == 422
