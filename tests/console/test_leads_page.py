"""The list of leads: filters, views, columns and edits of many, with a mouse, with keys, and by who may."""

import html
import json
import re
import secrets
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, expect

from shared.lead_list.bounded_search import MAX_COUNTED_MATCHES
from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, post_leads, watched_page
from tests.support.leadlist import INSERT
from tests.support.stack import Stack
from tests.support.waiting import until

LIST = "/console/main/leads"
ROW = re.compile(r'id="lead-(\d+)"')
HOSTILE_NAME = '<script>alert("x")</script>‮ evil'
FIRST_STAGE_SQL = """
SELECT p.id, s.id FROM workspaces w
JOIN pipelines p ON p.workspace_id = w.id JOIN pipeline_stages s ON s.pipeline_id = p.id
WHERE w.slug = 'main' AND p.is_default ORDER BY s.position LIMIT 1
"""
LEADS_OF_SQL = "SELECT id, status, starred FROM leads WHERE source = %s ORDER BY id"


def leads_of(stack: Stack, source: str) -> list[tuple[Any, ...]]:
    with stack.database() as database:
        return database.execute(LEADS_OF_SQL, (source,)).fetchall()


def add_leads(stack: Stack, n: int, **fields: Any) -> str:
    """The source of new leads, whose scores repeat and whose last names do not."""
    source = f"list-{secrets.token_hex(4)}"
    with stack.database() as database:
        row = database.execute("SELECT id FROM workspaces WHERE slug = 'main'").fetchone()
        assert row is not None
        lead = {"workspace_id": row[0], "source": source, "first_name": "Ada", **fields}
        rows = [{**lead, "last_name": f"L{place:04}", "lead_score": place % 3} for place in range(n)]
        database.execute(INSERT, (json.dumps(rows),))
    return source


def link(text: str, pattern: str) -> str | None:
    found = re.search(rf'href="([^"]*{pattern}[^"]*)"', text)
    return html.unescape(found[1]) if found else None


async def walk(client: ConsoleClient, path: str, side: str) -> tuple[list[int], str]:
    """The leads that a walk over the pages meets, and the address of its last page."""
    met: list[int] = []
    while True:
        shown = await client.get(path)
        assert shown.status == 200
        met += [int(id_) for id_ in ROW.findall(shown.text)]
        further = link(shown.text, f"{side}=")
        if further is None:
            return met, path
        path = further


@pytest.mark.parametrize("order", ["", "&sort=lead_score", "&sort=last_name&direction=asc", "&sort=updated_at"])
async def test_pages_meet_each_lead_once_and_lead_back(stack: Stack, client: ConsoleClient, order: str) -> None:
    source = add_leads(stack, 120)
    first = f"{LIST}?source={source}{order}"
    met, last = await walk(client, first, "older")
    assert len(met) == len(set(met)) == 120
    shown = await client.get(last)
    assert "101–120 of 120" in shown.text
    back = link(shown.text, "newer=")
    assert back is not None
    assert [int(id_) for id_ in ROW.findall((await client.get(back)).text)] == met[50:100]


async def test_a_wide_search_says_how_far_it_counted(stack: Stack, client: ConsoleClient) -> None:
    name = f"Wide{secrets.token_hex(4)}"
    with stack.database() as database:
        place = database.execute(FIRST_STAGE_SQL).fetchone()
    assert place is not None
    stage = {"pipeline_id": place[0], "pipeline_stage_id": place[1]}
    source = add_leads(stack, MAX_COUNTED_MATCHES + 1, first_name=name, **stage)
    folded = "SELECT count(*) FROM lead_search WHERE text LIKE %s"
    with stack.database() as database:
        until(lambda: database.execute(folded, (f"{name.lower()}%",)).fetchone() == (MAX_COUNTED_MATCHES + 1,))
    shown = await client.get(f"{LIST}?search={name}")
    for sentence in ("1–50 of more than 5,000", "Export all", "Edit all that match"):
        assert sentence in shown.text
    older = link(shown.text, "older=")
    assert older is not None
    assert "51–100 of more than 5,000" in (await client.get(older)).text
    board = await client.get(f"/console/main/pipeline?search={name}&source={source}")
    assert "5,001 leads" in board.text
    with stack.database() as database:
        database.execute("DELETE FROM leads WHERE source = %s", (source,))


async def test_lists_are_masked_and_edits_refused_by_role(stack: Stack, readers: dict[str, Reader]) -> None:
    name = secrets.token_hex(5)
    source = add_leads(stack, 2, phone="+4722334455")
    with stack.database() as database:
        database.execute("UPDATE leads SET company = %s WHERE source = %s", (f"Company {name}", source))
    columns = "columns=company,phone,custom_fields.budget,status"
    for kind, sees, edits in (("manager", True, 200), ("agent", True, 403), ("read_only", False, 403)):
        async with console_client(stack.base, readers[kind].email) as client:
            shown = await client.get(f"{LIST}?source={source}&{columns}")
            assert (f"Company {name}" in shown.text, "L0001" in shown.text, "+4722334455" in shown.text) == (sees,) * 3
            assert ('name="ids"' in shown.text) == (edits == 200)
            assert (await client.get(f"{LIST}/bulk?kind=edit&source={source}")).status == edits
            assert (await client.get(f"{LIST}?search={name}")).status == (200 if sees else 303)
    assert (await _left_out(stack, readers["admin"])) == LIST
    async with console_client(stack.base, readers["stranger"].email) as client:
        assert "There are no leads yet." in (await client.get("/console/elsewhere/leads")).text
        assert (await client.get(LIST)).status == 404


async def test_what_a_job_was_filtered_by_is_masked(stack: Stack, readers: dict[str, Reader]) -> None:
    email = f"job{secrets.token_hex(5)}@example.com"
    await post_leads(stack, [{"email": email}])
    path = f"{LIST}/bulk?kind=edit&email={email}"
    async with console_client(stack.base, readers["manager"].email) as manager:
        job = (await manager.post(path, {"confirmed": "1", "status": "contacted"})).location
    for kind, sees in (("agent", True), ("read_only", False)):
        async with console_client(stack.base, readers[kind].email) as client:
            for page in (job, "/console/main/jobs"):
                shown = await client.get(page)
                assert (shown.status, email in shown.text) == (200, sees)


async def _left_out(stack: Stack, reader: Reader) -> str:
    """Where an address with filters that name nothing leads to."""
    async with console_client(stack.base, reader.email) as client:
        answer = await client.get(f"{LIST}?stage_id={2**40}&status=odd")
        while answer.status == 303 and "?" in answer.location:
            answer = await client.get(answer.location)
        return answer.location


async def test_views_are_ones_own_or_the_teams(stack: Stack, readers: dict[str, Reader]) -> None:
    name = f"view {secrets.token_hex(4)}"
    mine = "/console/me/leads/main/views"
    form = {"name": f"{name} {HOSTILE_NAME}", "query": '{"status": "lost", "search": "ada"}', "columns": "owner,tags"}
    async with (
        console_client(stack.base, readers["agent"].email) as agent,
        console_client(stack.base, readers["manager"].email) as manager,
    ):
        assert (await agent.post(f"{LIST}/views", form)).status == 403
        assert (await manager.post(f"{LIST}/views", {"query": "[" * 5_000})).status == 303  # too deep to be read
        saved = (await agent.post(mine, {**form, "is_default": "1"})).location
        opened = (await agent.get(LIST)).location  # the list opens with it
        assert saved == opened
        assert opened.endswith("status=lost")  # what is searched for is not kept
        shown = await agent.get(opened)
        assert html.escape(HOSTILE_NAME, quote=False).split("(")[0] in shown.text
        assert HOSTILE_NAME not in shown.text
        assert name not in (await manager.get(f"{LIST}?view=all")).text
        number = re.search(r"view=(\d+)", saved)
        assert number is not None
        assert (await manager.post(f"{mine}/{number[1]}", {"do": "delete"})).status == 404
        assert (await manager.post(f"{LIST}/views/{number[1]}", {"do": "delete"})).status == 404

        team = (await manager.post(f"{LIST}/views", {**form, "name": f"team {name}"})).location
        assert f"team {name}" in (await agent.get(f"{LIST}?view=all")).text
        number = re.search(r"view=(\d+)", team)
        assert number is not None
        deleted = (await manager.post(f"{LIST}/views/{number[1]}", {"do": "delete"})).location
        assert f"team {name}" in (await manager.get(deleted)).text  # with its undo
        assert f"team {name}" not in (await agent.get(f"{LIST}?view=all")).text
        await manager.post(f"{LIST}/views/{number[1]}", {"do": "restore"})
        assert f"team {name}" in (await agent.get(f"{LIST}?view=all")).text


async def test_leads_are_deleted_only_by_their_typed_number(stack: Stack, client: ConsoleClient) -> None:
    source = add_leads(stack, 3)
    path = f"{LIST}/bulk?kind=delete&source={source}"
    shown = await client.get(path)
    assert "Delete 3 leads" in shown.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    assert (await client.post(path, {**fields, "typed": "2"})).status == 422
    assert len(leads_of(stack, source)) == 3
    add_leads_to(stack, source)
    moved = await client.post(path, {**fields, "typed": "3"})
    assert moved.status == 409
    assert "you saw 3, 4 match now" in moved.text
    fields["confirmed"] = "4"
    started = await client.post(path, {**fields, "typed": "4"})
    assert (started.status, "/jobs/" in started.location) == (303, True)
    until(lambda: leads_of(stack, source) == [], what="the end of the deletion")
    assert (await client.get(f"{LIST}/bulk?kind=delete&status=odd")).status == 422  # a filter that cannot be read


def add_leads_to(stack: Stack, source: str) -> None:
    """One more lead of a source."""
    with stack.database() as database:
        database.execute(
            "INSERT INTO leads (workspace_id, id, first_name, source) SELECT id, nextval('lead_ids'), 'Late', %s "
            "FROM workspaces WHERE slug = 'main'",
            (source,),
        )


@needs_chromium
async def test_a_morning_with_the_leads(stack: Stack, browser: Browser, readers: dict[str, Reader]) -> None:
    source, tag = f"fair-{secrets.token_hex(4)}", f"hot-{secrets.token_hex(3)}"
    people = [("Ada", "one"), ("Bo", "two"), (HOSTILE_NAME, "three")]
    await post_leads(
        stack,
        [
            {"first_name": name, "last_name": source, "email": f"{place}@{source}.example", "source": source}
            for name, place in people
        ],
    )
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(f"{LIST}?view=all")
        await filter_by_source(page, source)
        await edit_two_by_keys(stack, page, source, tag)
        await save_and_change_a_view(page, source)
        await edit_all_with_a_moved_count(stack, page, source)
        await watched.open(f"{LIST}?source={source}")
        found = (await Axe().run(page)).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await watched.excess_width() == 0
        assert [fault for fault in watched.faults if "409" not in fault] == []  # of the count that moved


async def filter_by_source(page: Page, source: str) -> None:
    """Add a filter by its form, and another one that is taken away by a key."""
    await page.locator(".filter-drop summary").click()
    await page.get_by_role("combobox", name="Source").fill(source)
    await page.get_by_role("combobox", name="Status").select_option("new")
    await page.locator(".filter-drop").get_by_role("button", name="Show").click()
    await expect(page.get_by_role("row")).to_have_count(4)  # with the headings
    await page.get_by_role("link", name="Remove the filter Status").press("Enter")
    await page.wait_for_url(lambda url: "status=" not in url and source in url)
    await expect(page.get_by_text("1–3 of 3")).to_be_visible()
    await page.keyboard.press("f")
    await expect(page.get_by_role("searchbox", name="Search the leads")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")  # as on each page
    await expect(page.locator("dialog#palette")).to_have_attribute("open", "")
    await page.keyboard.press("Escape")


async def edit_two_by_keys(stack: Stack, page: Page, source: str, tag: str) -> None:
    for key in ("j", "x", "j", "x"):
        await page.keyboard.press(key)
    await expect(page.get_by_role("region", name="Selection")).to_contain_text("2")
    await page.keyboard.press("e")
    await expect(page.get_by_role("heading", name="Edit 2 leads")).to_be_visible()
    await page.get_by_role("combobox", name="Status").select_option("qualified")
    await page.get_by_role("combobox", name="Add tags").fill(f"{tag}, second")
    await page.get_by_role("button", name="Edit 2").click()
    await expect(page.get_by_text("Edit 2 leads: all done")).to_be_visible()
    assert [row[1] for row in leads_of(stack, source)].count("qualified") == 2
    await expect(page.get_by_role("row").filter(has_text=tag)).to_have_count(2)


async def save_and_change_a_view(page: Page, source: str) -> None:
    await page.get_by_text("+ Save this view").click()
    await page.get_by_label("Name of the view").fill(f"Fair {source}")
    await page.get_by_role("button", name="Save for me").click()
    await expect(page.get_by_role("navigation", name="Saved views")).to_contain_text(f"Fair {source}")
    await page.locator(".columns-drop summary").click()
    await page.get_by_role("checkbox", name="Company").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await page.get_by_role("checkbox", name="Score").uncheck()
    await page.locator(".columns-drop").get_by_role("button", name="Show").click()
    await expect(page.get_by_role("columnheader")).to_have_text(
        [re.compile(r"^\s*$"), "Name", "Stage", "Company", "Owner", "Source", "Tags", re.compile("Created")]
    )
    await page.get_by_text("+ Save this view").click()
    await page.get_by_role("button", name=re.compile("^Change “Fair")).click()
    await expect(page.get_by_text("The view is changed.")).to_be_visible()


async def edit_all_with_a_moved_count(stack: Stack, page: Page, source: str) -> None:
    """A lead comes while the number is confirmed: nothing is edited until it is said which are meant. Then undo it."""
    await page.get_by_role("link", name="Edit all…").click()
    await expect(page.get_by_role("heading", name="Edit 3 leads")).to_be_visible()
    await page.get_by_role("combobox", name="Star").select_option("true")
    add_leads_to(stack, source)
    await page.get_by_role("button", name="Edit 3").click()
    await expect(page.get_by_role("alert")).to_contain_text("you saw 3, 4 match now")
    assert not any(row[2] for row in leads_of(stack, source))
    await page.get_by_role("button", name=re.compile("^Only the 3 that had come")).click()
    await page.get_by_role("button", name="Edit 3").click()
    await page.wait_for_url(re.compile("/jobs/"))
    until(lambda: [row[2] for row in leads_of(stack, source)] == [True] * 3 + [False], what="the end of the edit")
    await expect(page.get_by_role("heading", name="All 3 are done.")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="Take the changes back").click()
    await expect(page.get_by_text("which is taken back")).to_be_visible()
    until(lambda: not any(row[2] for row in leads_of(stack, source)), what="the end of the undo")
