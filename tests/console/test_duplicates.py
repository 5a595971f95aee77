"""Duplicates in a browser and without scripts: two leads side by side, merged, taken apart, told from one another."""

import re
import secrets

from playwright.async_api import Browser, expect

from shared.platform.db.advisory_locks import LIKENESS_LOCK_CLASS
from tests.support.console import Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, post_inbound
from tests.support.stack import Stack
from tests.support.waiting import until, until_async

ADD_BACKLOG_SQL = """
INSERT INTO likeness_queue (workspace_id, lead_ids, created_at)
SELECT id, ARRAY[1000001, 1000002], now() - interval '1 minute' FROM workspaces WHERE slug = 'main'
"""
HOLD_LIKENESS_SQL = "SELECT pg_advisory_lock(%s, id::int) FROM workspaces WHERE slug = 'main'"
PAIRS_SQL = "SELECT id FROM duplicate_pairs WHERE lead_a = %s AND lead_b = %s AND state = 'open'"


def two_of_a_kind(stack: Stack) -> tuple[int, int, int]:
    """The ids of two leads that are alike, and of their pair."""
    surname, firm = f"Lindq{secrets.token_hex(4)}", f"Fjord{secrets.token_hex(3)}"
    given = {"first_name": "Henrik", "last_name": surname, "company": firm}
    first = int(post_inbound(stack, email=f"{surname}@example.com", tags=["one"], **given))
    other = {"email": f"h.{surname}@mail.example.com", "tags": ["two"], "job_title": "Owner"}
    second = int(post_inbound(stack, **other, **{**given, "company": f"{firm} AS"}))
    with stack.database() as database:
        until(lambda: database.execute(PAIRS_SQL, (first, second)).fetchone(), what="the pair")
        row = database.execute(PAIRS_SQL, (first, second)).fetchone()
    assert row is not None
    return first, second, row[0]


@needs_chromium
async def test_two_are_compared_merged_and_taken_apart_again(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    first, second, pair = two_of_a_kind(shared_stack)
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/duplicates?lead_id={first}")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator("tbody tr")).to_contain_text("Last name: the same")
        await watched.press("j")
        await watched.press("n")
        await expect(page.locator(".toast")).to_contain_text("are not the same")
        await page.get_by_role("button", name="Undo").click()
        await expect(page.locator(".toast")).to_contain_text("They may be the same again")

        await watched.open(f"/console/main/duplicates/{pair}")
        company = page.locator("tr", has=page.get_by_role("rowheader", name="Company"))
        await expect(company.locator(".out-theirs")).to_be_hidden()
        await company.get_by_role("radio").nth(1).check()
        await expect(company.locator(".out-theirs")).to_be_visible()
        await expect(company.locator(".out-ours")).to_be_hidden()
        await expect(
            page.locator("tr", has=page.get_by_role("rowheader", name="Tags")).locator(".merge-result")
        ).to_have_text("both")
        await page.locator("h1").click()
        await watched.press("m")
        await expect(page).to_have_url(re.compile(rf"/leads/{first}$"))
        merged = call_api(shared_stack, "GET", f"/api/v1/leads/{second}")
        assert (merged["id"], merged["job_title"], merged["tags"]) == (first, "Owner", ["one", "two"])
        assert merged["company"].endswith(" AS")
        await watched.open(f"/console/main/leads/{second}")  # an old link
        await expect(page).to_have_url(re.compile(rf"/leads/{first}$"))
        await page.get_by_role("button", name=re.compile("Undo")).first.click()
        await expect(page.locator(".toast")).to_contain_text(f"lead #{second} is back")
        apart = [call_api(shared_stack, "GET", f"/api/v1/leads/{each}") for each in (first, second)]
        assert [(each["id"], each["tags"]) for each in apart] == [(first, ["one"]), (second, ["two"])]
        assert watched.faults == []


async def test_who_may_not_see_persons_sees_masks_and_changes_nothing(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    first, second, pair = two_of_a_kind(shared_stack)
    surname = call_api(shared_stack, "GET", f"/api/v1/leads/{first}")["last_name"]
    async with console_client(shared_stack.base, readers["read_only"].email) as client:
        for path in (f"duplicates?lead_id={first}", f"leads/{first}/merge?with={second}"):
            shown = await client.get(f"/console/main/{path}")
            assert (shown.status, surname in shown.text, "hidden for your role" in shown.text) == (200, False, True)
            assert "/dismiss" not in shown.text
        for path in (f"duplicates/{pair}/dismiss", f"leads/{first}/merge?with={second}", f"leads/{first}/unmerge"):
            assert (await client.post(f"/console/main/{path}", {})).status == 403
    assert call_api(shared_stack, "GET", f"/api/v1/leads/{second}")["id"] == second


async def test_the_page_says_how_many_leads_are_not_compared_yet(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    waiting = re.compile(r"[\d,]+ leads are still to be compared")
    async with console_client(shared_stack.base, readers["agent"].email) as client:

        async def is_behind() -> bool:
            return bool(waiting.search((await client.get("/console/main/duplicates")).text))

        with shared_stack.database() as database:  # its session ends with this block, and the lock with it
            database.execute(HOLD_LIKENESS_SQL, (LIKENESS_LOCK_CLASS,))
            database.execute(ADD_BACKLOG_SQL)
            assert await is_behind()

        async def is_done() -> bool:
            return not await is_behind()

        await until_async(is_done, what="the end of the backlog")


async def test_addresses_that_lead_nowhere(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    lead = post_inbound(shared_stack, email=f"{secrets.token_hex(8)}@example.com")
    async with console_client(shared_stack.base, readers["agent"].email) as client:
        for path in (f"leads/{lead}/merge", f"leads/{lead}/merge?with=x", f"leads/{lead}/merge?with={2**62}"):
            assert (await client.get(f"/console/main/{path}")).status == 404, path
        assert (await client.get("/console/main/duplicates?state=x&min_score=y&lead_id=z&after=q~~1")).status == 200
        assert (await client.get("/console/main/duplicates?min_score=nan&after=nan~1")).status == 200
        assert (await client.post(f"/console/main/leads/{lead}/unmerge", {"merge_id": "1e9"})).status == 404
