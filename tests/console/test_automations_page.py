"""The pages of automations: built from a recipe, edited where they stand, published, and seen to act on a lead."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.automation_pages import (
    AUTOMATIONS_PAGE,
    new_automation,
    press_button,
    publish_draft,
    stored_automation,
)
from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, post_leads, watched_page
from tests.support.console_leads import call_api
from tests.support.stack import Stack
from tests.support.waiting import until


@pytest_asyncio.fixture
async def agent(shared_stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[ConsoleClient]:
    async with console_client(shared_stack.base, readers["agent"].email) as signed_in:
        yield signed_in


async def lines(page: Page) -> list[str]:
    """The steps as the builder shows them."""
    return [re.sub(r"^Step \d+ of \d+:\s*", "", text) for text in await page.locator(".step-link").all_inner_texts()]


@needs_chromium
async def test_marketer_builds_one_from_a_recipe_and_it_acts_on_a_posted_lead(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    tag, name = f"talked-{secrets.token_hex(3)}", f"In turn {secrets.token_hex(3)}"
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(f"{AUTOMATIONS_PAGE}/new?recipe=turn")
        await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Open the builder").click()
        await expect(page.locator("h1")).to_have_text(name)
        await expect(page.locator(".tags").first).to_contain_text("not published yet")
        id_ = int(page.url.rsplit("/", 1)[1].partition("?")[0])

        await page.locator("[data-dismiss=toast]").click()

        # The last step, which tells the owner, becomes one that adds a tag.
        await page.locator(".step-link").nth(2).click()
        await page.get_by_label("What it does").select_option("add_tag")
        await page.get_by_label("Tag", exact=True).fill(tag)
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.locator(".step-link").nth(2)).to_contain_text(tag)
        await page.get_by_role("link", name="Set the status").click()
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.get_by_text("Choose a status.")).to_be_visible()
        await page.get_by_label("Status").select_option("qualified")
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.locator(".step-link").nth(3)).to_contain_text("Set the status to qualified")
        assert stored_automation(shared_stack, id_)["steps"] == []

        await page.get_by_role("button", name="Publish and switch on").click()
        await expect(page.locator(".toast")).to_contain_text("Version 1 is published, and acts from now on.")
        await expect(page.locator(".tags").first).to_contain_text("on, version 1")
        assert len(watched.faults) == 1, watched.faults  # the step without a status

    email = f"{secrets.token_hex(6)}@example.com"
    await post_leads(shared_stack, [{"email": email, "first_name": "Ada"}])

    def acted() -> dict[str, Any] | None:
        leads = call_api(shared_stack, "GET", f"/api/v1/leads?search={email}")
        return next((lead for lead in leads if tag in lead["tags"]), None)

    lead = until(acted, 60, "the automation's tag") or {}
    assert (lead["status"], lead["assigned_user_id"] is not None) == ("qualified", True)
    async with console_client(shared_stack.base, readers["manager"].email) as client:
        aside = (await client.get(f"{AUTOMATIONS_PAGE}/{id_}")).text.partition("<aside")[2]
    assert ("Last runs" in aside, f"/leads/{lead['id']}" in aside) == (True, True)
    call_api(shared_stack, "DELETE", f"/api/v1/automations/{id_}")


@needs_chromium
async def test_steps_are_moved_by_keys_buttons_and_dragging_and_a_deleted_one_comes_back(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    id_ = new_automation(shared_stack)["id"]
    async with watched_page(browser, shared_stack.base, readers["admin"].email) as watched:
        page = watched.page
        await watched.open(f"{AUTOMATIONS_PAGE}/{id_}")
        links = page.locator(".step-link")
        await links.nth(0).focus()
        await page.keyboard.press("Alt+ArrowDown")
        await expect(links.nth(1)).to_be_focused()
        await expect(links.nth(1)).to_contain_text("tag 1")
        await page.keyboard.press("Alt+ArrowDown")
        await expect(links.nth(2)).to_contain_text("tag 1")
        await page.get_by_role("button", name="Move step 3 up").click()
        await expect(links.nth(1)).to_contain_text("tag 1")

        start, end = [await page.locator("[data-grip]").nth(place).bounding_box() for place in (2, 0)]
        assert start
        assert end
        await page.mouse.move(start["x"] + 8, start["y"] + 8)
        await page.mouse.down()
        await page.mouse.move(end["x"] + 8, end["y"] + 8, steps=8)
        await page.mouse.up()
        await expect(links.nth(0)).to_contain_text("tag 3")
        assert await lines(page) == ["Add the tag tag 3", "Add the tag tag 2", "Add the tag tag 1"]

        await page.get_by_label("More for step 2").click()
        await page.get_by_role("button", name="Delete the step").click()
        await expect(links).to_have_count(2)
        await page.get_by_role("button", name="Undo").click()
        await expect(links).to_have_count(3)
        assert await lines(page) == ["Add the tag tag 3", "Add the tag tag 2", "Add the tag tag 1"]
        await expect(page.locator("aside")).to_contain_text("against version 1")
        assert [step["action"]["tag"] for step in stored_automation(shared_stack, id_)["steps"]] == [
            "tag 1",
            "tag 2",
            "tag 3",
        ]
        assert not watched.faults


@needs_chromium
async def test_conditions_nest_and_a_message_is_previewed_while_it_is_typed(
    browser: Browser, shared_stack: Stack, client: ConsoleClient, readers: dict[str, Reader]
) -> None:
    await post_leads(shared_stack, [{"email": f"{secrets.token_hex(6)}@example.com", "first_name": "<b>Zoë"}])
    id_ = new_automation(shared_stack)["id"]
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(f"{AUTOMATIONS_PAGE}/{id_}?part=0&new=condition")
        await page.locator('[name="c.0.field"]').select_option("status")
        await page.locator('select[name="c.0.value"]').select_option("new")
        await page.get_by_role("button", name="Add a group").click()
        await page.locator('[name="c.1.0.field"]').select_option("source")
        await page.locator('[name="c.1.0.value"]').fill("fair")
        await page.locator('[name="c.1.not"]').check()
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.locator(".step-link").nth(0)).to_contain_text("Status is new and not Source is fair")

        await watched.open(f"{AUTOMATIONS_PAGE}/{id_}?part=4&new=send_email")
        await page.get_by_label("Subject").fill("For {{ first_name }}")
        await expect(page.locator(".message")).to_contain_text("For <b>Zoë")
        await expect(page.locator(".message header")).to_contain_text("on lead <b>Zoë #")
        await page.get_by_label("Text", exact=True).fill("Hi {{ nickname }}")
        await expect(page.locator("#message-preview")).to_contain_text("“nickname” is no field of a lead")
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.locator("#body-problem")).to_contain_text("“nickname” is no field of a lead")
        await page.get_by_label("Text", exact=True).fill("Hi {{ first_name }}")
        await page.get_by_role("button", name="Keep the step").last.click()
        await expect(page.locator(".step-link")).to_have_count(5)
        assert len(watched.faults) == 1, watched.faults  # the refusal
        assert "422" in watched.faults[0]
    assert (await publish_draft(client, id_)).status == 303
    steps = stored_automation(shared_stack, id_)["steps"]
    assert steps[0]["condition"] == {
        "all": [
            {"field": "status", "operator": "equals", "value": "new"},
            {"not": {"any": [{"field": "source", "operator": "equals", "value": "fair"}]}},
        ]
    }
    assert steps[4]["action"] == {
        "type": "send_email",
        "to": "lead",
        "subject": "For {{ first_name }}",
        "body": "Hi {{ first_name }}",
    }


async def test_agents_see_what_runs_and_change_nothing(
    shared_stack: Stack, client: ConsoleClient, agent: ConsoleClient
) -> None:
    made = new_automation(shared_stack)
    id_ = made["id"]
    assert (await press_button(client, id_, "delete:0")).status == 303
    shown = await agent.get(f"{AUTOMATIONS_PAGE}/{id_}?part=0")
    assert shown.status == 200
    assert "Add the tag" in shown.text
    assert shown.text.count("tag 1") >= 1  # the draft is not theirs to see
    assert "<form" not in shown.text.partition("<main")[2].partition("</main")[0]
    assert (await agent.get(AUTOMATIONS_PAGE)).status == 200
    for below in ("draft", "publish", "discard", "switch", "delete", "undo", "preview", "versions/1/restore"):
        assert (await agent.post(f"{AUTOMATIONS_PAGE}/{id_}/{below}", {"do": "delete:0"})).status == 403, below
    assert (await agent.post(AUTOMATIONS_PAGE, {"recipe": "blank"})).status == 403
    assert stored_automation(shared_stack, id_)["steps"] == made["steps"]


@needs_chromium
async def test_menu_of_the_builder_opens_within_a_phone_and_escape_closes_it(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    automation, phone = new_automation(shared_stack), {"width": 390, "height": 844}
    async with watched_page(browser, shared_stack.base, readers["admin"].email, viewport=phone) as watched:
        page = watched.page
        await watched.open(f"{AUTOMATIONS_PAGE}/{automation['id']}")
        more = page.locator("summary[aria-label^='More: run it by hand']")
        await more.focus()
        await watched.press("Enter")
        box = await page.get_by_role("link", name="Delete the automation…").bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= phone["width"]
        await watched.press("Escape")
        await expect(page.get_by_role("link", name="Delete the automation…")).to_be_hidden()
        await expect(more).to_be_focused()
