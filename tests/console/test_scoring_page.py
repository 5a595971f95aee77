"""The page of scoring: a rule is tried before it is saved, rules have an order, and all leads are counted again."""

import re

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.console import console_client, needs_chromium, watched_page
from tests.support.scored_workspace import Scored, make_scored
from tests.support.stack import Stack
from tests.support.waiting import until, until_async

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest_asyncio.fixture
async def scored(shared_stack: Stack) -> Scored:
    return await make_scored(shared_stack)


@needs_chromium
async def test_a_rule_is_tried_saved_moved_and_counted(browser: Browser, scored: Scored) -> None:
    async with watched_page(browser, scored.stack.base, f"manager@{scored.slug}.example.com") as watched:
        page = watched.page
        await watched.open(scored.page)
        await expect(page.locator("main")).to_contain_text("No rule yet")
        await page.get_by_role("link", name="Add a rule").click()
        await page.locator("select[name=field]").select_option("status")
        await expect(page.locator("select[name=value] option", has_text="contacted")).to_have_count(1)
        await page.locator("select[name=field]").select_option("country")
        await expect(page.locator("input[name=value]")).to_have_value("")
        await page.locator("select[name=operator]").select_option("in")
        await page.locator("input[name=value]").fill("NO | DK")
        await page.locator("input[name=points]").fill("20")
        await expect(page.locator("[data-score-preview]")).to_contain_text("3 leads: 2 gain, 0 lose, 1 stay.")
        assert scored.rules() == []
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator("[data-sortable-row]")).to_have_count(1)
        [(first, *stored)] = scored.rules()
        assert stored == ["country", "in", ["NO", "DK"], 20, True]

        await watched.open(f"{scored.page}?new=1&field=first_name&operator=equals&value=ada&points=-3&is_active=1")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator("[data-sortable-row]")).to_have_count(2)
        await page.locator(f"#rule-{first} [data-order-grip]").press("ArrowDown")
        await expect(page.locator("[data-sortable-row]").nth(1)).to_have_id(f"rule-{first}")

        # No lead has the points of the first rule yet: a rule is tried for what it does itself.
        await watched.open(f"{scored.page}?new=1&try=1&field=country&operator=equals&value=SE&points=10&is_active=1")
        await expect(page.locator("[data-score-preview]")).to_contain_text("3 leads: 1 gain, 0 lose, 2 stay.")
        await expect(page.locator("[data-score-preview] tbody")).to_contain_text(
            re.compile("-3.*counted afresh.*7", re.DOTALL)
        )
        await watched.open(scored.page)
        await page.get_by_role("link", name="Count all again").click()
        await expect(page.locator("[data-score-preview]")).to_contain_text("3 leads: 2 gain, 1 lose, 0 stay.")
        await page.get_by_role("button", name="Count 3 again").click()
        await expect(page).to_have_url(re.compile("/jobs/[0-9]+$"))
        until(lambda: scored.scores() == [17, 17, -3], what="the scores")
        await watched.open(scored.page)
        await page.locator(f"#rule-{first}").get_by_role("link", name="Switch off").click()
        await expect(page.locator("[data-score-preview]")).to_contain_text("0 gain, 2 lose, 1 stay.")
        await page.get_by_role("button", name="Switch off").click()
        await expect(page.locator(f"#rule-{first}")).to_contain_text("off")
        assert await watched.excess_width() <= 0
        assert watched.faults == []


async def test_rules_of_others_and_wrong_rules_are_refused(scored: Scored) -> None:
    page, stack = scored.page, scored.stack
    rule = {"field": "country", "operator": "equals", "value": HOSTILE, "points": "5", "is_active": "1"}
    async with console_client(stack.base, f"manager@{scored.slug}.example.com") as manager:
        assert (await manager.post(page, rule)).status == 303
        [(id_, *_)] = scored.rules()
        shown = await manager.get(page)
        assert (HOSTILE in shown.text, "&lt;img" in shown.text) == (False, True)
        wrong: list[dict[str, str]] = [
            {"points": "0"},
            {"points": "9" * 50},
            {"points": "x"},
            {"value": ""},
            {"value": "x" * 10_000},
            {"value": "a\0b"},
            {"operator": "like"},
            {"operator": ""},
            {"field": "shoe_size"},
            {"field": "lead_score", "operator": "less_than", "value": "5"},
            {"field": "", "custom": "x" * 200},
            {"operator": "in", "value": " | "},
            {"operator": "greater_than", "value": "NaN"},
        ]
        for fields in wrong:
            for path in (page, f"{page}/{id_}"):
                assert (await manager.post(path, {**rule, **fields})).status == 422, fields
            query = "&".join(f"{name}={value[:2000]}" for name, value in {**rule, **fields}.items())
            tried = await manager.get(f"{page}?new=1&try=1&{query.replace(chr(0), '%00')}")
            assert (tried.status, "data-score-preview" in tried.text) == (200, False), fields
        endless = await manager.post(page, {**rule, "operator": "less_than", "value": "-inf"})
        assert "Nothing is more or less than that" in endless.text
        for query in ("edit=" + "9" * 18, "delete=0", "switch=77777777", "lead=" + "9" * 18, "lead=x", "new=1&field=x"):
            assert (await manager.get(f"{page}?{query}")).status in (200, 404), query
        assert (await manager.post(f"{page}/{id_}/move", {"position": "9" * 400})).status == 303
        assert "Why the score is" in (await manager.get(f"{page}?lead={lead_of(scored)}")).text
        assert (await manager.post(f"{page}/{id_}/delete", {})).status == 303
        assert (await manager.post(f"{page}/{id_}/delete", {})).status == 404
        assert (await manager.post(page, rule)).status == 303
    async with console_client(stack.base, f"read_only@{scored.slug}.example.com") as reader:
        shown = await reader.get(f"{page}?new=1&recount=1")
        assert (shown.status, "data-order-grip" in shown.text, "veil" in shown.text) == (200, False, False)
        for path in (page, f"{page}/{id_}", f"{page}/recalculate"):
            assert (await reader.post(path, rule)).status == 403


async def test_whoever_may_not_see_persons_reads_no_value_of_one_in_a_rule(scored: Scored) -> None:
    private = {"field": "email", "operator": "in", "value": "ada@x.example | bob@x.example", "points": "1"}
    async with console_client(scored.stack.base, f"manager@{scored.slug}.example.com") as manager:
        assert (await manager.post(scored.page, private)).status == 303
        assert (await manager.post(scored.page, {**private, "field": "source"})).status == 303
        assert (await manager.get(scored.page)).text.count("ada@x.example, bob@x.example") >= 2
    async with console_client(scored.stack.base, f"read_only@{scored.slug}.example.com") as reader:
        shown = (await reader.get(scored.page)).text
        assert "is one of <b><bdi>…</bdi></b>" in shown
        assert shown.count("ada@x.example") == 1  # that of the source


async def test_page_says_that_a_rule_is_newer_than_the_last_count(scored: Scored) -> None:
    rule = {"field": "country", "operator": "equals", "value": "NO", "points": "5", "is_active": "1"}
    async with console_client(scored.stack.base, f"manager@{scored.slug}.example.com") as manager:
        assert (await manager.post(scored.page, rule)).status == 303
        assert "data-newer-rules" not in (await manager.get(scored.page)).text
        assert (await manager.post(f"{scored.page}/recalculate", {})).status == 303
        assert "data-newer-rules" not in (await manager.get(scored.page)).text
        [(id_, *_)] = scored.rules()
        assert (await manager.post(f"{scored.page}/{id_}", {**rule, "points": "6"})).status == 303
        assert "data-newer-rules" in (await manager.get(scored.page)).text


async def test_page_says_that_a_rule_was_deleted_since_the_last_count(scored: Scored) -> None:
    rule = {"field": "country", "operator": "equals", "value": "NO", "points": "5", "is_active": "1"}
    async with console_client(scored.stack.base, f"manager@{scored.slug}.example.com") as manager:
        assert (await manager.post(scored.page, rule)).status == 303
        assert (await manager.post(f"{scored.page}/recalculate", {})).status == 303
        [(id_, *_)] = scored.rules()
        assert (await manager.post(f"{scored.page}/{id_}/delete", {})).status == 303

        async def tells() -> bool:
            return "data-newer-rules" in (await manager.get(scored.page)).text

        await until_async(tells, what="the sentence: the audit log is written after the answer")


def lead_of(scored: Scored) -> int:
    with scored.stack.database() as database:
        found = "SELECT min(l.id) FROM leads l JOIN workspaces w ON w.id = l.workspace_id WHERE w.slug = %s"
        [(id_,)] = database.execute(found, (scored.slug,)).fetchall()
        return int(id_)


async def test_another_workspaces_rule_is_not_there(scored: Scored) -> None:
    with scored.stack.database() as database:
        [(foreign,)] = database.execute(
            "INSERT INTO scoring_rules (workspace_id, field, operator, points) "
            "SELECT id, 'email', 'is_empty', 1 FROM workspaces WHERE slug = 'main' RETURNING id"
        ).fetchall()
        database.execute("UPDATE scoring_rules SET is_active = false WHERE id = %s", (foreign,))
    async with console_client(scored.stack.base, f"manager@{scored.slug}.example.com") as manager:
        for path in ("", "/switch", "/move", "/delete"):
            assert (await manager.post(f"{scored.page}/{foreign}{path}", {"position": "1"})).status == 404, path
        assert (await manager.get(f"{scored.page}?edit={foreign}")).status == 404
