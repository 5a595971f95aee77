"""The set-up of pipelines: a manager orders, renames and removes stages in a browser; others only see them."""

import re
import secrets
from typing import Any

from playwright.async_api import Browser, expect

from tests.support.console import Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead, new_pipeline
from tests.support.stack import Stack

HOSTILE = '<img src=x onerror="alert(1)">'
PAGE = "/console/main/settings/pipelines"
STAGES: tuple[dict[str, object], ...] = ({"name": "Fair"}, {"name": HOSTILE}, {"name": "Won", "is_won": True})


def stages_of(stack: Stack, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages by position."""
    found: dict[str, Any] = call_api(stack, "GET", f"/api/v1/pipelines/{pipeline['id']}")
    return list(found["stages"])


def names_of(stack: Stack, pipeline: dict[str, Any]) -> list[str]:
    return [stage["name"] for stage in stages_of(stack, pipeline)]


@needs_chromium
async def test_a_manager_orders_changes_and_removes_stages(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    pipeline = new_pipeline(shared_stack, *STAGES)
    fair, hostile, won = (stage["id"] for stage in pipeline["stages"])
    lead = new_lead(shared_stack, pipeline_id=pipeline["id"])
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(PAGE)
        section = page.locator(f"#pipeline-{pipeline['id']}")
        rows = section.locator("[data-sortable-row]")
        await expect(rows).to_have_count(3)

        await page.locator(f"#stage-{fair} [data-order-grip]").press("ArrowDown")
        await expect(rows.nth(1)).to_have_id(f"stage-{fair}")
        await expect(page.locator(f"#stage-{fair} [data-order-grip]")).to_be_focused()
        await page.locator(f"#stage-{fair}").get_by_role("button", name=re.compile("up$")).click()
        await expect(rows.nth(0)).to_have_id(f"stage-{fair}")
        grip, end = page.locator(f"#stage-{won} [data-order-grip]"), await rows.nth(0).bounding_box()
        start = await grip.bounding_box()
        assert start
        assert end
        await page.mouse.move(start["x"] + 5, start["y"] + 5)
        await page.mouse.down()
        await page.mouse.move(start["x"] + 5, end["y"] + end["height"] / 2, steps=6)
        await page.mouse.up()
        await expect(rows.nth(0)).to_have_id(f"stage-{won}")
        assert names_of(shared_stack, pipeline) == ["Won", "Fair", HOSTILE]

        await page.locator(f"#stage-{hostile} a.name").click()
        await page.locator("input[name=name]").fill("Asked")
        await page.get_by_text("teal").click()
        await page.locator(".dialog button.primary").click()
        await expect(page.locator(f"#stage-{hostile} .hue-4")).to_have_count(1)

        await page.locator(f"#stage-{fair} a.danger").click()
        await page.locator("select[name=to]").select_option(str(hostile))
        await page.locator("input[name=count]").fill("1")
        await page.locator(".dialog button.danger").click()
        await expect(rows).to_have_count(2)
        assert names_of(shared_stack, pipeline) == ["Won", "Asked"]
        assert call_api(shared_stack, "GET", f"/api/v1/leads/{lead['id']}")["pipeline_stage_id"] == hostile
        assert await watched.excess_width() <= 0
        assert watched.faults == []


@needs_chromium
async def test_a_description_stands_above_the_buttons_on_a_phone(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    pipeline = new_pipeline(shared_stack, *STAGES)
    said = {"description": "For those who came to the fair, and for all whom they sent."}
    call_api(shared_stack, "PATCH", f"/api/v1/pipelines/{pipeline['id']}", said)
    phone = {"width": 390, "height": 844}
    async with watched_page(browser, shared_stack.base, readers["manager"].email, viewport=phone) as watched:
        await watched.open(PAGE)
        head = watched.page.locator(f"#pipeline-{pipeline['id']} .section-head")
        note, buttons = await head.locator(".section-note").bounding_box(), await head.locator(".more").bounding_box()
        assert note
        assert buttons
        assert note["y"] + note["height"] <= buttons["y"]


async def test_others_see_pipelines_and_change_none(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    pipeline = new_pipeline(shared_stack, *STAGES)
    fair = pipeline["stages"][0]["id"]
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        shown = await reader.get(f"{PAGE}?stage={fair}")
        assert (shown.status, HOSTILE in shown.text, "data-order-grip" in shown.text) == (200, False, False)
        for path in (PAGE, f"{PAGE}/{pipeline['id']}/default", f"/console/main/settings/stages/{fair}/move"):
            assert (await reader.post(path, {"name": "x", "position": "2"})).status == 403
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        theirs = "/console/elsewhere/settings"
        for path in (f"pipelines/{pipeline['id']}", f"stages/{fair}", f"stages/{fair}/delete", f"stages/{fair}/move"):
            assert (await stranger.post(f"{theirs}/{path}", {"name": "x", "position": "1"})).status == 404
        assert (await stranger.get(f"{theirs}/pipelines?remove={fair}")).status == 404
    assert names_of(shared_stack, pipeline) == ["Fair", HOSTILE, "Won"]


async def test_a_pipeline_from_making_to_deleting(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    name = f"{HOSTILE} {secrets.token_hex(4)}"
    async with console_client(shared_stack.base, readers["manager"].email) as manager:
        for wrong in ("", "  ", "x" * 10_000, "a\0b"):
            assert (await manager.post(PAGE, {"name": wrong})).status == 422, wrong[:9]
        assert (await manager.post(PAGE, {"name": name})).status == 303
        found = call_api(shared_stack, "GET", "/api/v1/pipelines")[0]
        assert (found["name"], len(found["stages"])) == (name, 3)
        base = f"{PAGE}/{found['id']}"
        assert (await manager.post(base, {"name": "Partners", "description": "x"})).status == 303
        assert (await manager.post(f"{base}/stages", {"name": "", "hue": "9"})).status == 422
        assert (await manager.post(f"{base}/stages", {"name": "Last", "hue": "2", "outcome": "lost"})).status == 303
        last = stages_of(shared_stack, found)[-1]
        assert (last["name"], last["is_lost"], last["position"]) == ("Last", True, 4)
        for position in ("0", "x", "", "9" * 30, "-1"):
            moved = await manager.post(f"/console/main/settings/stages/{last['id']}/move", {"position": position})
            assert moved.status == 303
        for query in ("stage=" + "9" * 18, "remove=0", "rename=99999"):
            assert (await manager.get(f"{PAGE}?{query}")).status in (200, 404)
        new_lead(shared_stack, pipeline_stage_id=last["id"])
        removal = f"/console/main/settings/stages/{last['id']}/delete"
        to = str(found["stages"][0]["id"])
        refusals: list[dict[str, str]] = [
            {},
            {"count": "2", "to": to},
            {"count": "2", "shown": "2", "to": to},
            {"count": "1"},
            {"count": "1", "to": str(last["id"])},
        ]
        for sent in refusals:
            assert (await manager.post(removal, sent)).status == 422
        new_lead(shared_stack, pipeline_stage_id=last["id"])  # while the number is typed
        assert (await manager.post(removal, {"count": "١", "shown": "1", "to": to})).status == 303
        refused = await manager.post(f"{base}/delete", {})
        assert (refused.status, "neither can be deleted" in refused.text) == (422, True)
        for lead in call_api(shared_stack, "GET", f"/api/v1/leads?pipeline_id={found['id']}"):
            call_api(shared_stack, "DELETE", f"/api/v1/leads/{lead['id']}")
        assert (await manager.post(f"{base}/delete", {})).status == 303
    assert found["id"] not in [one["id"] for one in call_api(shared_stack, "GET", "/api/v1/pipelines")]
