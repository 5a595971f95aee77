"""Going through a group of leads that are one person: each is put beside the lead that stays, until none is left."""

import re
import secrets

from playwright.async_api import Browser, expect

from shared.platform.db.connections import connect
from tests.support.console import Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead
from tests.support.lead_pairs import write_pair
from tests.support.stack import Stack
from tests.support.waiting import until

COMPARED_SQL = """
WITH made AS (SELECT %(leads)s::bigint[] AS ids)
SELECT (SELECT count(*) FROM likeness_profiles WHERE lead_id = ANY(ids)) = cardinality(ids)
       AND NOT EXISTS (SELECT FROM likeness_queue WHERE lead_ids && ids)
FROM made
"""


async def make_group(stack: Stack, *names: str, alike: bool = False) -> list[int]:
    """The ids of leads with those first names. The first is alike all others; with `alike` all are alike."""
    word = secrets.token_hex(6)
    leads = [new_lead(stack, first_name=name, company=f"{word}{n}")["id"] for n, name in enumerate(names)]
    with stack.database() as database:  # the engine would drop what was written before it came to compare them
        until(lambda: (database.execute(COMPARED_SQL, {"leads": leads}).fetchone() or (False,))[0], what="comparison")
    async with connect(stack.database_url, "tests") as connection:
        found = await connection.execute("SELECT workspace_id FROM leads WHERE id = %s", (leads[0],))
        workspace = (await found.fetchall())[0][0]
        for n, lead in enumerate(leads):
            for other in leads[n + 1 :] if alike or n == 0 else []:
                await write_pair(connection, workspace, lead, other, bits=20.0 - leads.index(other) - n)
    return leads


@needs_chromium
async def test_a_group_is_merged_one_after_another(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    amara, second, third, fourth = await make_group(shared_stack, "Amara", "Amara N.", "A. Okonkwo", "<b>Amy</b>")
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/duplicates?lead_id={amara}")
        row = page.locator("tbody tr").first
        await expect(row).to_contain_text(f"and 2 more: A. Okonkwo #{third}, <b>Amy</b> #{fourth}")
        await row.get_by_role("link", name="Compare 4").click()
        await expect(page.locator("#group")).to_contain_text("2 more look like this person")
        await expect(page.locator("#group li")).to_have_count(2)

        await page.get_by_role("button", name=f"Merge into #{amara}").click()
        await expect(page).to_have_url(re.compile(rf"/leads/{amara}/merge\?with={third}&group={fourth}$"))
        toast = page.locator(".toast")
        await expect(toast).to_contain_text(f"Lead #{second} is merged into Amara. 2 more look like this")
        await expect(toast.get_by_role("button", name="Undo")).to_be_visible()
        await expect(page.locator("#group")).to_contain_text("1 more looks like this person")

        await page.get_by_role("button", name=f"Merge into #{amara}").click()
        await expect(page).to_have_url(re.compile(rf"/leads/{amara}/merge\?with={fourth}$"))
        await expect(page.locator("#group")).to_have_count(0)
        await page.get_by_role("button", name=f"Merge into #{amara}").click()
        await expect(page).to_have_url(re.compile(rf"/leads/{amara}$"))
        await page.get_by_role("button", name=re.compile("Undo")).first.click()
        await expect(page.locator(".toast")).to_contain_text(f"lead #{fourth} is back")
        assert watched.faults == []
    assert [call_api(shared_stack, "GET", f"/api/v1/leads/{each}")["id"] for each in (second, third, fourth)] == [
        amara,
        amara,
        fourth,
    ]


async def test_a_reader_who_goes_through_all_comes_back_to_the_list_after_a_group(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    first, second, third = await make_group(shared_stack, "Ida", "Ida B.", "I. B.", alike=True)
    walk = f"walk=1&lead_id={first}"
    async with console_client(shared_stack.base, readers["agent"].email) as client:
        listed = await client.get(f"/console/main/duplicates?lead_id={first}")
        (start,) = re.findall(r'href="(/console/main/duplicates/\d+\?walk=1[^"]*)"', listed.text)
        assert start.replace("&amp;", "&").endswith(walk)
        begun = await client.get(f"/console/main/leads/{first}/merge?with={second}&{walk}")
        (dismiss,) = re.findall(r'action="([^"]*/dismiss[^"]*)"', begun.text)
        went_on = await client.post(dismiss.replace("&amp;", "&"), {})
        assert re.search(rf"/leads/{first}/merge\?with={third}&walk=[\d.~%E]+&lead_id={first}$", went_on.location)
        merged = await client.post(went_on.location, {})
        assert merged.location.endswith(f"/console/main/duplicates?lead_id={first}")
        assert call_api(shared_stack, "GET", f"/api/v1/leads/{third}")["id"] == first
        odd = await client.get(f"/console/main/leads/{first}/merge?with={second}&group=x-{2**70}-{first}-9-&walk=~")
        assert (odd.status, "look like this person" in odd.text) == (200, False)


async def test_masks_hide_the_names_of_a_group(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    name = f"Zed{secrets.token_hex(4)}"
    first, second, third = await make_group(shared_stack, "Ola", "Ola N.", name)
    async with console_client(shared_stack.base, readers["read_only"].email) as client:
        for path in (f"duplicates?lead_id={first}", f"leads/{first}/merge?with={second}"):
            shown = await client.get(f"/console/main/{path}")
            assert (shown.status, name in shown.text, f"#{third}" in shown.text) == (200, False, True)
