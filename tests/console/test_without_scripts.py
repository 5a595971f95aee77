"""The console in a browser without JavaScript: links and forms do it all."""

import re
import secrets

from playwright.async_api import Browser

from tests.support.console import Reader, needs_chromium, watched_page
from tests.support.console_failures import add_cause, add_submission
from tests.support.stack import Database, Stack
from tests.support.waiting import until

pytestmark = needs_chromium

CHANGED_SQL = """
SELECT convert_from(payload, 'UTF8')::jsonb ->> 'first_name' FROM submission_versions
WHERE submission_id = %s AND author ->> 'kind' = 'user'
"""


async def test_a_lane_is_paused_and_resumed_without_scripts(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await page.wait_for_url("**/console/main/now")
        assert await page.locator("h1.verdict").inner_text()
        await page.locator("nav.nav").get_by_role("link", name="Queues").click()
        await page.wait_for_url("**/queues")
        await page.locator("tr", has_text="Deliveries").get_by_role("link", name="Pause").click()
        await page.fill("input[name=reason]", "the receiver asked for it")
        await page.locator("form.dialog footer button").click()
        await page.wait_for_url("**/queues")
        assert "the receiver asked for it" in await page.locator(".strip").first.inner_text()
        assert await page.locator(".toast").count() == 1
        await page.locator(".strip").get_by_role("button", name="Resume now").click()
        await page.wait_for_url("**/queues")
        assert await page.locator(".strip").count() == 0
        assert watched.faults == []


async def test_theme_and_sign_out_without_scripts(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await page.get_by_role("button", name="Theme").click()
        await page.wait_for_selector("html[data-theme=dark]")
        await page.get_by_role("button", name="Theme").click()
        await page.wait_for_selector("html[data-theme=light]")
        await page.locator("details.drop.end > summary").click()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/console/sign-in")
        await watched.open("/console/main/now")
        assert "/console/sign-in" in page.url


def names_of(database: Database, ids: list[str]) -> list[str]:
    return [name for id_ in ids for (name,) in database.execute(CHANGED_SQL, (id_,)).fetchall()]


async def test_a_change_that_is_typed_is_tried_and_replayed_without_a_look_at_examples(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    with shared_stack.database() as database:
        cause = add_cause(database, "submission", "No such status")
        email = f"{secrets.token_hex(6)}@example.com"
        ids = [add_submission(database, "dead", {"email": email, "status": "warm"}, cause=cause) for _ in range(2)]
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await watched.open(f"/console/main/dead-letters/{cause}/fix")
        await page.get_by_role("button", name="Set a field").click()
        await page.fill("input[name=reason]", "They said so")
        await page.get_by_role("button", name="Try one").click()
        assert "the change is not complete" in await page.get_by_role("alert").inner_text()
        assert await page.input_value("input[name=reason]") == "They said so"
        await page.fill("input[name=field]", "first_name")
        await page.fill("input[name=value]", "Grace")
        await page.get_by_role("button", name="Try one").click()
        await page.wait_for_url(f"**tried={ids[0]}")
        assert await page.input_value("input[name=value]") == "Grace"
        assert await page.input_value("input[name=reason]") == "They said so"
        await page.fill("input[name=value]", "Ada")
        await page.get_by_role("button", name=re.compile("^Replay (all|the other) 1$")).click()
        await page.wait_for_url(re.compile(r"/jobs/\d+$"))
    with shared_stack.database() as database:
        until(lambda: names_of(database, ids) == ["Grace", "Ada"], what="the versions of both")
